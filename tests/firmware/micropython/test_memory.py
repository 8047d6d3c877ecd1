"""Whether the device, compiled from its sources, fits into the heap of a small board."""

import socket
import subprocess
from pathlib import Path

import numpy as np
import pytest

from gossipfl.devices.frames import FRAME_MAX
from gossipfl.devices.framing import Deframer, enframe
from gossipfl.devices.keys import print_code
from gossipfl.devices.session import DeviceSession
from tests.firmware.device import CODE, plan_of, session_for
from tests.firmware.micropython.board import MICROPYTHON, NO_MICROPYTHON, PACKAGE, write_rows

# On computers of 64 bits; with words and floats of 32, as boards have them, 90K is enough.
HEAP = "heapsize=130K"


def serve(wire: socket.socket, session: DeviceSession, exchanges: int) -> None:
    """Answer a device until it has made some exchanges."""
    deframer, drawn = Deframer(FRAME_MAX), 0
    while session.state.sequence < exchanges:
        content, device = wire.recvfrom(4096)
        for frame in deframer.feed(content):
            drawn += 1
            outcome = session.receive(frame, drawn.to_bytes(16, "big"))
            wire.sendto(enframe(outcome.frame), device)


@pytest.mark.parametrize("widths", [(64, 10), (64, 16, 10)])
def test_models_of_digits_fit(tmp_path: Path, widths: tuple[int, ...]) -> None:
    if MICROPYTHON is None:
        pytest.skip(NO_MICROPYTHON)
    rng, classes = np.random.default_rng(0), np.arange(100) % 10
    write_rows(tmp_path / "rows", rng.normal(size=(100, 64)).astype(np.float32), classes)
    session = session_for(plan_of(widths, batch_size=16))
    with socket.socket(type=socket.SOCK_DGRAM) as wire:
        wire.bind(("127.0.0.1", 0))
        wire.settimeout(60)  # a device that has ended sends nothing more
        place = ["127.0.0.1", str(wire.getsockname()[1]), str(tmp_path), "64", "10"]
        command = [MICROPYTHON, "-X", HEAP, str(PACKAGE / "process.py"), *place, print_code(CODE)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            serve(wire, session, 2)
        finally:
            process.kill()
            told, _ = process.communicate()
    assert told.startswith(b"exchange 1, ")
    assert b"Error" not in told
