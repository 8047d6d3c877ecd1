"""Which part of a model is learnt together, and which each node keeps to itself.

Private heads are FedPer (Arivazhagan et al. 2019, arXiv:1912.00818), with steps of their own FedRep
(Collins et al. 2021, arXiv:2102.07078); private normalisation is FedBN (Li et al. 2021,
arXiv:2102.07623).
"""

from collections.abc import Iterable
from typing import Final

import attrs
import numpy as np
from numpy.typing import NDArray

from gossipfl.errors import ConfigError
from gossipfl.models.sequential import Sequential
from gossipfl.suggestion import suggest

Vector = NDArray[np.float32]
Indices = NDArray[np.int64]
HEAD: Final = "head"
NORM: Final = "norm"
STEPS_MAX: Final = 10_000


def _check_steps(_: object, attribute: "attrs.Attribute[int]", value: object) -> None:
    if type(value) is not int or not 0 <= value <= STEPS_MAX:
        raise ConfigError(f"{attribute.name} is a whole number 0 to {STEPS_MAX}, not {value!r}")


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(names)


@attrs.frozen(kw_only=True)
class Personalisation:
    """What is a node's own; by default nothing.

    private: layers that are never sent: "head", the last one; "norm", all that normalise; or by
        kind or name as in a summary, "GRU" or "Dense3".
    private_steps: steps of a round that train the private layers and nothing else; its local steps
        then train the shared ones and nothing else.  0 trains both together.
    fine_tune: steps on own rows that the whole model is taken further before it is judged or used;
        what is gossiped does not change by it.
    Raises ConfigError for a value outside its range.
    """

    private: tuple[str, ...] = attrs.field(default=(), converter=_names)
    private_steps: int = attrs.field(default=0, validator=_check_steps)
    fine_tune: int = attrs.field(default=0, validator=_check_steps)

    def __attrs_post_init__(self) -> None:
        if self.private_steps and not self.private:
            raise ConfigError("private_steps train private layers: say which are private")


@attrs.frozen(kw_only=True, eq=False)
class Split:
    """A model's flat vector in two.

    shared, private: i64, ascending, the places of both parts in the whole vector.
    ranges: (start, stop) of every shared tensor, within the shared part.
    names: of the private layers, as in a summary.
    """

    shared: Indices
    private: Indices
    ranges: tuple[tuple[int, int], ...]
    names: tuple[str, ...]

    @property
    def size(self) -> int:
        """Length of the shared part."""
        return len(self.shared)

    def join(self, shared: Vector, private: Vector) -> Vector:
        """The whole vector f32[d], new, from its two parts."""
        whole = np.empty(len(shared) + len(private), np.float32)
        whole[self.shared], whole[self.private] = shared, private
        return whole


def split(model: Sequential, private: Iterable[str]) -> Split:
    """Raises ConfigError for a name of no layer that learns, and when nothing would be shared."""
    places = {place for name in private for place in _places(model, name)}
    is_private = np.zeros(model.parameters, bool)
    ranges, start, shared = [], 0, 0
    for place, bound in enumerate(model.bound):
        for tensor in bound.tensors:
            is_private[start : start + tensor.size] = place in places
            start += tensor.size
            if place not in places:
                ranges.append((shared, shared + tensor.size))
                shared += tensor.size
    if not shared:
        raise ConfigError("every layer that learns is private: leave some to learn together")
    return Split(
        shared=np.flatnonzero(~is_private),
        private=np.flatnonzero(is_private),
        ranges=tuple(ranges),
        names=tuple(model.names[place] for place in sorted(places)),
    )


def _places(model: Sequential, wanted: str) -> list[int]:
    known = _called(model)
    if wanted not in known:
        raise ConfigError(f"private: no layer {wanted[:40]!r} learns; {suggest(wanted, known)}")
    return known[wanted]


def _called(model: Sequential) -> dict[str, list[int]]:
    """The places of the layers that learn, by everything that they can be called."""
    found: dict[str, list[int]] = {}
    for place, (layer, bound) in enumerate(zip(model.layers, model.bound, strict=True)):
        kind = type(layer).__name__
        roles = [HEAD] if place == len(model.layers) - 1 else []
        roles += [NORM] if kind.endswith("Norm") else []
        for name in [model.names[place], kind, *roles] if bound.tensors else ():
            found.setdefault(name, []).append(place)
    return found
