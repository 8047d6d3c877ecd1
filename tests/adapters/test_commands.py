"""The command line with apps: what it makes, and what it refuses."""

import pytest

from tests.node.conftest import ok, refused, run  # noqa: F401

NUMPY = ("--numpy-client", "numpy_app:client_fn")


@pytest.fixture
def cluster(ok, examples, monkeypatch, tmp_path):  # noqa: F811
    """A cluster of NumPy clients; the examples are importable from the home directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(examples)
    return ok("cluster", "create", "lab", *NUMPY)


def test_create_shows_the_arrays(ok, cluster):  # noqa: F811
    assert "16x10  float64         160" in cluster
    assert "numpy-client model, 2 arrays, 170 parameters, 680 bytes" in cluster
    assert "numpy-client model, 2 arrays" in ok("cluster", "show")


def test_admit_says_how_to_start(ok, cluster):  # noqa: F811
    shown = ok("cluster", "admit", "pi", "--public-key", ok("key").strip())
    assert "--join pi.join --numpy-client PKG.MODULE:NAME" in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([*NUMPY, "--like", "x.csv"], "--like: --numpy-client brings a model and data of its own"),
        ([*NUMPY, "--hidden", "3"], "--hidden: "),
        ([*NUMPY, "--optimizer", "adam"], "--optimizer: "),
        ([*NUMPY, "--torch", "a:b"], "name one app: --numpy-client or --torch"),
        (["--features", "3", "--run-config", "a=1"], "--run-config: it is for an app"),
        (["--features", "3", "--no-correction"], "--no-correction: it is for an app"),
        (["--numpy-client", "nothing"], "'nothing' is not package.module:name"),
        ([*NUMPY, "--node-config", "x"], "--node-config: 'x' is not KEY=VALUE"),
    ],
)
def test_senseless_combinations_are_refused(refused, cluster, arguments, said):  # noqa: F811
    assert said in refused("cluster", "create", "other", *arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "say where yours is, --numpy-client package.module:name"),
        (["--torch", "a:b"], "say where yours is, --numpy-client"),
        (["--data", "x.csv"], "say where yours is, --numpy-client"),
        ([*NUMPY, "--data", "x.csv"], "learns from one of data and numpy_client"),
        (["--numpy-client", "numpy_app:none"], "numpy_app has no 'none'"),
        ([*NUMPY, "--node-config", "partition-id=many"], "client_fn failed: "),
    ],
)
def test_nodes_refuse_what_does_not_suit(ok, refused, cluster, arguments, said):  # noqa: F811
    ok("cluster", "admit", "pi", "--public-key", ok("key").strip())
    assert said in refused("node", "--join", "pi.join", "--events", "none", *arguments)


def test_a_cluster_of_layers_takes_no_app(ok, refused, cluster):  # noqa: F811
    ok("cluster", "create", "home", "--features", "3", "--classes", "2")
    key = ok("key").strip()
    ok("cluster", "admit", "pi", "--public-key", key, "--cluster", "home")
    shown = refused("node", "--join", "pi.join", "--events", "none", *NUMPY)
    assert "--numpy-client: this cluster trains a model of layers" in shown


def test_predictions_are_the_frameworks_own(ok, refused, cluster, tmp_path):  # noqa: F811
    ok("cluster", "admit", "pi", "--public-key", ok("key").strip())
    (tmp_path / ".gossipfl/node/admission.join").write_bytes((tmp_path / "pi.join").read_bytes())
    assert "predicts in its own framework only" in refused("predict", "new.csv")


def test_a_swarm_needs_something_to_learn_from(refused):  # noqa: F811
    assert "--data FILE, or an app" in refused("swarm", "2")
