"""What int8 costs on the watch data."""

import attrs
import numpy as np

from gossipfl.data.dataset import split_validation
from gossipfl.data.pipeline import own_scale, prepare
from gossipfl.data.sources import read
from gossipfl.learning.training import Trainer
from gossipfl.node.harness.demo import WATCH, join, make_manifest
from gossipfl.node.models.rounding import compare
from gossipfl.trained import TrainedModel

STEPS = 1000
COURSE = {"learning_rate": 0.05, "schedule": f"cosine:{STEPS}", "local_steps": STEPS}


def trained(manifest, rows, scale):
    settings = attrs.evolve(manifest.training, **COURSE)
    trainer = Trainer(
        manifest.model(), prepare(manifest.input_basis(), rows, scale), None, settings, seed=1
    )
    nothing = np.zeros(manifest.model().parameters, np.float32)
    return TrainedModel(manifest, trainer.fit(manifest.initial_model(), nothing).parameters, scale)


def compared(seed):
    """Both ways to train, on one split of the readings."""
    plain = make_manifest(0)
    rows = join([read(WATCH / f"wearer-{i}.npz", schema=plain.schema) for i in range(1, 11)])
    train, held = split_validation(rows, 0.4, np.random.default_rng(seed))
    assert held is not None
    scale = own_scale(plain.standardise, train)
    models = (trained(each, train, scale) for each in (plain, attrs.evolve(plain, quantise="int8")))
    return compare(*models, held)


def test_int8_costs_less_than_a_point_on_the_watch_data():
    found = [compared(seed) for seed in range(4)]
    assert np.mean([each.scores[0] for each in found]) > 0.7
    assert np.mean([each.cost for each in found]) <= 1
    for each in found:
        assert each.samples > 400
        assert abs(each.scores[1] - each.scores[2]) * each.samples < 2.5  # rows
        assert each.int8_bytes < 0.3 * each.float_bytes
        assert each.plain()["cost_points"] == each.cost
