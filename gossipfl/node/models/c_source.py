"""A trained model as one C header: tables, and a function that runs them.

The integers are those of gossipfl.int8.inference, so outputs equal Python's to the bit; in floats,
sums are made in another order, so they agree to rounding.
"""

import math
import re
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from gossipfl.data.basis import Identity
from gossipfl.data.statistics import Scale
from gossipfl.errors import ConfigError
from gossipfl.int8.inference import Int8Model
from gossipfl.int8.stages import Stage, stage_of
from gossipfl.kernels import layout
from gossipfl.models.sequential import Sequential
from gossipfl.trained import IntegerModel, TrainedModel, UsableModel

Floats = NDArray[np.float32]
KINDS: Final = {
    layout.CONVOLUTION: "PRODUCT",
    layout.MAX_POOL: "LARGEST",
    layout.AVERAGE_POOL: "MEAN",
}
MEANINGS: Final = {
    "cross-entropy": "logits; the largest tells the class",
    "binary": "logits; above 0 is yes",
}
FINISHES: Final = (("int32_t", "multipliers"), ("uint8_t", "shifts"), ("float", "steps"))
ACROSS: Final = 10  # numbers in a line of C


@frozen
class _Part:
    """What one kind of numbers puts into the template.

    tables: definitions of arrays.  stages: initialisers of the stage table.
    """

    number: str
    weight: str
    sum: str
    fields: str
    functions: str
    tables: tuple[str, ...]
    stages: tuple[str, ...]
    words: dict[str, str]


def c_header(model: UsableModel, name: str) -> str:
    """The header of a model; `name` begins every identifier.

    Raises ConfigError for a name that C does not take, for layers that are not exported, and for
    models with an input basis.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        raise ConfigError(f"--name is a lower-case letter, then letters, digits or _, not {name!r}")
    if not isinstance(model.manifest.input_basis(), Identity):
        raise ConfigError("a model with an input basis cannot be exported to C: train one without")
    spec = model.manifest.model()
    if isinstance(model, IntegerModel):
        part = _integer_part(model.network)
    else:
        assert isinstance(model, TrainedModel)
        part = _float_part(spec, model.parameters)
    scaling, scaled = _scaling(model.scale)
    words = {
        "TITLE": spec.summary(),
        "MEANING": MEANINGS.get(spec.loss, "the predicted values"),
        "FEATURES": str(spec.inputs),
        "OUTPUTS": str(spec.outputs),
        "STAGES": str(len(part.stages)),
        "ENTRIES": str(_entries(spec)),
        "NUMBER": part.number,
        "WEIGHT": part.weight,
        "SUM": part.sum,
        "FINISH_FIELDS": part.fields,
        "STANDARDISED": scaled,
        "TABLES": "\n".join([*scaling, *part.tables, _stage_table(part.stages)]),
        "FINISH": _template(part.functions),
        **part.words,
    }
    return _fill(_template("model"), {**words, "NAME": name, "UPPER": name.upper()})


def name_of(path: Path) -> str:
    """A name that C takes, from that of a file."""
    stem = re.sub(r"\W", "_", path.stem.lower(), flags=re.ASCII)
    return stem if stem[:1].isalpha() else f"model_{stem}"


def _template(name: str) -> str:
    folder = files("gossipfl.node").joinpath("firmware", "inference")
    return folder.joinpath(f"{name}.h.in").read_text("utf-8")


def _fill(text: str, words: dict[str, str]) -> str:
    """Put words for their marks; names last, since others hold them."""
    for mark, word in words.items():
        text = text.replace(f"@{mark}@", word)
    return text


def _entries(spec: Sequential) -> int:
    """Of the largest image between two stages."""
    return max(spec.inputs, *(math.prod(bound.shape) for bound in spec.bound))


def _scaling(scale: Scale | None) -> tuple[list[str], str]:
    """Tables of the inputs' statistics, and the expression of one standardised feature."""
    if scale is None:
        return [], "features[i]"
    groups = len(scale.mean)
    tables = [
        _array("float", "means", scale.mean),
        _array("float", "inverses", scale.inverse_deviation),
    ]
    return tables, f"(features[i] - @NAME@_means[i % {groups}]) * @NAME@_inverses[i % {groups}]"


