"""The state of all links between numbered nodes, after all that has happened to them."""

from gossipfl.faults.links import CLEAR, Heal, OnLinks, PathFaults


class Paths:
    """Both directions of every link; all are clear at first.

    are_clear: nothing has happened to any of them, or all is healed.
    """

    def __init__(self) -> None:
        self.are_clear = True
        self._happened: list[OnLinks] = []
        self._known: dict[tuple[int, int], PathFaults] = {}

    def apply(self, event: OnLinks) -> None:
        """From now on."""
        if isinstance(event, Heal) and event.is_everywhere:
            self._happened.clear()
        else:
            self._happened.append(event)
        self._known.clear()
        self.are_clear = not self._happened

    def between(self, sender: int, receiver: int) -> PathFaults:
        """What frames meet on this way now."""
        if self.are_clear:
            return CLEAR
        way = sender, receiver
        if way not in self._known:
            path = CLEAR
            for event in self._happened:
                if event.covers(*way):
                    path = event.change(path)
            self._known[way] = path
        return self._known[way]
