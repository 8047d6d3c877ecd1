"""How peers are noticed: sightings of addresses, to be dialled and only then trusted.

A sighting proves nothing, since anybody can announce anything; the handshake decides.  Nor does its
absence: a peer that crashes is not unannounced.  Liveness comes from exchanges.
"""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable

import attrs
import trio
from attrs.validators import and_, ge, le, matches_re

from gossipfl.errors import GossipFLError

VERSION = 1
ADDRESSES_MAX = 8
INSTANCE_PATTERN = r"[0-9a-f]{16}"
CLUSTER_TAG_PATTERN = r"[0-9a-f]{1,32}"


class DiscoveryUnavailable(GossipFLError):
    """This kind of discovery cannot work here now: say so, and go on without it."""


@attrs.frozen(kw_only=True)
class Announcement:
    """What we tell the neighbourhood: no name of a person, host or device.

    port: the TCP port that we serve.
    cluster_tag: short hexadecimal, the same on every node of a cluster; groups, proves nothing.
    version: of the protocol; others are not reported to us.
    instance: random id, new with every start; we also say it in our links, so that peers can tell
        which sighting is whom.
    """

    port: int = attrs.field(validator=and_(ge(1), le(65535)))
    cluster_tag: str = attrs.field(validator=matches_re(CLUSTER_TAG_PATTERN))
    version: int = attrs.field(default=VERSION, validator=and_(ge(0), le(999)))
    instance: str = attrs.field(
        factory=lambda: secrets.token_hex(8), validator=matches_re(INSTANCE_PATTERN)
    )


@attrs.frozen
class Sighting:
    """A peer came (`present`) or said goodbye.

    instance: random, new with every start of the peer; joins a goodbye to its arrival.
    addresses: at most ADDRESSES_MAX, as `host:port`; none in a goodbye.
    """

    instance: str
    addresses: tuple[str, ...]
    cluster_tag: str
    version: int
    present: bool


OnSighting = Callable[[Sighting], None]


class Discovery(ABC):
    """One way to notice peers."""

    @abstractmethod
    async def run(
        self,
        announcement: Announcement,
        on_sighting: OnSighting,
        *,
        task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Announce ourselves and report others until cancelled, then say goodbye.

        `task_status` gets our instance, which is never reported.  Raises DiscoveryUnavailable if it
        cannot even begin; worth another attempt later, as when the Wi-Fi was not up yet.
        """
