"""What starting makes is never searched for cycles; what comes later is."""

import gc
import weakref

import pytest

from gossipfl.node.starting import LOOK_EVERY, undisturbed_start


class Knot:
    def __init__(self) -> None:
        self.own = self


def test_cycles_are_let_be_while_starting_and_collected_afterwards() -> None:
    before, thresholds = gc.get_freeze_count(), gc.get_threshold()
    try:
        with undisturbed_start():
            assert not gc.isenabled()
            kept = Knot()
        assert gc.isenabled()
        assert gc.get_freeze_count() > before
        assert gc.get_threshold()[0] == LOOK_EVERY
        later = weakref.ref(Knot())
        gc.collect()
        assert later() is None
        assert kept.own is kept
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)


def test_collection_goes_on_after_a_start_that_failed() -> None:
    try:
        with pytest.raises(ValueError, match="no"), undisturbed_start():
            raise ValueError("no")
        assert gc.isenabled()
    finally:
        gc.unfreeze()
