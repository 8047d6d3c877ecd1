"""A gateway process beside a swarm, and devices enrolled there that are members of its cluster."""

from collections.abc import Sequence
from pathlib import Path

from gossipfl.node.gateway.register import Register
from gossipfl.node.harness.member import Member
from gossipfl.node.harness.network import LOOPBACK
from gossipfl.node.harness.swarm import Swarm
from gossipfl.node.operator import Operator
from gossipfl.node.state.home import write_private


def enrol_behind(swarm: Swarm, names: Sequence[str], *flags: str) -> tuple[Member, dict[str, str]]:
    """A gateway that is ready to start, and the code of each device.

    flags: of `gossipfl gateway run`, its wires above all.
    """
    home = swarm.directory / "gateway"
    codes = {name: enrol_there(swarm, home, name) for name in names}
    arguments = ["--state", str(home), "--listen", f"{LOOPBACK}:0", "--interface", LOOPBACK]
    gateway = Member("gateway", home, [*arguments, *flags], command=("gateway", "run"))
    return gateway, codes


def enrol_there(swarm: Swarm, home: Path, name: str) -> str:
    """The code of a device that the gateway with this home serves from then on."""
    register, operator = Register(home), Operator(swarm.directory / "cluster")
    place, code = register.enrol(name)
    join_file = swarm.directory / f"{name}.join"
    write_private(join_file, operator.admit(name, place.home.device_key().public, ("peer",)))
    register.admit(join_file)
    return code
