"""What releases must suit to be of use to a node."""

from abc import ABC, abstractmethod
from typing import ClassVar, Generic, TypeVar

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from gossipfl.errors import Untrusted
from gossipfl.releases.content import Content
from gossipfl.releases.release import Release
from gossipfl.wire.releases import MODEL

Vector = NDArray[np.float32]
T = TypeVar("T")


@frozen
class Bounds(ABC, Generic[T]):
    """What releases of one subject must suit, first of all the agreement with this id.

    takes_time: such a release shows what it is worth only when it has been tried for a while.
    """

    manifest_id: bytes
    subject: ClassVar[int]
    takes_time: ClassVar[bool]

    def check(self, release: Release) -> None:
        """Raises Untrusted for a release that is meant for others."""
        if release.manifest_id != self.manifest_id:
            raise Untrusted(f"release {release.number} is for another manifest")
        if release.subject != self.subject:
            raise Untrusted(f"release {release.number} is about something else")

    @abstractmethod
    def read(self, release: Release, content: Content) -> T | None:
        """What a release brings; None when that is of no use."""


@frozen
class ModelBounds(Bounds[Vector]):
    """For vectors of `parameters` entries."""

    subject = MODEL
    takes_time = False
    parameters: int

    def check(self, release: Release) -> None:
        super().check(release)
        if not release.withdraws and release.size != 4 * self.parameters:
            raise Untrusted(f"release {release.number} is for a model of another size")

    def read(self, release: Release, content: Content) -> Vector | None:
        return content.model(self.parameters)
