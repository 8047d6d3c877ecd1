"""A running node answers questions on a socket in its own, private directory.

One JSON line in ({"get": "status"} or {"get": "model"}), one JSON line out.
"""

import base64
import contextlib
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import trio
from numpy.typing import NDArray

from gossipfl.errors import StateError

Answer = dict[str, Any]
REQUEST_BYTES_MAX: Final = 1024
ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
SOCKET_PATH_MAX: Final = 100
TIMEOUT_S: Final = 5.0
BACKLOG: Final = 128  # a local connection beyond it fails at once, it does not wait


def encode_vector(vector: NDArray[np.float32]) -> str:
    """float32 as base64 text."""
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


def decode_vector(text: str) -> NDArray[np.float32]:
    """The reverse of `encode_vector`."""
    return np.frombuffer(base64.b64decode(text, validate=True), "<f4").astype(np.float32)


async def serve_status(
    path: Path,
    answers: dict[str, Callable[[], Answer]],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Answer until cancelled.  Raises StateError when there can be no socket at the path."""

    async def answer(stream: trio.SocketStream) -> None:
        with trio.move_on_after(TIMEOUT_S):
            await _answer_one(stream, answers)

    with trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        await _listen(listening, path)
        try:
            task_status.started()
            await trio.serve_listeners(answer, [trio.SocketListener(listening)])
        finally:
            with trio.CancelScope(shield=True), contextlib.suppress(OSError):
                await trio.Path(path).unlink()


async def _listen(listening: trio.socket.SocketType, path: Path) -> None:
    if len(os.fsencode(path)) > SOCKET_PATH_MAX:
        raise StateError(f"{path} is too long for a socket; choose a shorter --state")
    try:
        await trio.Path(path).unlink(missing_ok=True)  # left by a node that was killed
        await listening.bind(str(path))
        listening.listen(BACKLOG)
    except OSError as error:
        raise StateError(
            f"cannot make a socket at {path}: {error.strerror}; choose another --state"
        ) from None


async def _answer_one(stream: trio.SocketStream, answers: dict[str, Callable[[], Answer]]) -> None:
    async with stream:
        with contextlib.suppress(trio.BrokenResourceError):
            request = await _read_line(stream, REQUEST_BYTES_MAX)
            answer = _look_up(request, answers)
            await stream.send_all(json.dumps(answer).encode() + b"\n")


def _look_up(request: bytes, answers: dict[str, Callable[[], Answer]]) -> Answer:
    try:
        answer = answers[json.loads(request)["get"]]
    except (ValueError, KeyError, TypeError, RecursionError):  # JSON nests as deep as it likes
        return {"error": f"ask one of: {', '.join(sorted(answers))}"}
    return answer()


async def ask(path: Path, what: str) -> Answer:
    """Ask a running node.  Raises StateError when none answers."""
    try:
        with trio.fail_after(TIMEOUT_S):
            async with await trio.open_unix_socket(str(path)) as stream:
                await stream.send_all(json.dumps({"get": what}).encode() + b"\n")
                answer: Answer = json.loads(await _read_line(stream, ANSWER_BYTES_MAX))
                return answer
    except (OSError, trio.TooSlowError, trio.BrokenResourceError, ValueError):
        raise StateError(
            f"no node answers at {path}: start one with `gossipfl node`, or name its --state"
        ) from None


async def _read_line(stream: trio.SocketStream, limit_bytes: int) -> bytes:
    data = bytearray()
    while not data.endswith(b"\n") and len(data) <= limit_bytes:
        part = await stream.receive_some(65536)
        if not part:
            break
        data += part
    return bytes(data)
