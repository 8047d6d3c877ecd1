"""Where a node's readings come from: a file, or a folder that files are put into."""

import time

from attrs import frozen

from gossipfl.config import NodeConfig
from gossipfl.data.dataset import check_trainable
from gossipfl.data.readings import Readings
from gossipfl.data.schema import Schema
from gossipfl.data.sources import SUFFIXES, read
from gossipfl.errors import ConfigError, DataError
from gossipfl.node.folder import STILL_S, Folder
from gossipfl.node.observer import Observer


@frozen(eq=False)
class Supply:
    """What has been read, and the folder that more may come to."""

    readings: Readings
    folder: Folder | None = None


def open_supply(config: NodeConfig, schema: Schema, own_key: bytes, observer: Observer) -> Supply:
    """All that is there now.  Raises ConfigError or DataError when that is nothing."""
    data = config.data
    if data is None:
        raise ConfigError("say what to learn from: --data FILE (.csv, .npz or .parquet), or FOLDER")
    if data.is_dir():
        readings = Readings(config.validation, config.rows_max, own_key)
        supply = Supply(readings, Folder(data, schema))
        fill(supply, observer)
    else:
        rows = read(data, schema=schema)
        supply = Supply(Readings(config.validation, len(rows), own_key))
        supply.readings.add(rows, data.name)
    observer.emit("data.opened", path=str(data.resolve()), rows=supply.readings.seen)
    for warning in check_trainable(supply.readings.train):
        observer.emit("data.warning", warning=warning)
    return supply


def fill(supply: Supply, observer: Observer) -> None:
    """Read what is in the folder before the node starts.  Raises DataError when nothing is."""
    assert supply.folder is not None
    _read_all(supply.readings, supply.folder, observer)
    if not supply.readings.seen:
        time.sleep(STILL_S)  # what is being written now may be whole then
        _read_all(supply.readings, supply.folder, observer)
    if not supply.readings.seen:
        kinds = ", ".join(SUFFIXES)
        raise DataError(f"{supply.folder.path}: no file to start with; put one in ({kinds})")


def _read_all(readings: Readings, folder: Folder, observer: Observer) -> None:
    for name in folder.fresh():
        try:
            readings.add(folder.read(name), name)
        except DataError as error:
            observer.emit("data.refused", file=name, reason=str(error))
