"""One node process of a swarm: started, watched, and treated as badly as a script says."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import trio
from attrs import define, field

from gossipfl.errors import GossipFLError, StateError
from gossipfl.faults.script import Condition
from gossipfl.node.state.home import write_private
from gossipfl.node.status import ask

STOP_TIMEOUT_S: Final = 10.0


class NodeDied(GossipFLError):
    """A node process ended by itself."""


@define
class Member:
    """A node's directory, how it is started, and its process.

    condition: as it should be; DOWN before the first start.
    answers: whether it did since it was last started.
    own_clock: started with a wall clock that `jump` can set.
    command: of gossipfl, which runs it.
    """

    name: str
    home: Path
    arguments: list[str]
    process: trio.Process | None = None
    condition: Condition = Condition.DOWN
    answers: bool = False
    own_clock: bool = False
    command: tuple[str, ...] = ("node",)
    _clock_off_s: float = field(default=0.0, init=False)

    @property
    def socket(self) -> Path:
        """Where it answers."""
        return self.home / "status.sock"

    @property
    def events(self) -> Path:
        """Its JSON lines."""
        return self.home / "events.jsonl"

    @property
    def errors(self) -> Path:
        """What it printed when it failed."""
        return self.home / "stderr"

    @property
    def clock(self) -> Path:
        """Seconds that its wall clock is ahead, for `gossipfl.node.harness.clock`."""
        return self.home / "clock"

    @property
    def is_wanted(self) -> bool:
        """Its process should run."""
        return self.condition is not Condition.DOWN

    async def start(self, enter: list[str], *extra: str) -> None:
        """Start, or start again; `enter` is put in front of the command."""
        program = ["-m", "gossipfl"]
        if self.own_clock:
            program = ["-m", "gossipfl.node.harness.clock", str(self.clock)]
        command = [*enter, sys.executable, *program, *self.command, "--events", "none"]
        with self.errors.open("ab") as errors:
            self.process = await trio.lowlevel.open_process(
                [*command, *self.arguments, *extra], stdin=subprocess.DEVNULL, stderr=errors
            )
        self.condition, self.answers = Condition.UP, False

    async def wait_for_answer(self) -> None:
        """Until it answers or is taken down again.  Raises NodeDied when it ends by itself."""
        while self.is_wanted:
            try:
                await self.ask("status")
                return
            except StateError:
                if not self._is_running and self.is_wanted:
                    raise self.died() from None
            await trio.sleep(0.1)

    async def ask(self, what: str) -> dict[str, Any]:
        """Its answer on the status socket.  Raises StateError."""
        answer = await ask(self.socket, what)
        self.answers = True
        return answer

    async def kill(self) -> None:
        """As `kill -9` does."""
        self.condition = Condition.DOWN
        if self.process is not None and self._is_running:
            self.process.kill()
            await self.process.wait()

    def pause(self) -> None:
        """SIGSTOP: it does nothing until it is resumed."""
        self._signal(signal.SIGSTOP)
        self.condition = Condition.PAUSED

    def resume(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)
        self.condition = Condition.UP

    def jump(self, seconds: float) -> None:
        """Set its wall clock forward."""
        self._clock_off_s += seconds
        write_private(self.clock, repr(self._clock_off_s).encode())

    def ask_to_stop(self) -> None:
        """SIGTERM, which a paused process hears of when it goes on."""
        self.condition = Condition.DOWN
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)

    async def stop(self) -> None:
        """SIGTERM; SIGKILL when that is ignored."""
        self.ask_to_stop()
        with trio.move_on_after(STOP_TIMEOUT_S):
            if self.process is not None:
                await self.process.wait()
        await self.kill()

    def died(self) -> NodeDied:
        """The error to raise, with its last words."""
        words = self.errors.read_text("utf-8", "replace").strip().splitlines()
        last = words[-1] if words else "it said nothing"
        return NodeDied(f"{self.name} stopped answering: {last} (more in {self.errors})")

    @property
    def _is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None and self._is_running:
            self.process.send_signal(number)
