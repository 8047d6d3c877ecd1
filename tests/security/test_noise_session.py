"""Sessions: frames survive loss, reordering and duplication, and nothing else gets through."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from nacl.exceptions import CryptoError

from gossipfl.errors import LocalProtocolError, RemoteProtocolError
from gossipfl.security.noise_session import WINDOW, Session, _ReplayWindow
from gossipfl.security.noise_symmetric import NONCE_MAX, aead_open


def fixed_session(**options):
    keys = {"send_key": bytes([1] * 32), "receive_key": bytes([1] * 32)}
    return Session(**keys, handshake_hash=bytes(64), remote_static=bytes(32), **options)


def skip_to(session, nonce):
    session._next_nonce = nonce
    return session


def refused(session, frame):
    """Whether a frame is refused and leaves the window as it was."""
    before = session._received._newest, session._received._seen
    with pytest.raises(RemoteProtocolError):
        session.open(frame)
    return before == (session._received._newest, session._received._seen)


def test_frames_are_laid_out_as_documented():
    session = fixed_session()
    for nonce in (0, 1, 2):
        frame = session.seal(b"abc")
        assert frame[:2] == nonce.to_bytes(2, "big")
        assert len(frame) == 3 + Session.OVERHEAD_BYTES == 21
        assert aead_open(bytes([1] * 32), nonce, b"", frame[2:]) == b"abc"
    with pytest.raises(CryptoError):
        aead_open(bytes([2] * 32), 2, b"", frame[2:])


def test_the_frame_format_is_frozen():
    assert fixed_session().seal(b"abc").hex() == ("000060452e782a5385f4b756a784af76e96d073bb6")


@pytest.mark.parametrize("size", [0, 1, 65516, 65517])
def test_every_size_up_to_the_limit(size, make_sessions):
    ours, theirs = make_sessions()
    frame = ours.seal(bytes(size))
    assert len(frame) <= Session.FRAME_MAX == 65535
    assert theirs.open(frame) == bytes(size)


def test_more_than_the_limit_is_our_own_mistake(make_sessions):
    ours, theirs = make_sessions()
    with pytest.raises(LocalProtocolError, match="split"):
        ours.seal(bytes(Session.PLAINTEXT_MAX + 1))
    assert theirs.open(ours.seal(b"next")) == b"next"


@given(
    arrivals=st.lists(st.integers(0, 200), max_size=300),
    start=st.sampled_from([0, 1, 65400, 65535, 65536, 2**32 - 50, NONCE_MAX - 200]),
)
@example(arrivals=[WINDOW, 0, 1, 1, WINDOW + 1, 1, 2], start=0)
@example(arrivals=[200, 200 - WINDOW, 201 - WINDOW], start=65535)
def test_each_frame_opens_once_unless_too_old(arrivals, start):
    """Against the plainest model: the set of what was opened and the newest of it."""
    sender, receiver = skip_to(fixed_session(), start), fixed_session()
    receiver._received._newest = start - 1
    frames = [sender.seal(bytes([index])) for index in range(201)]
    opened, newest = set(), -1
    for index in arrivals:
        if index in opened or index <= newest - WINDOW:
            assert refused(receiver, frames[index])
        else:
            assert receiver.open(frames[index]) == bytes([index])
            opened.add(index)
            newest = max(newest, index)
    assert receiver._received._seen < 1 << WINDOW


@given(lost=st.integers(0, 65_471), start=st.integers(0, 2**40))
@example(lost=65_471, start=63)
@example(lost=0, start=0)
def test_long_bursts_of_loss(lost, start):
    sender, receiver = fixed_session(), fixed_session()
    receiver._received._newest = start - 1
    assert receiver.open(skip_to(sender, start).seal(b"before")) == b"before"
    assert receiver.open(skip_to(sender, start + 1 + lost).seal(b"after")) == b"after"


def test_the_burst_that_outruns_the_counter():
    sender, receiver = fixed_session(), fixed_session()
    receiver._received._newest = 1000
    assert refused(receiver, skip_to(sender, 1001 + 65_472).seal(b"too far"))
    assert receiver.open(skip_to(sender, 1001 + 65_471).seal(b"just")) == b"just"


def test_a_flipped_bit_anywhere_is_refused(make_sessions):
    ours, theirs = make_sessions()
    theirs.open(ours.seal(b"first"))
    frame = ours.seal(b"second")
    for at in range(len(frame) * 8):
        forged = bytearray(frame)
        forged[at // 8] ^= 1 << at % 8
        assert refused(theirs, bytes(forged))
    assert theirs.open(frame) == b"second"


def test_truncated_extended_and_oversized_frames_are_refused(make_sessions):
    ours, theirs = make_sessions()
    frame = ours.seal(b"whole")
    assert all(refused(theirs, frame[:size]) for size in range(len(frame)))
    assert refused(theirs, frame + b"\0")
    assert refused(theirs, frame + bytes(Session.FRAME_MAX))
    assert theirs.open(frame) == b"whole"


@given(junk=st.binary(max_size=100))
def test_junk_is_refused(junk, make_sessions):
    _, theirs = make_sessions()
    assert refused(theirs, junk)


def test_a_frame_sent_back_to_its_sender_is_refused(make_sessions):
    ours, theirs = make_sessions()
    assert refused(ours, ours.seal(b"mine"))
    assert refused(make_sessions()[1], theirs.seal(b"another session's"))


def test_the_last_nonce_is_never_used():
    sender, receiver = skip_to(fixed_session(), NONCE_MAX), fixed_session()
    receiver._received._newest = NONCE_MAX - 1
    assert receiver.open(sender.seal(b"last")) == b"last"
    with pytest.raises(LocalProtocolError, match="nonces"):
        sender.seal(b"one more")
    assert refused(receiver, b"\xff\xff" + bytes(16))
    assert refused(receiver, b"\x00\x05" + bytes(16))  # beyond 64 bits


@given(newest=st.integers(0, 2**48), offset=st.integers(1 - WINDOW, 65_472))
def test_rebuild_finds_every_nonce_in_reach(newest, offset):
    window = _ReplayWindow()
    window.add(newest)
    nonce = newest + offset
    if nonce >= 0:
        assert window.rebuild(nonce & 0xFFFF) == nonce
