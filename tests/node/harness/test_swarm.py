"""A swarm whose nodes do not come up."""

import pytest
import trio

from gossipfl.errors import StateError
from gossipfl.faults.script import Condition
from gossipfl.node.harness.member import Member
from gossipfl.node.harness.swarm import Swarm
from tests.simulation.cluster import MANIFEST


async def test_a_node_that_never_answers_is_named(autojump_clock, monkeypatch, tmp_path):
    async def hang(member: Member, *_: object) -> None:
        member.condition = Condition.UP
        member.process = await trio.lowlevel.open_process(["sleep", "60"])

    monkeypatch.setattr(Member, "start", hang)
    swarm = Swarm(tmp_path, MANIFEST, [()])
    with pytest.raises(StateError, match=r"node-0 has not answered for 120 s: .*stderr"):
        async with swarm.running():
            raise AssertionError("it cannot run")
    assert swarm.members[0].process is not None
    assert swarm.members[0].process.returncode is not None