def _float_part(spec: Sequential, parameters: Floats) -> _Part:
    tables: list[str] = []
    stages: list[list[str]] = []
    rectified_inputs, start, entries = False, 0, spec.inputs
    for place, bound in enumerate(spec.bound):
        own = parameters[start : start + bound.parameters]
        start += bound.parameters
        if bound.kind == layout.RELU:
            if stages:
                stages[-1][-1] = "1"
            rectified_inputs = rectified_inputs or not stages
        elif bound.kind == layout.DENSE or bound.kind in KINDS:
            stage = stage_of(bound, entries, place)
            weights = own[: stage.taps * stage.result[2]] if own.size else own
            stages.append([*_look(stage, len(stages), tables, weights, own[weights.size :]), "0"])
        elif bound.kind != layout.DROPOUT:
            raise ConfigError(
                f"{spec.names[place]} cannot be exported to C in floats: only Dense, convolutions, "
                "pools, ReLU and Dropout can; a model that was trained for int8 takes --int8"
            )
        entries = math.prod(bound.shape)
    return _Part(
        "float",
        "float",
        "float",
        "    uint8_t rectified;\n",
        "float",
        tuple(tables),
        tuple(map(_initialiser, stages)),
        {"INPUT_RECTIFIED": str(int(rectified_inputs))},
    )


def _integer_part(network: Int8Model) -> _Part:
    tables: list[str] = []
    stages: list[list[str]] = []
    arrays, (least, most) = network.arrays, network.stages.codes
    empty = np.zeros(0, np.int8)
    for number, stage in enumerate(network.stages.stages):
        weights, biases = (arrays.get(f"{kind}{number}", empty) for kind in ("weights", "biases"))
        look = _look(stage, number, tables, weights.reshape(-1), biases)
        finish = [
            _listed(tables, kind, name, number, arrays.get(f"{name}{number}"))
            for kind, name in FINISHES
        ]
        stages.append([*look, *finish, *map(str, stage.codes or (0, 0))])
    per_step = np.float32(1) / arrays["step"][0]
    return _Part(
        "int16_t",
        "int8_t",
        "int32_t",
        "    const int32_t *multipliers;\n    const uint8_t *shifts;\n    const float *steps;\n"
        "    int16_t least, most;\n",
        "int8",
        tuple(tables),
        tuple(map(_initialiser, stages)),
        {"PER_STEP": _number(per_step), "LEAST": f"{least}.0f", "MOST": f"{most}.0f"},
    )


def _look(
    stage: Stage, number: int, tables: list[str], weights: NDArray[Any], biases: NDArray[Any]
) -> list[str]:
    """The fields that all stages have; adds the tables that they point to."""
    before = [_before(stage, side) for side in range(2)]
    shapes = (stage.image, stage.result, stage.kernel, stage.stride, before)
    return [
        f"@NAME@_{KINDS[stage.kind]}",
        *("{" + ", ".join(map(str, shape)) + "}" for shape in shapes),
        _listed(tables, "@NAME@_weight", "weights", number, weights),
        _listed(tables, "@NAME@_sum", "biases", number, biases),
    ]


def _before(stage: Stage, side: int) -> int:
    """Rows or columns of zeros in front of the image; as many, or one more, are behind it."""
    reach = (stage.result[side] - 1) * stage.stride[side] + stage.kernel[side]
    return max(reach - stage.image[side], 0) // 2


def _listed(
    tables: list[str], kind: str, name: str, number: int, values: NDArray[Any] | None
) -> str:
    """Add a table, if it has any entry; what points to it."""
    if values is None or not values.size:
        return "0"
    tables.append(_array(kind, f"{name}{number}", values))
    return f"@NAME@_{name}{number}"


def _array(kind: str, name: str, values: NDArray[Any]) -> str:
    numbers = [_number(value) for value in values.reshape(-1)]
    lines = (", ".join(numbers[i : i + ACROSS]) for i in range(0, len(numbers), ACROSS))
    content = ",\n    ".join(lines)
    return f"static const {kind} @NAME@_{name}[] = {{\n    {content},\n}};"


def _number(value: Any) -> str:
    """In hexadecimal where it is no integer, so that nothing is lost."""
    if isinstance(value, np.integer):
        return str(value) if value > -(2**31) else "(-2147483647 - 1)"
    return f"{float(value).hex()}f"


def _initialiser(fields: Iterable[str]) -> str:
    return "    { " + ", ".join(fields) + " },"


def _stage_table(stages: Iterable[str]) -> str:
    return "\n".join(["static const @NAME@_stage @NAME@_stages[] = {", *stages, "};"])
