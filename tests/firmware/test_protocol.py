"""Frames, keys and messages: the C half against the Python half, both ways."""

import ctypes
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gossipfl.devices import messages
from gossipfl.devices.frames import TO_DEVICE, TO_GATEWAY, open_frame, read_head, seal
from gossipfl.devices.framing import Deframer, enframe
from gossipfl.devices.keys import Identity, identity_of, print_code
from gossipfl.devices.messages import Fetch, Hello, Key, Offer, Orders, Reply, Sleep
from gossipfl.errors import RemoteProtocolError
from tests.firmware.library import Firmware, Sizes

shared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
SIZES = Sizes()
FRAME_MAX = 10 + SIZES.message + 16
HEADROOM = 2 + (FRAME_MAX + 2) // 254
CHANCE = st.binary(min_size=16, max_size=16)
DIGEST = st.binary(min_size=8, max_size=8)
WORD = st.integers(0, 2**32 - 1)


class CIdentity(ctypes.Structure):
    _fields_ = (("id", ctypes.c_uint8 * 4), ("epoch", ctypes.c_uint8), ("key", ctypes.c_uint8 * 32))

    def plain(self) -> Identity:
        return Identity(bytes(self.id), self.epoch, bytes(self.key))


class CModel(ctypes.Structure):
    _fields_ = (("layers", ctypes.c_uint32), ("widths", ctypes.c_uint16 * 3))


class COrders(ctypes.Structure):
    _fields_ = (
        ("rotate", ctypes.c_bool),
        ("model", CModel),
        ("batch", ctypes.c_uint16),
        ("steps", ctypes.c_uint16),
        ("interval_s", ctypes.c_uint32),
        ("learning_rate", ctypes.c_float),
        ("momentum", ctypes.c_float),
        ("keep", ctypes.c_uint16),
        ("mark_bits", ctypes.c_uint8),
        ("seed", ctypes.c_uint8 * 8),
        ("seed_bytes", ctypes.c_uint32),
    )


class CHalf(ctypes.Structure):
    _fields_ = (
        ("sequence", ctypes.c_uint32),
        ("digest", ctypes.c_uint8 * 2),
        ("battery", ctypes.c_uint8),
        ("samples", ctypes.c_uint32),
        ("payload", ctypes.c_char_p),
        ("length", ctypes.c_uint32),
    )


class CSamples(ctypes.Structure):
    _fields_ = (
        ("count", ctypes.c_uint32),
        ("inputs", ctypes.c_uint16),
        ("classes", ctypes.c_uint16),
        ("read", ctypes.c_void_p),
        ("context", ctypes.c_void_p),
    )


def c_identity(identity: Identity) -> CIdentity:
    return CIdentity(
        (ctypes.c_uint8 * 4)(*identity.id), identity.epoch, (ctypes.c_uint8 * 32)(*identity.key)
    )


def c_size(firmware: Firmware, name: str) -> "ctypes._NamedFuncPointer":
    function = getattr(firmware.c, name)
    function.restype = ctypes.c_size_t
    return function


@shared
@given(
    st.binary(min_size=1, max_size=FRAME_MAX) | st.integers(200, FRAME_MAX).map(lambda n: b"x" * n)
)
def test_frames_are_stuffed_alike(firmware: Firmware, frame: bytes) -> None:
    buffer = ctypes.create_string_buffer(bytes(HEADROOM) + frame, HEADROOM + FRAME_MAX + 3)
    length = c_size(firmware, "gfl_enframe")(buffer, ctypes.c_size_t(len(frame)))
    assert buffer.raw[:length] == enframe(frame)


PIECES = st.one_of(
    st.binary(max_size=40),
    st.binary(min_size=1, max_size=FRAME_MAX + 5).map(enframe),
    st.lists(st.sampled_from([0, 1, 2, 254, 255]), max_size=300).map(bytes),
    st.just(b"\0"),
)


@shared
@given(st.lists(PIECES, max_size=6).map(b"".join))
def test_both_find_the_same_frames_in_anything(firmware: Firmware, wire: bytes) -> None:
    deframer, deframe = ctypes.create_string_buffer(FRAME_MAX + 16), c_size(firmware, "gfl_deframe")
    found = []
    for byte in wire:
        length = deframe(deframer, ctypes.c_uint8(byte))
        if length:
            found.append(deframer.raw[:length])
    assert found == list(Deframer(FRAME_MAX).feed(wire))


@shared
@given(CHANCE, CHANCE, CHANCE)
def test_keys_are_derived_alike(
    firmware: Firmware, code: bytes, ours: bytes, theirs: bytes
) -> None:
    found, read = CIdentity(), ctypes.create_string_buffer(16)
    firmware.c.gfl_read_code.restype = ctypes.c_bool
    assert firmware.c.gfl_read_code(print_code(code).encode(), read)
    assert read.raw == code
    firmware.c.gfl_first_identity(code, ctypes.byref(found))
    assert found.plain() == identity_of(code)
    firmware.c.gfl_next_key(ctypes.byref(found), ours, theirs)
    assert found.plain() == identity_of(code).next(ours, theirs)


