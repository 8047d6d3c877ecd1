"""Where a model to use comes from: a file, the node that runs here, or what that node stored."""

from pathlib import Path
from typing import Any

import numpy as np
import trio
from numpy.typing import NDArray

from gossipfl.data.statistics import MomentSet, Scale
from gossipfl.errors import ConfigError, StateError
from gossipfl.learning.personal import decode_own
from gossipfl.manifest import Manifest, open_manifest
from gossipfl.models.personalisation import Personalisation
from gossipfl.node.state.home import Home, read_bytes, write_private
from gossipfl.node.state.store import Damaged, ModelCheckpoint, read_model
from gossipfl.node.status import ask, decode_vector
from gossipfl.security.admission import JOIN_FILE_MAX, open_with
from gossipfl.trained import TRAINED_BYTES_MAX, TrainedModel, UsableModel, decode_trained


def find_model(
    file: Path | None, state: Path, *, best: bool = False, int8: bool = False
) -> UsableModel:
    """The model in `file`; without one, that of the node whose state directory `state` is.

    best: the one that did best on the node's held-back readings, not the newest.
    int8: in 8-bit integers.
    Raises StateError when there is none, and what keeps it from being read; ConfigError when it was
    not trained for int8.
    """
    if file is None:
        model: UsableModel = _model_of_node(state.expanduser(), best)
    elif best:
        raise ConfigError("a model file holds one model: leave out --best, or --model")
    else:
        model = read_model_file(file)
    return model.integers() if int8 else model


def read_model_file(path: Path) -> UsableModel:
    """Raises StateError, one line that names the file."""
    content = read_bytes(path, TRAINED_BYTES_MAX)
    try:
        return decode_trained(content)
    except StateError as error:
        raise StateError(f"{path}: {error}") from None


def write_model_file(path: Path, model: UsableModel) -> None:
    """A crash leaves the old file or the new one.  Raises StateError."""
    write_private(path, model.encode())


def _model_of_node(state: Path, best: bool) -> TrainedModel:
    if not (state / "admission.join").exists():
        raise StateError(f"no node was ever admitted in {state}: give --state, or --model FILE")
    home = Home(state)
    admission = open_with(home.device_key(), read_bytes(home.admission, JOIN_FILE_MAX))
    manifest = open_manifest(admission.manifest, admission.authority)
    if not isinstance(manifest, Manifest):
        raise StateError(f"a {manifest.summary()} predicts in its own framework only")
    try:
        answer = trio.run(ask, home.status_socket, "model")
    except StateError:  # no node runs
        return _stored(home, manifest, best)
    return _answered(answer, manifest, best)


def _answered(answer: dict[str, Any], manifest: Manifest, best: bool) -> TrainedModel:
    try:
        if best and answer["best"] is None:
            raise _nothing_judged()
        parameters, scale = decode_vector(answer["best" if best else "average"]), None
        if answer["mean"] is not None:
            mean, inverse = decode_vector(answer["mean"]), answer["inverse_deviation"]
            scale = Scale(mean=mean, inverse_deviation=decode_vector(inverse))
    except (KeyError, TypeError, ValueError):
        raise StateError("the running node is of another version: restart it") from None
    return TrainedModel(manifest, parameters, scale)


def _nothing_judged() -> StateError:
    return StateError("the node has judged no model on held-back readings yet: leave out --best")


def _stored(home: Home, manifest: Manifest, best: bool) -> TrainedModel:
    """Predictions are made with the averaged model, as it was written last."""
    saved = None
    if home.database.exists():
        try:
            saved = read_model(home.database, manifest.id)
        except Damaged as error:
            raise StateError(f"{error}; start the node, which mends it, or give --model") from None
    if saved is None:
        raise StateError(
            f"the node in {home.path} has learnt nothing yet: start it with `gossipfl node`"
        )
    if best and saved.best is None:
        raise _nothing_judged()
    parameters = saved.best.parameters if best and saved.best else completed(saved, manifest)
    return TrainedModel(manifest, parameters, _stored_scale(saved, manifest))


def completed(saved: ModelCheckpoint, manifest: Manifest) -> NDArray[np.float32]:
    """The whole averaged model f32[d], private layers and fine-tuning included."""
    average: NDArray[np.float32] = saved.vectors[2].copy()
    if manifest.personal == Personalisation():
        return average
    return decode_own(saved.trainer, manifest.split()).complete(manifest.split(), average)


def _stored_scale(saved: ModelCheckpoint, manifest: Manifest) -> Scale | None:
    if not manifest.standardises:
        return None
    moments = MomentSet(manifest.groups)
    for entry in saved.moments:
        moments.add(moments.decode(entry))
    return moments.scale()
