"""The MicroPython device's training against the kernels, and the orders that it obeys."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gossipfl.devices import messages
from gossipfl.devices.messages import Orders
from gossipfl.errors import RemoteProtocolError
from gossipfl.learning.sampling import Sampler
from gossipfl.learning.training import Trainer, TrainingSettings
from gossipfl.models.layers import Dense
from gossipfl.models.sequential import Sequential, perceptron
from tests.firmware.library import Sizes
from tests.firmware.micropython.board import Interpreter, room_of, write_rows
from tests.firmware.test_model import rows_of
from tests.firmware.test_protocol import obeys, orders

shared = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


@pytest.mark.parametrize("widths", [(5, 3), (16, 12, 10), (9, 7, 6, 4)])
def test_ten_steps_agree_with_the_kernels(
    interpreter: Interpreter, tmp_path: Path, widths: tuple[int, ...]
) -> None:
    spec = Sequential(
        *perceptron(widths[1:-1]), Dense(widths[-1]), shape=widths[:1], loss="cross-entropy"
    )
    rows, x = rows_of(spec, 90, 1), spec.initial(3)
    write_rows(tmp_path / "rows", rows.features, rows.targets)
    chosen = TrainingSettings(learning_rate=0.1, batch_size=16, local_steps=10)
    fit = Trainer(spec, rows, None, chosen, seed=5).fit(x, np.zeros_like(x))
    batches = Sampler(len(rows), 5).draw(0, (10, 16))
    losses = []
    for batch in batches:
        given = list(widths), str(tmp_path / "rows"), batch.tolist(), x, 0.1
        found, loss = interpreter.call("train", *given)
        x = np.frombuffer(bytes.fromhex(found), "<f4")
        losses.append(loss)
    np.testing.assert_allclose(x, fit.parameters, rtol=1e-5, atol=1e-6)
    assert np.mean(losses) == pytest.approx(fit.loss, rel=1e-5)


def test_a_file_of_rows_is_checked(interpreter: Interpreter, tmp_path: Path) -> None:
    path = tmp_path / "rows"
    write_rows(path, np.zeros((3, 5), np.float32), np.array([0, 1, 2]))
    assert interpreter.call("fault_of_rows", str(path), 5, 3) is None
    assert "class 2" in interpreter.call("fault_of_rows", str(path), 5, 2)
    assert "no whole number" in interpreter.call("fault_of_rows", str(path), 4, 3)
    path.write_bytes(b"")
    assert "no whole number" in interpreter.call("fault_of_rows", str(path), 5, 3)


@shared
@given(orders().map(messages.encode), st.data())
def test_orders_are_read_alike(
    interpreter: Interpreter, content: bytes, data: st.DataObject
) -> None:
    if data.draw(st.booleans()):
        place = data.draw(st.integers(1, len(content) - 1))
        content = content[:place] + data.draw(st.binary(max_size=3)) + content[place + 1 :]
    found = interpreter.call("read_orders", content, room_of(Sizes()))
    try:
        expected = messages.decode(content)
    except RemoteProtocolError:
        assert found is None
        return
    assert isinstance(expected, Orders)
    # How many inputs there may be is for the rows to say.
    if expected.widths[0] > 64 or not obeys(expected):
        assert found is None or expected.widths[0] > 64
    else:
        chosen = [expected.batch, expected.steps, expected.keep, expected.seed.hex()]
        assert found == [list(expected.widths), *chosen]


def test_arithmetic_of_this_build_is_known(interpreter: Interpreter) -> None:
    """Of builds with 64-bit floats and with 32-bit ones."""
    assert interpreter.call("arithmetic") in ("0.3333333333333333", "0.33333334", "0.3333333")
