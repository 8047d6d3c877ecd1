"""A running node answers on its socket, whatever it is asked, and never waits for one asker."""

import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.errors import StateError
from gossipfl.node import status
from gossipfl.node.status import _look_up, ask, decode_vector, encode_vector, serve_status

ANSWERS = {"status": lambda: {"rounds": 3}, "model": lambda: {"average": "x" * 600_000}}


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "status.sock"


@pytest.fixture
async def serving(path, nursery) -> Path:
    await nursery.start(serve_status, path, ANSWERS)
    return path


@asynccontextmanager
async def stream_to(path: Path) -> AsyncIterator[trio.SocketStream]:
    async with await trio.open_unix_socket(str(path)) as stream:
        yield stream


async def answer_to(path: Path, request: bytes) -> dict[str, Any]:
    async with stream_to(path) as stream:
        await stream.send_all(request)
        data = b""
        while not data.endswith(b"\n"):
            part = await stream.receive_some()
            assert part, "closed without an answer"
            data += part
    return json.loads(data)


async def test_a_question_is_answered(serving):
    assert await ask(serving, "status") == {"rounds": 3}
    assert len((await ask(serving, "model"))["average"]) == 600_000


async def test_many_ask_at_once(serving):
    async with trio.open_nursery() as nursery:
        for _ in range(30):
            nursery.start_soon(ask, serving, "model")


@pytest.mark.parametrize(
    "request_line",
    [
        b"\n",
        b"junk\n",
        b"\xff\xfe\n",
        b"null\n",
        b"[]\n",
        b"{}\n",
        b'{"get": "keys"}\n',
        b'{"get": ["status"]}\n',
        b'{"get": {}}\n',
        b"[" * 1023 + b"\n",
        b"5" * 1023 + b"\n",
    ],
)
async def test_junk_is_told_what_may_be_asked(serving, request_line):
    assert await answer_to(serving, request_line) == {"error": "ask one of: model, status"}
    assert await ask(serving, "status") == {"rounds": 3}


@given(st.binary(max_size=status.REQUEST_BYTES_MAX))
def test_no_request_is_fatal(request_line):
    assert set(_look_up(request_line, ANSWERS)) & {"error", "rounds", "average"}


def test_a_fault_of_our_own_is_not_blamed_on_the_asker():
    def fails() -> dict[str, Any]:
        raise KeyError("a bug")

    with pytest.raises(KeyError, match="a bug"):
        _look_up(b'{"get": "it"}', {"it": fails})


async def test_an_endless_request_is_cut_off(serving):
    async with stream_to(serving) as stream:
        with trio.fail_after(30), pytest.raises(trio.BrokenResourceError):
            await stream.send_all(b"x" * 50_000_000)
    assert await ask(serving, "status") == {"rounds": 3}


async def test_an_asker_who_leaves_at_once_harms_nobody(serving):
    for _ in range(5):
        async with stream_to(serving) as stream:
            await stream.send_all(b'{"get": "model"}\n')
    assert await ask(serving, "status") == {"rounds": 3}


async def test_askers_who_say_nothing_do_not_hold_up_others(serving):
    async with stream_to(serving), stream_to(serving) as half:
        await half.send_all(b'{"get"')
        assert await ask(serving, "status") == {"rounds": 3}


async def test_a_silent_asker_is_let_go(serving, monkeypatch):
    monkeypatch.setattr(status, "TIMEOUT_S", 0.01)
    async with stream_to(serving) as stream:
        with trio.fail_after(30):
            assert await stream.receive_some() == b""


async def test_a_socket_left_by_a_killed_node_is_replaced(path, nursery):
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with pytest.raises(StateError, match="no node answers"):
        await ask(path, "status")
    await nursery.start(serve_status, path, ANSWERS)
    assert await ask(path, "status") == {"rounds": 3}


async def test_the_socket_goes_with_the_node(path):
    async with trio.open_nursery() as nursery:
        await nursery.start(serve_status, path, ANSWERS)
        assert path.is_socket()
        nursery.cancel_scope.cancel()
    assert not path.exists()


async def test_a_directory_that_vanished_does_not_spoil_the_end(path, tmp_path):
    folder = tmp_path / "state"
    folder.mkdir()
    async with trio.open_nursery() as nursery:
        await nursery.start(serve_status, folder / "status.sock", ANSWERS)
        (folder / "status.sock").unlink()
        folder.rmdir()
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("name", ["x" * 101, "ä" * 51])
async def test_a_path_too_long_for_a_socket_is_told(tmp_path, name):
    with pytest.raises(StateError, match="too long for a socket; choose a shorter --state"):
        await serve_status(tmp_path / name, ANSWERS)
    with pytest.raises(StateError, match="no node answers"):
        await ask(tmp_path / name, "status")


async def test_a_path_that_cannot_be_a_socket_is_told(tmp_path):
    for path in (tmp_path, tmp_path / "none" / "status.sock"):
        with pytest.raises(StateError, match=r"cannot make a socket at .*; choose another --state"):
            await serve_status(path, ANSWERS)


async def test_no_node_runs(path):
    with pytest.raises(StateError, match=r"no node answers at .*: start one with `gossipfl node`"):
        await ask(path, "status")


@pytest.mark.parametrize("reply", [b"", b"junk\n", b'{"half": '])
async def test_something_else_answers(path, nursery, reply):
    async def answer(stream: trio.SocketStream) -> None:
        async with stream:
            await stream.receive_some()
            await stream.send_all(reply)

    with trio.socket.socket(socket.AF_UNIX) as listening:
        await listening.bind(str(path))
        listening.listen()
        nursery.start_soon(trio.serve_listeners, answer, [trio.SocketListener(listening)])
        with pytest.raises(StateError, match="no node answers"):
            await ask(path, "status")
        nursery.cancel_scope.cancel()


async def test_a_node_that_hangs_is_no_node(path, monkeypatch):
    monkeypatch.setattr(status, "TIMEOUT_S", 0.05)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        with pytest.raises(StateError, match="no node answers"):
            await ask(path, "status")


@given(st.lists(st.floats(width=32)))
def test_vectors_survive_the_trip(values):
    vector = np.array(values, np.float32)
    assert decode_vector(encode_vector(vector)).tobytes() == vector.tobytes()
