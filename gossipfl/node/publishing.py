"""The operator releases a model or settings to a running cluster, or takes a release back."""

import os
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import ConfigError
from gossipfl.manifest import Manifest
from gossipfl.membership.records import id_of
from gossipfl.node.operator import Operator
from gossipfl.node.state.home import Home, write_private
from gossipfl.releases.publishing import Plan, compose, compose_settings
from gossipfl.releases.release import Release
from gossipfl.releases.settings import REASONS, change_settings, encode_settings
from gossipfl.releases.slices import SALT_BYTES
from gossipfl.toml import check_keys, read_toml
from gossipfl.trained import TrainedModel, UsableModel
from gossipfl.wire.releases import MODEL, SETTINGS

LEARNS: Final = "peer"
# What makes a model another model; how it was trained does not matter.
ALIKE: Final = ("schema", "standardise", "basis", "layers", "shape", "loss", "quantise")


def release_model(operator: Operator, model: UsableModel, plan: Plan) -> bytes:
    """The file of a release of this model to every device that was admitted to learn.

    Raises ConfigError for a model of another kind than the cluster's, and for a plan that is none.
    """
    manifest = operator.manifest
    vector = _shared(manifest, model)
    members, salt = _learners(operator), os.urandom(SALT_BYTES)
    return operator.release(
        MODEL,
        lambda newest: compose(_next(newest), manifest.id, vector, members, salt, plan),
    )


def release_settings(operator: Operator, changes: dict[str, Any], plan: Plan) -> bytes:
    """The file of a release of the cluster's own training settings with these changes.

    When it fails, devices go back to the settings of the release before, unless that was taken
    back.  Raises ConfigError for what a release cannot change, and for a plan that is none.
    """
    manifest = operator.manifest
    if not isinstance(manifest, Manifest):
        raise ConfigError("this cluster trains a model of another framework: set it up there")
    settings = encode_settings(change_settings(manifest.training, changes))
    agreed, members = encode_settings(manifest.training), _learners(operator)
    salt = os.urandom(SALT_BYTES)

    def composed(newest: Release | None) -> tuple[Release, bytes]:
        former = newest.settings if newest else agreed
        number = _next(newest)
        return compose_settings(number, manifest.id, settings, former, members, salt, plan)

    return operator.release(SETTINGS, composed)


def read_changes(path: Path) -> dict[str, Any]:
    """The table [training] of a TOML file.  Raises ConfigError."""
    tables = read_toml(path)
    for name in tables:
        if name in REASONS:
            raise ConfigError(f"{path}: {name} cannot be released: it {REASONS[name]}")
    check_keys(tables, ["training"], str(path))
    changes = tables.get("training")
    if not isinstance(changes, dict) or not changes:
        raise ConfigError(f"{path}: a table [training] says what changes, as learning_rate = 0.05")
    return changes


def withdraw_release(operator: Operator, subject: int = MODEL) -> bytes:
    """The file that ends the newest release of a subject.  Raises ConfigError without one."""
    manifest_id = operator.manifest.id

    def withdrawal(newest: Release | None) -> tuple[Release, bytes]:
        if newest is None:
            raise ConfigError("nothing was ever released here: see `gossipfl release publish`")
        if newest.withdraws:
            raise ConfigError(f"release {newest.withdraws} was taken back already")
        made = Release(
            number=_next(newest),
            manifest_id=manifest_id,
            salt=os.urandom(SALT_BYTES),
            withdraws=newest.number,
            subject=subject,
            settings=newest.former,
            former=newest.former,
        )
        return made, b""

    return operator.release(subject, withdrawal)


def _learners(operator: Operator) -> list[bytes]:
    """Ids of all devices that were admitted to learn."""
    return [
        id_of(bytes.fromhex(member.public_key))
        for member in operator.members
        if LEARNS in member.roles and not member.revoked
    ]


def _next(newest: Release | None) -> int:
    return newest.number + 1 if newest else 1


def deliver(file: bytes, output: Path, via: Path | None) -> Path:
    """Write the file, or hand it to the node whose state directory `via` is; where it went.

    Raises ConfigError when that is none.
    """
    if via is None:
        write_private(output, file)
        return output
    home = Home(via.expanduser())
    if not home.admission.exists():
        raise ConfigError(f"{via} is no node's state directory: leave out --via, and copy the file")
    write_private(home.release, file)
    return home.release


def _shared(manifest: object, model: UsableModel) -> NDArray[np.float32]:
    """The part of a model that the cluster gossips."""
    if not isinstance(manifest, Manifest):
        raise ConfigError("this cluster trains a model of another framework: release it there")
    if not isinstance(model, TrainedModel):
        raise ConfigError("a model in 8-bit integers cannot be learnt on: release the one before")
    for name in ALIKE:
        if getattr(model.manifest, name) != getattr(manifest, name):
            raise ConfigError(
                f"the model's {name} differs from the cluster's: train it as the cluster does (see "
                "`gossipfl cluster show`), or make a new cluster"
            )
    return model.parameters[manifest.split().shared]
