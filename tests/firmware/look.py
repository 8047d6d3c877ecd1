"""What tests see of a device, whatever it is made of."""

from attrs import frozen


@frozen
class Look:
    """What a device is doing."""

    phase: str
    epoch: int
    sequence: int
    exchanges: int
    fetched: int
    strays: int
    steps: int
    refusal: int
    open: bool
    digest: bytes
