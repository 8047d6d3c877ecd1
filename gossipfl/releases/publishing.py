"""What the operator signs, from a model or settings and a list of members."""

from collections.abc import Collection
from typing import Any, Final

import attrs
import numpy as np
from numpy.typing import NDArray

from gossipfl.releases.content import encode_content, split_content
from gossipfl.releases.release import Release, hash_part
from gossipfl.releases.slices import plan_stages
from gossipfl.wire.releases import SETTINGS

Vector = NDArray[np.float32]
STAGES: Final = (0.05, 0.25, 1.0)


@attrs.frozen(kw_only=True)
class Plan:
    """How a model reaches a mesh.

    stages: shares of the members, ascending to 1.
    quorum: share of a stage's judges that has to report before it passes.
    judge_s: for how long each node uses the model before it says what it is worth.
    tolerance: thousandths by which it may be worse.
    """

    stages: tuple[float, ...] = STAGES
    quorum: float = 0.5
    judge_s: int = 600
    tolerance: int = 20


def compose(
    number: int,
    manifest_id: bytes,
    model: Vector,
    members: Collection[bytes],
    salt: bytes,
    plan: Plan,
) -> tuple[Release, bytes]:
    """A release of `model`, f32[d] as it is gossiped, to these members (their ids); its content.

    Raises ConfigError for a plan that is none, and for a model that is not finite.
    """
    content = encode_content(model)
    release = Release(
        number=number,
        manifest_id=manifest_id,
        salt=salt,
        size=len(content),
        parts=tuple(map(hash_part, split_content(content))),
        **_course(members, salt, plan),
    )
    return release, content


def compose_settings(
    number: int,
    manifest_id: bytes,
    settings: bytes,
    former: bytes,
    members: Collection[bytes],
    salt: bytes,
    plan: Plan,
) -> tuple[Release, bytes]:
    """A release of settings, see `releases.settings`, in the place of `former`; no content.

    Raises ConfigError for a plan that is none.
    """
    release = Release(
        number=number,
        manifest_id=manifest_id,
        salt=salt,
        subject=SETTINGS,
        settings=settings,
        former=former,
        **_course(members, salt, plan),
    )
    return release, b""


def _course(members: Collection[bytes], salt: bytes, plan: Plan) -> dict[str, Any]:
    return {
        "stages": plan_stages(members, salt, plan.stages, plan.quorum),
        "judge_s": plan.judge_s,
        "tolerance": plan.tolerance,
    }
