"""The cluster's agreement: one encoding, one name, and nothing else passes."""

import attrs
import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.data.schema import Schema
from gossipfl.data.windows import Windowing
from gossipfl.errors import ConfigError, Untrusted
from gossipfl.learning.settings import TrainingSettings
from gossipfl.manifest import KIND, Manifest, decode_manifest, open_manifest
from gossipfl.models.layers import GRU
from gossipfl.models.sequential import perceptron
from gossipfl.security.authority import Authority

SIMPLE = Manifest(cluster="home", schema=Schema(columns=("a", "b"), target="y", classes="01"))


def make(**changes: object) -> Manifest:
    return attrs.evolve(SIMPLE, **changes)


@st.composite
def manifests(draw) -> Manifest:
    columns = draw(st.integers(1, 12) | st.lists(st.text(max_size=9), min_size=1, unique=True))
    schema = Schema(
        columns=columns,
        target="the target",
        classes=draw(st.sampled_from([(), ("a", "b"), tuple("0123456789")])),
        windowing=Windowing(
            length=draw(st.integers(1, 3)),
            stride=draw(st.integers(1, 3)),
            horizon=draw(st.integers(0, 3)),
        ),
    )
    training = TrainingSettings(
        learning_rate=draw(st.sampled_from([1, 1.0, 0.05])), local_steps=draw(st.integers(1, 50))
    )
    return Manifest(
        cluster=draw(st.from_regex(r"[0-9A-Za-z][0-9A-Za-z._-]{0,62}", fullmatch=True)),
        schema=schema,
        standardise=draw(st.sampled_from(["feature", "none", "channel:1"])),
        layers=perceptron(draw(st.lists(st.integers(1, 40), max_size=3))),
        seed=draw(st.integers(0, 2**32 - 1)),
        training=training,
        **draw(st.sampled_from([{"scheme": "plain"}, {"scheme": "anchored"}, {"trust": "open"}])),
        keep_ratio=draw(st.sampled_from([1, 1.0, 0.02])),
        bits=draw(st.sampled_from([1, 2, "auto"])),
    )


@given(manifests())
def test_the_body_reads_back_as_the_same_manifest(manifest):
    again = decode_manifest(manifest.body)
    assert again == manifest
    assert again.body == manifest.body
    assert again.id == manifest.id


@given(manifests(), manifests())
def test_equal_ids_mean_equal_manifests_and_the_reverse(one, other):
    assert (one == other) == (one.id == other.id)


def test_the_id_is_the_same_on_every_device_and_in_every_run():
    assert SIMPLE.id.hex() == "bf87ec491cd6097e573fb73e2c215cf5"


def test_the_initial_model_follows_from_the_manifest():
    again = decode_manifest(SIMPLE.body)
    np.testing.assert_array_equal(again.initial(), SIMPLE.initial())
    assert not np.array_equal(make(seed=1).initial(), SIMPLE.initial())


IMAGES = Schema(columns=12, target="y", classes="01", dimensions=(4, 3))


@pytest.mark.parametrize(
    ("changes", "shape"),
    [
        ({}, (2,)),
        ({"schema": IMAGES}, (4, 3)),
        ({"schema": IMAGES, "layers": (GRU(2),)}, (4, 3)),
        ({"schema": IMAGES, "layers": (GRU(2),), "shape": (6, 2)}, (6, 2)),
        ({"schema": IMAGES, "layers": (GRU(2),), "basis": "dct1:4x3:2"}, (2, 3)),
        ({"schema": IMAGES, "basis": "dct2:4x3:5"}, (5,)),
        ({"schema": Schema(columns=2, target="y", windowing=Windowing(length=5))}, (5, 2)),
    ],
)
def test_layers_see_examples_as_the_file_has_them(changes, shape):
    assert make(**changes).model().shape == shape


CLASSES = Schema(columns=2, target="y", classes="abc")
PAIR = Schema(columns=2, target="y", classes="ab")
VALUES = Schema(columns=2, target=("u", "v"), values=2)


@pytest.mark.parametrize(
    ("loss", "schema", "found"),
    [
        ("auto", CLASSES, ("cross-entropy", 3)),
        ("auto", VALUES, ("squared-error", 2)),
        ("cross-entropy", PAIR, ("cross-entropy", 2)),
        ("binary", PAIR, ("binary", 1)),
        ("binary", VALUES, ("binary", 2)),
        ("huber", VALUES, ("huber", 2)),
    ],
)
def test_the_loss_decides_on_the_outputs(loss, schema, found):
    model = make(loss=loss, schema=schema).model()
    assert (model.loss, model.outputs) == found


@pytest.mark.parametrize(
    ("loss", "schema", "message"),
    [
        ("binary", CLASSES, "2 classes apart, not 3"),
        ("huber", PAIR, "for values"),
        ("squared-error", PAIR, "for values"),
        ("cross-entropy", VALUES, "for classes"),
        ("hinge", PAIR, "loss is auto or cross-entropy"),
    ],
)
def test_a_loss_has_to_suit_the_target(loss, schema, message):
    with pytest.raises(ConfigError, match=message):
        make(loss=loss, schema=schema)


