"""Packed records: one encoding each, and junk is refused with our own error only."""

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gossipfl.errors import Untrusted
from gossipfl.security.fields import pack, unpack

NAMES = ("a", "b")


def take(body):
    return unpack("record", body, dict, NAMES)


def test_round_trip():
    assert take(pack(1, (b"x", "y"))) == {"a": 1, "b": (b"x", "y")}


@given(st.binary(max_size=100))
@example(b"\x91" * 100_000)  # nested too deeply
@example(b"\xdd\xff\xff\xff\xff")  # claims 4 billion elements
@example(b"\x92\xc7\x0c\xff" + b"\xff" * 12 + b"\x00")  # a date out of range
@example(b"\x92\x81\x90\x00\x00")  # a map with an array for a key
@example(b"\x92\xa1\xff\x00")  # text that is not UTF-8
@example(b"\xc1")  # reserved
def test_junk_raises_nothing_but_our_error(body):
    try:
        fields = take(body)
    except Untrusted:
        return
    assert pack(*fields.values()) == body


@pytest.mark.parametrize(
    "body",
    [
        pack(1),
        pack(1, 2, 3),
        msgpack.packb({"a": 1, "b": 2}),
        msgpack.packb(7),
        pack(1, 2) + b"\0",
        b"\xdc\x00\x02\x01\x02",  # an array that is longer than it need be
        b"\x92\xcc\x01\x02",  # and so is a number
        b"",
    ],
)
def test_other_shapes_and_encodings_are_refused(body):
    with pytest.raises(Untrusted, match="record is not in the expected format"):
        take(body)