@shared
@given(CHANCE, WORD, st.binary(min_size=1, max_size=SIZES.message))
def test_frames_are_sealed_alike(
    firmware: Firmware, code: bytes, counter: int, message: bytes
) -> None:
    identity = identity_of(code)
    own, room = c_identity(identity), len(message)
    buffer = ctypes.create_string_buffer(bytes(10) + message, 10 + room + 16)
    seal_frame, open_ = c_size(firmware, "gfl_seal_frame"), c_size(firmware, "gfl_open_frame")
    seal_frame(
        ctypes.byref(own), TO_GATEWAY, ctypes.c_uint32(counter), buffer, ctypes.c_size_t(room)
    )
    assert buffer.raw == seal(identity, TO_GATEWAY, counter, message)
    assert open_frame(identity, buffer.raw) == message
    assert read_head(buffer.raw).counter == counter
    answer = seal(identity, TO_DEVICE, counter, message)
    for asked, length in ((counter, room), (counter ^ 1, 0)):
        buffer = ctypes.create_string_buffer(answer, len(answer))
        given = ctypes.byref(own), TO_DEVICE, ctypes.c_uint32(asked), buffer
        assert open_(*given, ctypes.c_size_t(len(answer))) == length
    assert buffer.raw == answer


@shared
@given(CHANCE, DIGEST, WORD, st.integers(0, 255), st.integers(1, 2**31 - 1))
def test_what_the_device_writes(
    firmware: Firmware, chance: bytes, digest: bytes, word: int, battery: int, samples: int
) -> None:
    out = ctypes.create_string_buffer(SIZES.message)

    def written(name: str, *arguments: object) -> bytes:
        length = c_size(firmware, name)(out, *arguments)
        return out.raw[:length]

    assert written("gfl_write_key", chance) == messages.encode(Key(chance))
    assert written("gfl_write_sleep", ctypes.c_uint32(word)) == messages.encode(Sleep(word))
    fetch = written("gfl_write_fetch", digest, ctypes.c_uint32(word))
    assert messages.decode(fetch) == Fetch(digest, word)
    own = CSamples(samples, 64, 10, None, None)
    hello = written(
        "gfl_write_hello", ctypes.byref(own), ctypes.c_uint8(battery), ctypes.c_uint32(word), digest
    )
    room = SIZES.parameters, SIZES.units, SIZES.layers, 0, SIZES.batch, SIZES.entries, SIZES.message
    assert messages.decode(hello) == Hello(*room, 64, 10, samples, battery, word, digest)
    half = CHalf(word or 1, (ctypes.c_uint8 * 2)(*digest[:2]), battery, samples, chance, 7)
    offer = written("gfl_write_half", Offer.TYPE, ctypes.byref(half))
    expected = Offer(word or 1, digest[:2], battery, samples, chance[:7])
    assert messages.decode(offer) == expected
    assert messages.encode(expected) == offer


def orders() -> st.SearchStrategy[Orders]:
    short = st.integers(1, 200)
    return st.builds(
        Orders,
        rotate=st.integers(0, 1),
        batch=short,
        steps=short,
        interval_s=st.integers(0, 604_800),
        learning_rate=st.floats(2.0**-30, 10, width=32),
        momentum=st.just(0.0) | st.floats(0, 1 - 2.0**-10, width=32),
        keep=short,
        mark_bits=st.integers(1, 2),
        seed=DIGEST,
        seed_bytes=st.sampled_from([0, 4 * 2410, 4 * 650, 12]),
        widths=st.sampled_from([(64, 32, 10), (64, 10)])
        | st.lists(short, min_size=2, max_size=5).map(tuple),
    )


def obeys(asked: Orders) -> bool:
    """Whether this firmware can do what is asked."""
    size = sum((a + 1) * b for a, b in pairwise(asked.widths))
    fits = len(asked.widths) <= 3 and asked.widths[0] <= 64 and asked.widths[-1] >= 2
    return (
        fits
        and sum(asked.widths[1:]) <= SIZES.units
        and size <= SIZES.parameters
        and asked.batch <= SIZES.batch
        and asked.keep <= SIZES.entries
        and asked.momentum == 0
        and asked.seed_bytes in (0, 4 * size)
    )


@shared
@given(orders().map(messages.encode), st.data())
def test_orders_are_read_alike(firmware: Firmware, content: bytes, data: st.DataObject) -> None:
    if data.draw(st.booleans()):
        place = data.draw(st.integers(1, len(content) - 1))
        content = content[:place] + data.draw(st.binary(max_size=3)) + content[place + 1 :]
    found = COrders()
    firmware.c.gfl_read_orders.restype = ctypes.c_bool
    good = firmware.c.gfl_read_orders(content, ctypes.c_size_t(len(content)), ctypes.byref(found))
    try:
        expected = messages.decode(content)
    except RemoteProtocolError:
        assert not good
        return
    assert isinstance(expected, Orders)
    assert good == obeys(expected)
    if good:
        assert (found.batch, found.steps, found.interval_s) == (
            expected.batch,
            expected.steps,
            expected.interval_s,
        )
        assert (found.learning_rate, found.keep) == (expected.learning_rate, expected.keep)
        assert tuple(found.model.widths[: found.model.layers + 1]) == expected.widths
        assert (bytes(found.seed), found.seed_bytes) == (expected.seed, expected.seed_bytes)
        assert (found.rotate, found.mark_bits) == (expected.rotate, expected.mark_bits)


@shared
@given(st.binary(min_size=1, max_size=60))
def test_halves_are_read_alike(firmware: Firmware, content: bytes) -> None:
    content = bytes([Reply.TYPE]) + content
    found = CHalf()
    firmware.c.gfl_read_half.restype = ctypes.c_bool
    good = firmware.c.gfl_read_half(content, ctypes.c_size_t(len(content)), ctypes.byref(found))
    try:
        expected = messages.decode(content)
    except RemoteProtocolError:
        assert not good
        return
    assert good
    assert isinstance(expected, Reply)
    assert (found.sequence, found.samples, found.length) == (
        expected.sequence,
        expected.samples,
        len(expected.payload),
    )
