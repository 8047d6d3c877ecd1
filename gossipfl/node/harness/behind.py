"""A gateway process beside a swarm, and devices enrolled there that are members of its cluster."""

from collections.abc import Sequence

from gossipfl.node.gateway.register import Register
from gossipfl.node.harness.member import Member
from gossipfl.node.harness.network import LOOPBACK
from gossipfl.node.harness.swarm import Swarm
from gossipfl.node.operator import Operator
from gossipfl.node.state.home import write_private


class Behind:
    """The gateway, ready to start, and whoever gives devices a place there, while it runs too.

    flags: of `gossipfl gateway run`, its wires above all.
    """

    def __init__(self, swarm: Swarm, *flags: str) -> None:
        self._directory = swarm.directory
        self._operator = Operator(swarm.directory / "cluster")
        home = swarm.directory / "gateway"
        self._register = Register(home)
        arguments = ["--state", str(home), "--listen", f"{LOOPBACK}:0", "--interface", LOOPBACK]
        self.gateway = Member("gateway", home, [*arguments, *flags], command=("gateway", "run"))

    def enrol(self, name: str) -> str:
        """The code of another device, which the gateway serves from then on."""
        place, code = self._register.enrol(name)
        join_file = self._directory / f"{name}.join"
        key = place.home.device_key().public
        write_private(join_file, self._operator.admit(name, key, ("peer",)))
        self._register.admit(join_file)
        return code


def enrol_behind(swarm: Swarm, names: Sequence[str], *flags: str) -> tuple[Member, dict[str, str]]:
    """A gateway that is ready to start, and the code of each device."""
    behind = Behind(swarm, *flags)
    return behind.gateway, {name: behind.enrol(name) for name in names}
