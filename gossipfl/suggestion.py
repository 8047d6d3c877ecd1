"""What somebody who misspelt a name may have meant."""

import difflib
from collections.abc import Iterable


def suggest(given: str, known: Iterable[str]) -> str:
    """The known name that is nearest, or all of them, as the end of an error message."""
    names = {name.lower().replace("-", "_"): name for name in known}
    near = difflib.get_close_matches(given.lower().replace("-", "_"), list(names), 1)
    return f"did you mean '{names[near[0]]}'?" if near else f"known: {', '.join(names.values())}"
