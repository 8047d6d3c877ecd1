"""One device's frames in, its answers out: the core decides, this file remembers and sends."""

import secrets
from typing import Any, Final

import trio
from attrs import define

from gossipfl.devices.keyring import Keyring, decode_keyring
from gossipfl.devices.keys import CHANCE_BYTES
from gossipfl.devices.messages import (
    BATTERY_UNKNOWN,
    MODEL_TOO_LARGE,
    NO_UPLOADS,
    OTHER_CLASSES,
    OTHER_INPUTS,
    Hello,
    Offer,
    Refusal,
    Samples,
    Sleep,
)
from gossipfl.devices.session import DeviceSession, Outcome
from gossipfl.errors import PeerError
from gossipfl.gossip.link import Planted
from gossipfl.node.agent import Agent
from gossipfl.node.gateway.learner import DeviceLearner
from gossipfl.node.gateway.sparingly import Sparingly
from gossipfl.node.gateway.wires import Arrival
from gossipfl.node.observer import Observer
from gossipfl.node.state.journal import Journal
from gossipfl.node.state.store import Kept, Saved

# The device among the links of its agent; neighbours are there by their keys, which are longer.
DEVICE: Final = b"device"
KEPT: Final = "device"
SAMPLES: Final = "samples"
WAITING_MAX: Final = 8
SEND_TIMEOUT_S: Final = 10.0
_UNFIT: Final = {
    MODEL_TOO_LARGE: "the model is too large for it: choose a smaller one, or build it with room",
    NO_UPLOADS: "it cannot train and would send its samples: --allow-sample-upload allows that",
    OTHER_INPUTS: "its samples have another number of features than the cluster's",
    OTHER_CLASSES: "its samples have another number of classes than the cluster's",
}


@define
class Facts:
    """What a device last told, for people.

    seen_s, awake_s: trio time of its last frame, and before which it said it would not wake.
    """

    battery: int = BATTERY_UNKNOWN
    origin: str = ""
    seen_s: float | None = None
    awake_s: float = 0.0
    refused: int = 0
    unfit: str | None = None


