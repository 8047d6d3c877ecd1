"""The operator releases a model to a running cluster, or takes a release back."""

import os
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import ConfigError
from gossipfl.manifest import Manifest
from gossipfl.membership.records import id_of
from gossipfl.node.operator import Operator
from gossipfl.node.state.home import Home, write_private
from gossipfl.releases.publishing import Plan, compose
from gossipfl.releases.release import Release
from gossipfl.releases.slices import SALT_BYTES
from gossipfl.trained import TrainedModel, UsableModel

LEARNS: Final = "peer"
# What makes a model another model; how it was trained does not matter.
ALIKE: Final = ("schema", "standardise", "basis", "layers", "shape", "loss", "quantise")


def release_model(operator: Operator, model: UsableModel, plan: Plan) -> bytes:
    """The file of a release of this model to every device that was admitted to learn.

    Raises ConfigError for a model of another kind than the cluster's, and for a plan that is none.
    """
    manifest = operator.manifest
    vector = _shared(manifest, model)
    members = [
        id_of(bytes.fromhex(member.public_key))
        for member in operator.members
        if LEARNS in member.roles and not member.revoked
    ]
    salt = os.urandom(SALT_BYTES)
    return operator.release(
        lambda number: compose(number, manifest.id, vector, members, salt, plan)
    )


def withdraw_release(operator: Operator) -> bytes:
    """The file that ends the newest release.  Raises ConfigError when there is none."""
    newest, manifest_id = operator.newest_release, operator.manifest.id
    if newest is None:
        raise ConfigError("nothing was ever released here: see `gossipfl release publish`")
    if newest.withdraws:
        raise ConfigError(f"release {newest.withdraws} was taken back already")
    withdraws, salt = newest.number, os.urandom(SALT_BYTES)

    def withdrawal(number: int) -> tuple[Release, bytes]:
        made = Release(number=number, manifest_id=manifest_id, salt=salt, withdraws=withdraws)
        return made, b""

    return operator.release(withdrawal)


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
