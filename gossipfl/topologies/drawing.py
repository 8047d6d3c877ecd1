"""Chance by hash: the same on every machine and in every release, unlike a library's generator."""

import hashlib
from bisect import bisect
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]


def order(members: tuple[str, ...], salt: str) -> list[int]:
    """All indexes of the members in a random order."""
    keys = [hashlib.blake2b(f"{salt}/{name}".encode(), digest_size=16).digest() for name in members]
    return sorted(range(len(members)), key=keys.__getitem__)


def integers(salt: str) -> Iterator[int]:
    """As many 64-bit integers as are asked for."""
    number = 0
    while True:
        block = hashlib.blake2b(f"{salt}/{number}".encode()).digest()
        yield from (int.from_bytes(block[at : at + 8], "little") for at in range(0, 64, 8))
        number += 1


def some(count: int, below: int, salt: str) -> list[int]:
    """So many different integers from 0 to `below`, that one left out; all, when they are fewer."""
    if count >= below:
        return list(range(below))
    found: dict[int, None] = {}
    for number in integers(salt):
        found[number % below] = None
        if len(found) == count:
            break
    return list(found)


class Circle:
    """Members at random places of a circle, so that few draws change with a member.

    Consistent hashing (Karger et al., 1997).
    """

    def __init__(self, members: tuple[str, ...], salt: str) -> None:
        places = enumerate(keys_of(members, f"{salt}/circle").tolist())
        self._places = sorted((key, i) for i, key in places)

    def at(self, draw: int) -> int:
        """The index of the first member behind a 64-bit draw."""
        return self._places[bisect(self._places, (draw,)) % len(self._places)][1]


def keys_of(members: tuple[str, ...], salt: str) -> Keys:
    """uint64[n]: a number for each member."""
    return np.array([next(integers(f"{salt}/{name}")) for name in members], np.uint64)


def pair_draws(key: np.uint64, others: Keys) -> NDArray[np.float64]:
    """float64[n] in [0, 1): a number for each pair, whatever other members there are.

    The pair's keys are mixed by the finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
    """
    with np.errstate(over="ignore"):
        mixed = (key ^ (others + np.uint64(0x9E3779B97F4A7C15))) * np.uint64(0xFF51AFD7ED558CCD)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53