def test_class_weights_are_one_for_each_class():
    weighted = TrainingSettings(class_weights=(1, 2, 4))
    manifest = make(schema=CLASSES, training=weighted)
    assert decode_manifest(manifest.body) == manifest
    with pytest.raises(ConfigError, match="2 classes, not 3"):
        make(schema=PAIR, training=weighted)


@pytest.mark.parametrize("scheme", ["anchored", "plain"])
def test_both_schemes_can_be_made(scheme):
    make(scheme=scheme).make_scheme()


def test_only_the_authority_can_sign():
    authority, other = Authority.create(), Authority.create()
    signed = authority.sign(KIND, SIMPLE.body)
    assert open_manifest(signed, authority.public) == SIMPLE
    forged = other.sign(KIND, SIMPLE.body)
    wrong_kind = authority.sign("revocations", SIMPLE.body)
    damaged = signed[:-1] + bytes([signed[-1] ^ 1])
    for bad in (forged, wrong_kind, damaged, signed[:50], b""):
        with pytest.raises(Untrusted):
            open_manifest(bad, authority.public)


def changed(**changes: object) -> bytes:
    return bytes(msgpack.packb(msgpack.unpackb(SIMPLE.body) | changes))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        SIMPLE.body[:-1],
        SIMPLE.body + b"\0",
        msgpack.packb(None),
        msgpack.packb(5),
        msgpack.packb([1, 2]),
        msgpack.packb("text"),
        msgpack.packb({}),
        msgpack.packb({1: 2}),
        changed(invented=1),
        changed(cluster=None),
        changed(cluster="../up"),
        changed(schema=None),
        changed(schema={}),
        changed(layers=["32"]),
        changed(layers=[{"layer": "Dense", "units": 0}]),
        changed(layers=[{"layer": "Dense", "units": "32"}]),
        changed(layers=[{"layer": "Dense", "units": 10**9}]),
        changed(layers=[{"layer": "Dense", "units": 1}] * 1000),
        changed(layers=[{"layer": "Dense"}]),
        changed(layers=[{"layer": "Dense", "units": 3, "bias": 1}]),
        changed(layers=[{"layer": "Sequential"}]),
        changed(layers="Dense"),
        changed(shape=[3]),
        changed(shape=["2"]),
        changed(seed=-1),
        changed(seed=2**40),
        changed(seed=float("inf")),
        changed(seed="0"),
        changed(keep_ratio=float("nan")),
        changed(keep_ratio=1),
        changed(bits=3),
        changed(scheme="other"),
        changed(trust="blind"),
        changed(trust="open", scheme="plain"),
        changed(basis="dct2:9x9:4"),
        changed(standardise="channel:0"),
        changed(training={"optimizer": "lion"}),
        msgpack.packb(dict(reversed(msgpack.unpackb(SIMPLE.body).items()))),
    ],
)
def test_a_body_of_another_version_is_untrusted(body):
    with pytest.raises(Untrusted, match="ask for a new one"):
        decode_manifest(body)


@given(st.data())
def test_a_damaged_body_is_untrusted_or_another_manifest(data):
    body = bytearray(SIMPLE.body)
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        manifest = decode_manifest(bytes(body))
    except Untrusted:
        return
    assert manifest.body == bytes(body)


@given(st.binary(max_size=200))
def test_junk_is_untrusted(body):
    with pytest.raises(Untrusted):
        decode_manifest(body)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"layers": perceptron((60_000,))}, "at most 51,200 parameters; layer 1, Dense1"),
        ({"layers": perceptron((1,) * 32)}, "1 to 64 layers"),
        ({"layers": perceptron((0,))}, "positive integer"),
        ({"shape": (3,)}, r"shape \(3,\) has 3 entries, but an example has 2"),
        ({"cluster": "two words"}, "cluster is 1 to 63"),
        ({"cluster": ".."}, "cluster is 1 to 63"),
        ({"cluster": ""}, "cluster is 1 to 63"),
        ({"seed": -1}, "seed must be a whole number"),
        ({"keep_ratio": 0.0}, "keep_ratio is above 0"),
        ({"keep_ratio": float("nan")}, "keep_ratio is above 0"),
        ({"bits": 3}, "bits is 1 or 2 or auto"),
        ({"scheme": "choco"}, "scheme is anchored or plain"),
        ({"trust": "blind"}, "trust is closed or open"),
        ({"trust": "open", "scheme": "plain"}, "takes the scheme"),
        ({"standardise": "channel:3"}, "multiple"),
        ({"basis": "dct1:9x9:3"}, "81"),
        ({"basis": "wavelet"}, "wavelet"),
    ],
)
def test_settings_outside_their_range_are_config_errors(changes, said):
    with pytest.raises(ConfigError, match=said):
        make(**changes)


def test_names_too_long_to_sign_are_refused_before_signing():
    columns = tuple(f"{i:0>60}" for i in range(1100))
    with pytest.raises(ConfigError, match="shorten them"):
        make(schema=Schema(columns=columns, target="y", classes="01"), layers=perceptron((4,)))
