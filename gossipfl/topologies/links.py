"""Who takes whose models, as lists of numbers, and that the other way round."""

from collections.abc import Sequence

Adjacency = Sequence[Sequence[int]]


def goes_both_ways(adjacency: Adjacency) -> bool:
    """Whether everybody takes the models of exactly those that take its own."""
    near = [frozenset(row) for row in adjacency]
    return all(i in near[j] for i, row in enumerate(adjacency) for j in row)


def listeners(adjacency: Adjacency) -> list[list[int]]:
    """For each member the ascending indexes of those that take its model."""
    found: list[list[int]] = [[] for _ in adjacency]
    for i, row in enumerate(adjacency):
        for j in row:
            found[j].append(i)
    return found


def both_ways(adjacency: Adjacency) -> list[list[int]]:
    """For each member the ascending indexes of all that it takes from or gives to."""
    pairs = zip(adjacency, listeners(adjacency), strict=True)
    return [sorted({*row, *heard}) for row, heard in pairs]
