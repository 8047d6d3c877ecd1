"""Checks of message fields, as attrs validators.  All raise ValueError or TypeError."""

from typing import Any

from attrs import Attribute
from attrs.validators import and_, instance_of, matches_re

# attrs gives its validators no narrower type than this one.
Validator = Any


def integer(low: int, high: int) -> Validator:
    """An integer from low to high, both included."""

    def validate(_: object, attribute: "Attribute[object]", value: object) -> None:
        # A bool is an int to Python, but not to the protocol.
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"{attribute.name} is an integer {low} to {high}")

    return validate


def octets(low: int, high: int) -> Validator:
    """Bytes, low to high of them."""

    def validate(_: object, attribute: "Attribute[object]", value: object) -> None:
        if type(value) is not bytes or not low <= len(value) <= high:
            raise ValueError(f"{attribute.name} is {low} to {high} bytes")

    return validate


def text(pattern: str) -> Validator:
    """A string that matches the whole pattern."""
    return and_(instance_of(str), matches_re(pattern))


def tuple_of(member: Validator, longest: int) -> Validator:
    """A tuple of at most so many, each of them legal."""

    def validate(instance: object, attribute: "Attribute[object]", value: object) -> None:
        if type(value) is not tuple or len(value) > longest:
            raise ValueError(f"{attribute.name} is a tuple of at most {longest}")
        for part in value:
            member(instance, attribute, part)

    return validate


def pair_of(first: Validator, second: Validator) -> Validator:
    """A tuple of just these, in this order."""

    def validate(instance: object, attribute: "Attribute[object]", value: object) -> None:
        if type(value) is not tuple or len(value) != 2:
            raise ValueError(f"{attribute.name} holds pairs")
        first(instance, attribute, value[0])
        second(instance, attribute, value[1])

    return validate
