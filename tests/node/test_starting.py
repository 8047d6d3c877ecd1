"""What starting makes is never searched for cycles; what comes later is."""

import gc
import weakref

import pytest

from gossipfl.node.starting import undisturbed_start


class Knot:
    def __init__(self) -> None:
        self.own = self


def test_cycles_are_let_be_while_starting_and_collected_afterwards() -> None:
    before = gc.get_freeze_count()
    try:
        with undisturbed_start():
            assert not gc.isenabled()
            kept = Knot()
        assert gc.isenabled()
        assert gc.get_freeze_count() > before
        later = weakref.ref(Knot())
        gc.collect()
        assert later() is None
        assert kept.own is kept
    finally:
        gc.unfreeze()


def test_collection_goes_on_after_a_start_that_failed() -> None:
    try:
        with pytest.raises(ValueError, match="no"), undisturbed_start():
            raise ValueError("no")
        assert gc.isenabled()
    finally:
        gc.unfreeze()
