"""What a run tells from where it runs, as lines of JSON, and how they are understood."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import cattrs

from gossipfl import errors
from gossipfl.agreement import converter
from gossipfl.errors import GossipFLError
from gossipfl.node.simulations.study import Case
from gossipfl.simulation.experiment import Result, simulate
from gossipfl.simulation.measurement import Point

Hear = Callable[[Point], None]


def tell(case: Case) -> Iterator[bytes]:
    """Run it: a message for every look at the mesh, and a last one of the result or the error."""
    looks = simulate(case.experiment, case.rows)
    try:
        while True:
            yield _message("look", converter.unstructure(next(looks)))
    except StopIteration as end:
        told = {name: value for name, value in end.value.plain().items() if name != "experiment"}
        yield _message("result", told)
    except GossipFLError as error:
        yield _message("error", [type(error).__name__, str(error)])


def understand(message: bytes, case: Case, hear: Hear) -> Result | None:
    """The result, once it has come; `hear` is told of looks.  Raises what the run has raised."""
    kind, content = json.loads(message)
    if kind == "look":
        hear(cattrs.structure(content, Point))
        return None
    if kind == "error":
        name, text = content
        raise getattr(errors, name, GossipFLError)(f"{case.label}: {text}")
    content["curve"] = tuple(cattrs.structure(point, Point) for point in content["curve"])
    return Result(experiment=case.experiment, **content)


def _message(kind: str, content: Any) -> bytes:
    return json.dumps([kind, content]).encode()
