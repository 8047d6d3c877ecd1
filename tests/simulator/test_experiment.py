"""Whole runs: reproducible to the bit, honest about bytes, and they learn whatever happens."""

import json

import attrs
import numpy as np
import pytest

from gossipfl.errors import ConfigError, DataError
from gossipfl.simulation.churn import OnOff, Trace
from gossipfl.simulation.experiment import run
from gossipfl.simulation.network import Conditions
from gossipfl.simulation.population import populate, split_rows
from tests.simulator.task import clouds, experiment, manifest, rows

HARSH = {
    "conditions": Conditions(latency_s=0.2, latency_spread=3, loss=0.2, duplication=0.1),
    "churn": OnOff(share=0.3, away_s=4),
    "speed_spread": 4.0,
}


def test_equal_seeds_give_equal_bits_and_others_do_not():
    first, again = (run(experiment(**HARSH), rows()).plain() for _ in range(2))
    assert first == again
    assert run(experiment(**HARSH, seed=1), rows()).plain() != first


@pytest.mark.parametrize("scheme", ["anchored", "plain"])
@pytest.mark.parametrize("around", [{}, HARSH], ids=["calm", "harsh"])
def test_every_node_learns(scheme, around):
    found = run(experiment(manifest=manifest(scheme=scheme), **around), rows())
    assert found.curve[0].average.test.mean < 0.6
    assert found.curve[-1].average.test.mean > 0.9
    assert found.curve[-1].average.test.worst > 0.85
    assert found.diverged == 0


def test_the_mesh_agrees_in_the_end():
    found = run(experiment(partition="dirichlet:0.3", rounds=150), rows())
    spread = [point.spread for point in found.curve]
    assert spread[-1] < max(spread) / 2


def test_bytes_are_those_of_the_frames():
    """Whole models: 4 bytes a parameter and a small head, one request and one reply a round."""
    found = run(experiment(manifest=manifest(scheme="plain")), rows())
    model_bytes = 4 * manifest().model().parameters
    per_frame = sum(found.sent_bytes) / found.frames
    assert model_bytes + 20 < per_frame < model_bytes + 60
    assert found.frames == pytest.approx(2 * sum(found.rounds), rel=0.02)


def test_looks_come_on_time_and_are_reported():
    seen = []
    found = run(experiment(rounds=25, evaluate_every=10), rows(), seen.append)
    assert [point.time_s for point in found.curve] == [0, 10, 20, 25]
    assert list(found.curve[1:]) == seen
    assert found.curve[-1].rounds == pytest.approx(25, rel=0.2)


def test_speeds_spread_as_asked():
    found = run(experiment(nodes=12, rounds=200, speed_spread=4.0), rows())
    assert max(found.rounds) / min(found.rounds) == pytest.approx(4, rel=0.4)
    assert np.mean(found.rounds) == pytest.approx(200, rel=0.05)


def test_an_absent_node_neither_trains_nor_sends():
    away = Trace([(0.0, 2, False), (20.0, 2, True)])
    found = run(experiment(churn=away, rounds=40), rows())
    assert found.rounds[2] == pytest.approx(20, abs=15)
    assert run(experiment(churn=Trace([(0.0, 2, False)])), rows()).sent_bytes[2] == 0


def test_results_are_plain_json():
    found = run(experiment(**HARSH, rounds=10), rows())
    read = json.loads(json.dumps(found.plain()))
    assert read["experiment"]["conditions"]["loss"] == 0.2
    assert read["curve"][-1]["average"]["test"]["mean"] == found.curve[-1].average.test.mean
    assert len(read["scores"]) == 8


def test_rows_are_shared_out_once_and_held_back_rows_to_nobody():
    data, split = clouds(), rows()
    assert len(split.train) + len(split.validation) + len(split.test) == len(data)
    everything = np.concatenate(
        [split.train.features, split.validation.features, split.test.features]
    )
    assert len(np.unique(everything, axis=0)) == len(np.unique(data.features, axis=0))
    members = populate(manifest(), split, "dirichlet:0.5", 8, seed=1)
    assert sum(member.learner.samples for member in members) == len(split.train)


def test_sensors_that_differ_are_simulated_too():
    model = manifest(standardise="none")
    same, skewed = (populate(model, rows(), spec, 4, seed=1) for spec in ("iid", "feature:1"))
    zeros = np.zeros_like(model.initial())
    for ours, theirs in zip(same, skewed, strict=True):
        losses = [member.learner.fit(model.initial(), zeros).loss for member in (ours, theirs)]
        assert losses[0] != losses[1]


def test_a_test_set_of_its_own_is_kept_apart():
    data, test = clouds(), clouds(rows=50, seed=9)
    split = split_rows(data, test, None, 0.2, seed=0)
    assert split.test is test
    assert len(split.train) + len(split.validation) == len(data)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"topology": "toros"}, "topology"),
        ({"algorithm": "magic"}, "algorithm 'magic' is unknown"),
        ({"partition": "odd"}, "a partition is"),
        ({"nodes": 4000}, "cannot be shared out"),
    ],
)
def test_mistakes_are_named(changes, said):
    with pytest.raises(ConfigError, match=said):
        run(experiment(**changes), rows())


@pytest.mark.parametrize(
    "wrong", [{"nodes": 0}, {"rounds": 1.5}, {"speed_spread": 0.5}, {"churn": 0.3}, {"resend_s": 0}]
)
def test_settings_are_checked(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        experiment(**wrong)


def test_too_few_rows_are_refused():
    few = clouds(rows=4)
    with pytest.raises(DataError, match="too few rows"):
        split_rows(attrs.evolve(few), None, None, 0.01, seed=4)
