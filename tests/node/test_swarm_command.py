"""`gossipfl swarm` refuses before anything starts."""

import numpy as np
import pytest

CUT = '[[events]]\nat_s = 1\ndo = "cut"\nnodes = [0]\n'
LATE = '[[events]]\nat_s = 1\ndo = "kill"\nnodes = [7]\n'


@pytest.mark.parametrize(
    ("script", "flags", "complaint"),
    [
        (CUT, ("--faults", "f.toml"), "add --network namespaces"),
        (LATE, ("--faults", "f.toml"), "there is no node 7: they are 0 to 2"),
        (CUT, ("--faults", "g.toml"), "cannot read g.toml"),
        (CUT, ("--json", "nowhere/r.json"), "cannot write nowhere/r.json"),
        (CUT, ("--report", "nowhere/r.html"), "cannot write nowhere/r.html"),
    ],
)
def test_what_cannot_be_is_known_before(refused, tmp_path, script, flags, complaint):
    (tmp_path / "f.toml").write_text(script)
    np.savez(tmp_path / "d.npz", X=np.zeros((20, 2), "f4"), y=np.arange(20) % 2)
    assert complaint in refused("swarm", "3", "--data", "d.npz", *flags)


def test_help_shows_a_script(ok):
    assert 'do = "cut"' in ok("swarm", "--help")
