"""The agreement on a foreign model: one encoding, bounded, and nothing else passes."""

import attrs
import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.adapters.arrays import ArraySpec
from gossipfl.errors import ConfigError, Untrusted
from gossipfl.foreign import ForeignManifest
from gossipfl.gossip.replica import Replica
from gossipfl.manifest import decode_manifest

WEIGHT = ArraySpec(name="weight", shape=(4, 3), limit=0.5)
COUNTER = ArraySpec(name="batches", shape=(), dtype="int64")
SIMPLE = ForeignManifest(cluster="lab", framework="flower", arrays=(WEIGHT, COUNTER))


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=4),
    st.sampled_from(["flower", "numpy-client", "sklearn", "torch"]),
    st.integers(0, 2**32 - 1),
    st.booleans(),
)
def test_the_body_reads_back_as_the_same_agreement(sizes, framework, seed, corrected):
    arrays = tuple(ArraySpec(name=f"a{i}", shape=(n, 2)) for i, n in enumerate(sizes))
    manifest = ForeignManifest(
        cluster="lab", framework=framework, arrays=arrays, seed=seed, corrected=corrected
    )
    again = decode_manifest(manifest.body)
    assert again == manifest
    assert again.id == manifest.id
    np.testing.assert_array_equal(again.initial(), manifest.initial())


def test_the_id_is_the_same_on_every_device_and_in_every_run():
    assert SIMPLE.id.hex() == "7545eb722e02d444aebf4d8effe8efe3"


@pytest.mark.parametrize("scheme", ["anchored", "plain"])
def test_both_schemes_gossip_the_shared_arrays(scheme):
    manifest = attrs.evolve(SIMPLE, scheme=scheme)
    assert (manifest.parameters, manifest.ranges) == (12, ((0, 12),))
    replica = Replica(manifest.initial(), samples=1, step_size=1.0, activity=0.1)
    replica.parameters += 1
    gossip = manifest.make_scheme()
    said = gossip.read(gossip.offer(replica, gossip.new_anchor()).payload)
    assert said.size == 12


def changed(**changes: object) -> bytes:
    return bytes(msgpack.packb(msgpack.unpackb(SIMPLE.body) | changes))


ARRAY = {"name": "w", "shape": [2], "dtype": "float32", "fill": 0.0, "limit": 0.0}


@pytest.mark.parametrize(
    "body",
    [
        SIMPLE.body[:-1],
        changed(framework="jax"),
        changed(framework=None),
        changed(schema={}),
        changed(corrected=1),
        changed(arrays=[]),
        changed(arrays=None),
        changed(arrays=[ARRAY, ARRAY]),
        changed(arrays=[ARRAY | {"name": f"w{i}"} for i in range(1025)]),
        changed(arrays=[ARRAY | {"shape": [51_201]}]),
        changed(arrays=[ARRAY | {"shape": [0]}]),
        changed(arrays=[ARRAY | {"shape": ["2"]}]),
        changed(arrays=[ARRAY | {"shape": 2}]),
        changed(arrays=[ARRAY | {"dtype": "object"}]),
        changed(arrays=[ARRAY | {"dtype": "int32"}]),
        changed(arrays=[ARRAY | {"fill": float("nan")}]),
        changed(arrays=[ARRAY | {"limit": -1.0}]),
        changed(arrays=[ARRAY | {"name": ""}]),
        changed(arrays=[ARRAY | {"more": 1}]),
        changed(arrays=["w"]),
    ],
)
def test_a_body_of_another_version_is_untrusted(body):
    with pytest.raises(Untrusted, match="ask for a new one"):
        decode_manifest(body)


@given(st.data())
def test_a_damaged_body_is_untrusted_or_another_agreement(data):
    body = bytearray(SIMPLE.body)
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        manifest = decode_manifest(bytes(body))
    except Untrusted:
        return
    assert manifest.body == bytes(body)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ((), "1 to 1024 arrays"),
        ((COUNTER,), "no float array"),
        ((WEIGHT, WEIGHT), "a name of its own"),
        (
            tuple(ArraySpec(name=str(i), shape=(20_000,)) for i in range(3)),
            "60,000 parameters, a mesh takes at most 51,200",
        ),
        (tuple(ArraySpec(name=f"{i:0>190}", shape=(1,)) for i in range(400)), "shorten them"),
    ],
)
def test_models_that_no_mesh_takes_are_refused(arrays, said):
    with pytest.raises(ConfigError, match=said):
        attrs.evolve(SIMPLE, arrays=arrays)
