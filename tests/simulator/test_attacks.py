"""Attacks do what their papers say: they harm a mesh that trusts, and not one that does not."""

import attrs
import numpy as np
import pytest

from gossipfl.data.dataset import Dataset
from gossipfl.errors import ConfigError
from gossipfl.gossip.allowance import Limits
from gossipfl.simulation.attacks.base import Insight, Lie
from gossipfl.simulation.attacks.label_flip import LabelFlip
from gossipfl.simulation.attacks.named import parse_attack
from gossipfl.simulation.experiment import run
from gossipfl.simulation.gossip import Gossip
from gossipfl.simulation.threat import NO_THREAT, Threat, make_threat
from tests.simulator.task import clouds, experiment, make_world, manifest, rows

SIZE = 50
LIES = ("random", "signflip", "alie", "ipm", "dissensus", "slowdrift")


def insight(anchor: bool = True) -> Insight:
    rng = np.random.default_rng(2)
    own, victim, held = rng.normal(size=(3, SIZE)).astype("f4")
    honest = rng.normal(size=(7, SIZE)).astype("f4")
    held = held if anchor else np.zeros(0, "f4")
    return Insight(own=own, anchor=held, victim=victim, honest=honest, rng=rng)


def claim(text: str, known: Insight) -> np.ndarray:
    attack = parse_attack(text)
    assert isinstance(attack, Lie)
    claimed = attack.claim(known)
    assert claimed.dtype == np.float32
    assert claimed.shape == (SIZE,)
    return claimed


@pytest.mark.parametrize("anchor", [True, False])
def test_claims_are_those_of_the_papers(anchor):
    known = insight(anchor)
    origin = known.anchor if anchor else known.victim
    mean, spread = known.honest.mean(0), known.honest.std(0)
    expected = {
        "signflip": origin - 3 * (known.own - origin),
        "signflip:0.5": origin - 0.5 * (known.own - origin),
        "alie": mean - 1.5 * spread,
        "ipm": origin - 0.5 * (mean - origin),
        "dissensus": known.victim + 1.5 * (known.victim - mean),
    }
    for text, model in expected.items():
        np.testing.assert_allclose(claim(text, known), model, rtol=1e-4, atol=1e-5)


def test_noise_is_new_each_time_and_a_drift_never_changes_its_way():
    known = insight()
    truth = known.own - known.anchor
    first, second = (claim("random:2", known) - known.anchor for _ in range(2))
    assert np.linalg.norm(first) == pytest.approx(2 * np.linalg.norm(truth), rel=1e-4)
    assert abs(first @ second) < 0.6 * np.linalg.norm(first) * np.linalg.norm(second)
    drift, again = (claim("slowdrift:0.3", known) - known.own for _ in range(2))
    np.testing.assert_array_equal(drift, again)
    assert np.linalg.norm(drift) == pytest.approx(0.3 * np.linalg.norm(truth), rel=1e-4)


def test_flipped_labels_are_wrong_and_the_features_are_not():
    data = clouds()
    wrong = LabelFlip().poison(data, 4)
    np.testing.assert_array_equal(wrong.targets, 3 - data.targets)
    np.testing.assert_array_equal(wrong.features, data.features)
    values = Dataset(
        features=data.features,
        targets=np.ones((len(data), 2), "f4"),
        columns=data.columns,
        source="values",
    )
    np.testing.assert_array_equal(LabelFlip().poison(values, 0).targets, -1)


@pytest.mark.parametrize(
    "text", ["", "magic", "alie:", "alie:much", "alie:-1", "alie:nan", "alie:1e9", "labelflip:2"]
)
def test_attacks_that_are_none_are_named(text):
    with pytest.raises(ConfigError, match="attack '"):
        parse_attack(text)


def test_attackers_are_so_many_and_drawn_by_the_seed():
    drawn = {make_threat("alie", 0.25, 16, seed).attackers for seed in range(20)}
    assert {len(attackers) for attackers in drawn} == {4}
    assert len(drawn) > 15
    assert make_threat("alie", 0.25, 16, 3) == make_threat("alie", 0.25, 16, 3)
    assert make_threat(None, 0.0, 16, 3) is NO_THREAT


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"attack": "signflip"}, "give both"),
        ({"attackers": 0.2}, "give both"),
        ({"attack": "signflip", "attackers": 0.01}, "give both"),
        ({"attack": "signflip", "attackers": 0.99}, "nobody to measure"),
        ({"attack": "signflip", "attackers": 0.2, "algorithm": "fedavg"}, "speak gossip only"),
        ({"attackers": 1.0}, "attackers"),
    ],
)
def test_mistakes_are_named(changes, said):
    with pytest.raises(ConfigError, match=said):
        run(experiment(**changes), rows())


def test_liars_keep_their_links_in_step():
    """Legal messages: no link is ever seeded anew, and both ends hold the same anchor."""
    model = manifest(trust="open")
    world = make_world(model, 8, "random:4", loss=0.2)
    attack = parse_attack("signflip")
    world = attrs.evolve(world, threat=Threat(attack, frozenset({1, 5})))
    gossip = Gossip(model, 2.0, Limits())
    gossip.start(world)
    world.engine.run_until(40)
    assert sum(node.planted for node in gossip.nodes) == 0
    assert min(node.applied for node in gossip.nodes) > 10
    links = [
        (ours, gossip.nodes[other].links[number])
        for number in (1, 5)
        for other, ours in gossip.nodes[number].links.items()
    ]
    settled = [(ours, theirs) for ours, theirs in links if ours.sequence == theirs.sequence]
    assert len(settled) >= 2
    for ours, theirs in settled:
        np.testing.assert_array_equal(ours.anchor, theirs.anchor)


def attacked(attack: str | None, **changes: str):
    share = {"attack": attack, "attackers": 0.2} if attack else {}
    return experiment(
        manifest=manifest(**changes), nodes=10, topology="random:6", rounds=50, **share
    )


def final(attack: str | None, **changes: str) -> float:
    found = run(attacked(attack, **changes), rows())
    assert len(found.scores) == (8 if attack else 10)  # only the honest are judged
    return found.curve[-1].average.test.mean


def test_an_attacked_run_can_be_repeated_to_the_bit():
    first, again = (run(attacked("random", trust="open"), rows()).plain() for _ in range(2))
    assert first == again


@pytest.mark.parametrize("attack", ["random", "signflip", "dissensus"])
def test_who_trusts_is_harmed_and_who_does_not_is_not(attack):
    trusting, cautious = final(attack), final(attack, trust="open")
    assert trusting < cautious - 0.05
    assert cautious > 0.9


def test_plain_gossip_can_be_attacked_too():
    assert final("signflip", scheme="plain") < final(None, scheme="plain") - 0.05
