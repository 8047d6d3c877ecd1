"""Items to store, and what compares two of them."""

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from gossipfl.gossip.link import Applied, LinkState, Offered, Planted, Side
from gossipfl.node.state.store import (
    Item,
    Kept,
    LinksCheckpoint,
    ModelCheckpoint,
    Row,
    Saved,
)

MANIFEST_ID = b"m" * 16
PEERS = tuple(hashlib.blake2b(bytes([i]), digest_size=32).digest() for i in range(3))


def model_at(position: int, size: int = 4) -> ModelCheckpoint:
    vectors = np.arange(3 * size, dtype=np.float32).reshape(3, size) + position
    snapshots = (b"caution", b"trainer")
    return ModelCheckpoint(position, vectors, position, 0.25, 1.0, *snapshots, (b"a", b"b"))


def side(number: int) -> Side:
    return Side(number, number % 256, bytes([number % 256]) * 40)


def row_at(position: int) -> Row:
    kinds = (
        Offered(position, side(position)),
        Applied(position, side(position), side(position + 1)),
        Planted(b"seed" * 5),
    )
    return Row(position, PEERS[position % 3], kinds[position % len(kinds)])


def links_at(position: int, count: int = 2) -> LinksCheckpoint:
    links = {
        peer: LinkState(np.full(4, position, np.float32), position, b"d" * 8)
        for peer in PEERS[:count]
    }
    return LinksCheckpoint(position, links)


def comparable(value: object) -> Any:
    """Anything stored, as plain values that `==` compares."""
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, dict):
        return {key: comparable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [comparable(each) for each in value]
    if hasattr(value, "__attrs_attrs__"):
        fields = [getattr(value, a.name) for a in value.__attrs_attrs__]
        return [type(value).__name__, *map(comparable, fields)]
    return value


def expected(items: Iterable[Item]) -> Saved:
    """What loading must give after these items: the definition of the store."""
    model: ModelCheckpoint | None = None
    links = LinksCheckpoint(0, {})
    rows: dict[int, Row] = {}
    kept: dict[str, object] = {}
    for item in items:
        if isinstance(item, Kept):
            kept[item.name] = item.value
            continue
        if isinstance(item, Row):
            rows[item.position] = item
            continue
        if isinstance(item, ModelCheckpoint):
            model = item
        else:
            links = item
        needed = min(model.position if model else 0, links.position)
        rows = {position: row for position, row in rows.items() if position > needed}
    placed = {peer: (links.position, link) for peer, link in sorted(links.links.items())}
    return Saved(model, placed, [rows[position] for position in sorted(rows)], kept)


bytes_ = st.binary(max_size=60)
whole = st.integers(0, 2**32 - 1)
floats = st.floats(width=32, allow_nan=True)
sides = st.builds(Side, whole, st.integers(0, 255), bytes_)
records = (
    st.builds(Offered, whole, sides)
    | st.builds(Applied, whole, sides, sides)
    | st.builds(Planted, bytes_)
)
digests = st.binary(min_size=8, max_size=8)


@st.composite
def link_states(draw) -> LinkState:
    anchor = np.array(draw(st.lists(floats, max_size=4)), np.float32)
    link = LinkState(anchor, draw(whole), draw(digests), draw(digests), draw(digests))
    link.pending = draw(st.none() | sides)
    link.last = draw(st.none() | st.builds(Applied, whole, sides, sides))
    link.seed = draw(st.none() | bytes_)
    return link


@st.composite
def histories(draw) -> list[Item]:
    """Items as a node writes them: rows count up, checkpoints are of now."""
    position, items = 0, []
    for kind in draw(st.lists(st.sampled_from("rrrmlk"), max_size=12)):
        if kind == "r":
            position += 1
            items.append(Row(position, draw(st.sampled_from(PEERS)), draw(records)))
        elif kind == "m":
            vectors = np.array(draw(st.lists(floats, min_size=6, max_size=6)), np.float32)
            numbers = (draw(whole), draw(st.floats(0, 1)), draw(st.floats(0, 1)))
            rest = (draw(bytes_), draw(bytes_), tuple(draw(st.lists(bytes_, max_size=2))))
            items.append(ModelCheckpoint(position, vectors.reshape(3, 2), *numbers, *rest))
        elif kind == "k":
            name = draw(st.sampled_from(("members", "releases")))
            items.append(Kept(name, tuple(draw(st.lists(bytes_, max_size=3)))))
        else:
            links = draw(st.dictionaries(st.sampled_from(PEERS), link_states()))
            items.append(LinksCheckpoint(position, links))
    return items
