"""What is signed is what is read; nothing else is."""

import attrs
import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.errors import ConfigError, Untrusted
from gossipfl.releases.content import Content, encode_content, split_content
from gossipfl.releases.release import KIND, PARTS_MAX, STAGES_MAX, Release, open_release
from gossipfl.releases.slices import PLACES, Stage
from gossipfl.security.authority import Authority
from gossipfl.wire.releases import RELEASE_MAX
from tests.releases.members import PARAMETERS, Cluster

CLUSTER = Cluster(10)
RELEASE, SIGNED, CONTENT = CLUSTER.release()
AUTHORITY = CLUSTER.authority.public


def test_round_trip() -> None:
    assert open_release(SIGNED, AUTHORITY) == RELEASE
    withdrawal, signed = CLUSTER.withdrawal(2, 1)
    assert open_release(signed, AUTHORITY) == withdrawal


def test_the_longest_fits_its_message() -> None:
    stages = tuple(Stage(PLACES - 8 + i, 1, 1, 1) for i in range(1, STAGES_MAX + 1))
    longest = attrs.evolve(
        RELEASE, size=PARTS_MAX * 8192, parts=(bytes(16),) * PARTS_MAX, stages=stages
    )
    assert len(CLUSTER.authority.sign(KIND, longest.body)) <= RELEASE_MAX


def test_only_the_authority_signs() -> None:
    forged = Authority.create().sign(KIND, RELEASE.body)
    for blob in (forged, CLUSTER.authority.sign("manifest", RELEASE.body), b"", SIGNED[:-1]):
        with pytest.raises(Untrusted):
            open_release(blob, AUTHORITY)


@given(st.integers(0, len(SIGNED) - 1), st.integers(0, 7))
def test_a_changed_bit_is_refused(place: int, bit: int) -> None:
    blob = bytearray(SIGNED)
    blob[place] ^= 1 << bit
    with pytest.raises(Untrusted):
        open_release(bytes(blob), AUTHORITY)


FIELDS = [*msgpack.unpackb(RELEASE.body)]
ILLEGAL: dict[str, tuple[int, object]] = {
    "number 0": (0, 0),
    "a bool for a number": (0, True),
    "a short manifest id": (1, b"x"),
    "withdraws itself": (2, 1),
    "brings a model and withdraws": (2, 0.5),
    "a long salt": (3, bytes(9)),
    "no size": (4, 0),
    "too large": (4, 2**20),
    "too few parts": (5, FIELDS[5][:-1]),
    "parts that are no bytes": (5, ["x"] * len(FIELDS[5])),
    "no stages": (6, []),
    "stages that are numbers": (6, [1, 2]),
    "stages that do not ascend": (6, FIELDS[6][::-1]),
    "stages that do not reach all": (6, FIELDS[6][:-1]),
    "an alarm above the quorum": (6, [[PLACES, PLACES, 1, 2]]),
    "text for seconds": (7, "10"),
    "tolerance above 1": (8, 1001),
}


@pytest.mark.parametrize("case", ILLEGAL)
def test_signed_nonsense_is_refused(case: str) -> None:
    fields = [*FIELDS]
    place, value = ILLEGAL[case]
    fields[place] = value
    with pytest.raises(Untrusted):
        open_release(CLUSTER.authority.sign(KIND, msgpack.packb(fields)), AUTHORITY)


@given(st.binary(max_size=60))
def test_signed_junk_is_refused(body: bytes) -> None:
    with pytest.raises(Untrusted):
        open_release(CLUSTER.authority.sign(KIND, body), AUTHORITY)


def test_content_comes_in_any_order_and_only_as_signed() -> None:
    parts = split_content(CONTENT)
    content = Content(RELEASE)
    assert len(parts) == 3
    assert not content.add(0, parts[0][:-1] + b"\x01")
    assert not content.add(3, parts[0])
    assert content.add(2, parts[2])
    assert content.wanted() == (0, 1)
    assert content.model(PARAMETERS) is None
    assert content.add(1, parts[1])
    assert content.add(0, parts[0])
    assert content.add(0, parts[0])
    assert content.encode() == CONTENT
    model = content.model(PARAMETERS)
    assert model is not None
    np.testing.assert_array_equal(model, np.ones(PARAMETERS, np.float32))


def test_content_that_is_no_model() -> None:
    with pytest.raises(ConfigError, match="not finite"):
        encode_content(np.array([np.inf], np.float32))
    assert Content(RELEASE, CONTENT).model(PARAMETERS - 1) is None
    assert Content(RELEASE, CONTENT[:-4]).wanted() == (2,)


def test_it_takes_a_whole_release_or_none() -> None:
    with pytest.raises(ConfigError):
        Release(number=2, manifest_id=bytes(16), salt=bytes(8))
