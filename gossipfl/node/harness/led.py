"""A seed process in a swarm, and nodes that know nobody but it."""

from gossipfl.node.device import take_join_file
from gossipfl.node.harness.member import Member
from gossipfl.node.harness.swarm import Swarm
from gossipfl.node.operator import Operator
from gossipfl.node.state.home import Home, write_private


def admit_seed(swarm: Swarm, address: str, *flags: str) -> Member:
    """A seed that is ready to start, the swarm's first member from now on, and will be at
    `address`; flags: of `gossipfl seed`.
    """
    home = swarm.directory / "seed"
    join_file = swarm.directory / "seed.join"
    operator = Operator(swarm.directory / "cluster")
    key = Home(home).device_key().public
    write_private(join_file, operator.admit("seed", key, ("seed",)))
    take_join_file(home, join_file)
    arguments = ["--state", str(home), "--listen", address, "--no-mdns", *flags]
    seed = Member("seed", home, arguments, command=("seed",))
    swarm.members.insert(0, seed)
    return seed
