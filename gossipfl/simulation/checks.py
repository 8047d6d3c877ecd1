"""Validators whose refusals are the project's own errors."""

from typing import Any

import attrs

from gossipfl.errors import ConfigError

Validator = Any  # attrs types a validator as a callable of Any


def checked(*validators: Validator) -> Validator:
    """All of the validators, raising ConfigError where one of them objects."""

    def validate(instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
        try:
            for validator in validators:
                validator(instance, attribute, value)
        except (TypeError, ValueError) as error:
            raise ConfigError(str(error.args[0])) from None

    return validate