class DeviceService:
    """Serves the device that an agent stands for.

    name: of the agent, in its certificate.
    """

    def __init__(
        self,
        name: str,
        agent: Agent,
        learner: DeviceLearner,
        keyring: Keyring,
        observer: Observer,
    ) -> None:
        self.name = name
        self.facts = Facts()
        self._agent = agent
        self._learner = learner
        self._observer = observer
        self._sparingly = Sparingly(observer)
        self._session = self._make_session(keyring)
        self._put, self._arrivals = trio.open_memory_channel[Arrival](WAITING_MAX)

    @property
    def keyring(self) -> Keyring:
        """As it is now."""
        return self._session.keyring

    def enrol(self, keyring: Keyring) -> None:
        """The device has been given another code."""
        self._session = self._make_session(keyring)

    def rotate(self) -> None:
        """Have the device ask for its next key."""
        self._session.rotate()

    @property
    def rotating(self) -> bool:
        """Whether it has still to do so."""
        return self._session.rotating

    def take(self, arrival: Arrival) -> None:
        """A frame in this device's name; dropped while too many wait."""
        try:
            self._put.send_nowait(arrival)
        except trio.WouldBlock:
            self._refuse(arrival, "more frames than can be answered: it will ask again")

    async def run(self) -> None:
        """Answer until cancelled."""
        async for arrival in self._arrivals:
            try:
                outcome = self._session.receive(arrival.frame, secrets.token_bytes(CHANCE_BYTES))
            except PeerError as error:
                self._refuse(arrival, str(error))
                continue
            await self._remember(outcome)
            self._note(outcome, arrival)
            await self._answer(arrival, outcome.frame)

    async def _remember(self, outcome: Outcome) -> None:
        """Returns once neither a counter nor an exchange can be used twice, whatever crashes."""
        journal = self._agent.journal
        for record in outcome.records:
            journal.append(DEVICE, record)
        if isinstance(outcome.message, Samples) and self._session.uploads is not None:
            journal.put(Kept(SAMPLES, self._session.uploads.encode()))
        await journal.wait_written(journal.put_in_order(Kept(KEPT, outcome.keyring.encode())))

    async def _answer(self, arrival: Arrival, frame: bytes) -> None:
        try:
            with trio.fail_after(SEND_TIMEOUT_S):
                await arrival.answer(frame)
        except (PeerError, trio.TooSlowError) as error:
            reason = str(error) or f"{arrival.origin} takes nothing for {SEND_TIMEOUT_S:g} s"
            self._sparingly.emit("device.unanswered", "", device=self.name, reason=reason)

    def _note(self, outcome: Outcome, arrival: Arrival) -> None:
        message, facts = outcome.message, self.facts
        self._learner.note(message)
        facts.seen_s, facts.awake_s = trio.current_time(), 0.0
        facts.origin = arrival.origin
        if isinstance(message, Hello | Offer):
            facts.battery = message.battery
        if isinstance(message, Hello):
            self._note_hello(message, outcome)
        elif isinstance(message, Sleep):
            facts.awake_s = facts.seen_s + message.seconds
            self._observer.emit("device.asleep", device=self.name, seconds=message.seconds)
        if any(isinstance(record, Planted) for record in outcome.records):
            self._observer.emit("device.seeded", device=self.name)

    def _note_hello(self, hello: Hello, outcome: Outcome) -> None:
        reason = outcome.answer.reason if isinstance(outcome.answer, Refusal) else None
        self.facts.unfit = None if reason is None else _UNFIT[reason]
        if reason is not None:
            self._sparingly.emit(
                "device.unfit", str(reason), device=self.name, reason=self.facts.unfit
            )
            return
        self._observer.emit(
            "device.greeted",
            device=self.name,
            link=self.facts.origin,
            samples=hello.samples,
            key=outcome.keyring.identity.epoch,
        )

    def _refuse(self, arrival: Arrival, reason: str) -> None:
        self.facts.refused += 1
        self._sparingly.emit(
            "device.refused", "", device=self.name, link=arrival.origin, reason=reason
        )

    def _make_session(self, keyring: Keyring) -> DeviceSession:
        mixer, learner = self._agent.mixer, self._learner
        uploads = None if learner.proxy is None else learner.proxy.uploads
        state = mixer.state_beyond(DEVICE)
        return DeviceSession(keyring, learner.plan, mixer.replica, state, uploads)

    def status(self) -> dict[str, Any]:
        """What people want to know of the device."""
        facts, keyring, now_s = self.facts, self._session.keyring, trio.current_time()
        return {
            "name": self.name,
            "id": keyring.identity.id.hex(),
            "enrolled": keyring.enrolled,
            "key": keyring.identity.epoch,
            "state": self._state(now_s),
            "battery": None if facts.battery == BATTERY_UNKNOWN else facts.battery,
            "link": facts.origin or None,
            "silent_s": None if facts.seen_s is None else round(now_s - facts.seen_s, 1),
            "asleep_s": round(max(0.0, facts.awake_s - now_s), 1),
            "samples": self._learner.samples,
            "exchanges": self._session.state.sequence,
            "refused": facts.refused,
            "unfit": facts.unfit,
        }

    def _state(self, now_s: float) -> str:
        facts = self.facts
        if facts.unfit is not None:
            return "unfit"
        if facts.seen_s is None:
            return "not seen"
        if facts.awake_s > facts.seen_s:
            return "asleep" if now_s < facts.awake_s else "overdue"
        return "learning" if self._learner.step_size else "silent"


def kept_keyring(saved: Saved, enrolled: Keyring) -> Keyring:
    """The newest of a device's keyrings: the stored one, unless a new code was given since.

    Raises StateError when what was stored is damaged.
    """
    stored = saved.kept.get(KEPT)
    if stored is None:
        return enrolled
    keyring = decode_keyring(stored)
    return keyring if keyring.identity.id == enrolled.identity.id else enrolled


def restore_samples(saved: Saved, learner: DeviceLearner, journal: Journal) -> None:
    """Those that a device has sent before; forgotten if it may no more.  Raises StateError."""
    stored = saved.kept.get(SAMPLES)
    if stored is None:
        return
    if learner.proxy is None:
        journal.put(Kept(SAMPLES, None))
    else:
        learner.proxy.uploads.restore(stored)
