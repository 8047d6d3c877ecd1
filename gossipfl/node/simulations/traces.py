"""Traces of who was online when, from CSV files with the columns node, from_s and to_s."""

from pathlib import Path
from typing import Final

from gossipfl.data.csv_source import open_csv
from gossipfl.data.csv_table import CsvTable, Row
from gossipfl.errors import ConfigError, DataError
from gossipfl.simulation.churn import Session, Trace

COLUMNS: Final = ("node", "from_s", "to_s")
SESSIONS_MAX: Final = 200_000


def read_trace(path: Path, nodes: int) -> Trace:
    """A session a row: `node`, 0 to nodes - 1, is online from `from_s` until `to_s`.

    Nodes that the file does not name are always online; other columns are ignored.
    Raises DataError naming file, line and remedy, ConfigError when sessions of a node overlap.
    """
    with open_csv(path) as table:
        table.require(COLUMNS)
        places = [table.header.index(name) for name in COLUMNS]
        sessions: list[Session] = []
        for row in table.rows:
            if len(sessions) == SESSIONS_MAX:
                raise DataError(f"{path}: above {SESSIONS_MAX} sessions; keep fewer")
            sessions.append(_session(table, row, places, nodes))
    try:
        return Trace.of_sessions(sessions)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _session(table: CsvTable, row: Row, places: list[int], nodes: int) -> Session:
    node, from_s, to_s = (table.number(row, place) for place in places)
    if not (node.is_integer() and 0 <= node < nodes):
        raise DataError(
            f"{table.where(row[0], COLUMNS[0])}: nodes are numbered 0 to {nodes - 1}, "
            f"not {node:g}; correct it or drop the row"
        )
    if not 0 <= from_s < to_s:
        raise DataError(
            f"{table.name}, line {row[0]}: a session from {from_s:g} s to {to_s:g} s; it starts "
            "at 0 or later and ends after that"
        )
    return Session(int(node), from_s, to_s)
