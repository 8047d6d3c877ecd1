"""How one node behaves: every key of the TOML file is a field here and a flag of `gossipfl node`.

What the whole cluster must agree on (model, training, compression) is in the manifest instead.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import attrs
from attrs import field, frozen
from attrs.validators import ge, gt, in_, le, lt, optional

from gossipfl.fallback.policy import FallbackSettings
from gossipfl.gossip.allowance import DAY_MIN, MESSAGE_MIN, Limits
from gossipfl.membership.settings import Settings
from gossipfl.toml import build, check_keys, read_toml

T = TypeVar("T")
R = TypeVar("R")

PRESETS: Final[dict[str, dict[str, float]]] = {
    "local": {
        "interval_s": 0.2,
        "resend_s": 2.0,
        "probe_interval_s": 1.0,
        "probe_timeout_s": 0.3,
        "shuffle_interval_s": 10.0,
    },
    "lan": {},
    "wan": {
        "interval_s": 30.0,
        "handshake_timeout_s": 20.0,
        "resend_s": 60.0,
        "probe_interval_s": 15.0,
        "probe_timeout_s": 5.0,
        "shuffle_interval_s": 120.0,
    },
    "battery": {
        "interval_s": 600.0,
        "view": 2,
        "probe_interval_s": 900.0,
        "probe_timeout_s": 30.0,
        "shuffle_interval_s": 3600.0,
    },
}


FALLBACK_INTERVALS: Final = 3
# What a node learns from: readings, or an app that has data of its own.
SOURCES: Final = ("data", "flower", "numpy_client", "sklearn", "torch")


def _setting(default: Any, help: str, *validators: Any) -> Any:
    """A field with the sentence that `--help` shows for it."""
    return field(default=default, validator=list(validators), metadata={"help": help})


@frozen(kw_only=True)
class NodeConfig:
    """Settings of one node.  Units are in the names; defaults suit a home network."""

    state: Path = _setting(  # noqa: RUF009
        Path("~/.gossipfl/node"), "Directory for keys, model and links."
    )
    data: Path | None = _setting(  # noqa: RUF009
        None, "Readings to learn from: .csv, .npz or .parquet, or a folder that such files come to."
    )
    flower: str | None = _setting(None, "Instead of data: a Flower ClientApp, package.module:name.")
    numpy_client: str | None = _setting(
        None, "Instead of data: a client with fit and evaluate, or what makes it."
    )
    sklearn: str | None = _setting(None, "Instead of data: what makes an EstimatorTask.")
    torch: str | None = _setting(None, "Instead of data: what makes a ModuleTask.")
    run_config: tuple[str, ...] = _setting(
        (), "Setting of the app, KEY=VALUE, alike on all nodes; may be repeated."
    )
    node_config: tuple[str, ...] = _setting(
        (), "Setting of the app on this node, such as partition-id=0; may be repeated."
    )
    listen: str = _setting("0.0.0.0:7411", "Address to accept links on; port 0 picks a free one.")
    peer: tuple[str, ...] = _setting((), "Address of a peer to dial, host:port; may be repeated.")
    mdns: bool = _setting(True, "Find peers by multicast DNS.")
    interface: tuple[str, ...] = _setting(
        (), "Own IP address to use for mDNS; may be repeated.  Default: all."
    )
    hints: bool = _setting(True, "Also dial members that neighbours tell of.")
    advertise: tuple[str, ...] = _setting(
        (),
        "Where others can dial this node, host:port; may be repeated.  Default: the addresses of "
        "its interfaces.",
    )
    preset: str = _setting("lan", "Defaults for: " + ", ".join(PRESETS) + ".", in_(tuple(PRESETS)))
    view: int = _setting(4, "Links to keep up.  More mixes faster and costs memory.", ge(1), le(64))
    view_max: int = _setting(8, "Links to accept at most.", ge(1), le(64))
    topology: str | None = _setting(
        None,
        "Whom to link to and mix with, of all that are found: ring, torus, base:2 and others (see "
        "`gossipfl topology list`); alike on all nodes.  Default: --view random ones.",
    )
    interval_s: float = _setting(
        5.0, "Mean seconds between rounds, drawn at random.  Lower: faster, more bytes.", gt(0)
    )
    bytes_per_day: int | None = _setting(
        None,
        "Bytes to send in any 24 hours: deltas shrink and rounds pass without one to keep to it.",
        optional(ge(DAY_MIN)),
    )
    max_message_bytes: int | None = _setting(
        None, "Longest message of an exchange: deltas shrink to fit.", optional(ge(MESSAGE_MIN))
    )
    fallback_below: int = _setting(
        2,
        "Turn to a seed while fewer neighbours live, unless the cluster has no more.",
        ge(1),
        le(64),
    )
    fallback_after_s: float | None = _setting(
        None, "Seconds of that until the node does.  Default: three intervals.", optional(gt(0))
    )
    fallback_return_s: float | None = _setting(
        None,
        "Seconds with enough neighbours until it returns.  Default: three intervals.",
        optional(gt(0)),
    )
    settle_s: float = _setting(
        1.0, "Seconds without news about input statistics before training starts.", ge(0)
    )
    resend_s: float = _setting(10.0, "Seconds before an unanswered request is repeated.", gt(0))
    handshake_timeout_s: float = _setting(5.0, "Seconds that a handshake may take.", gt(0))
    probe_interval_s: float = _setting(
        5.0, "Every so often the neighbour that was silent for longest is asked for life.", gt(0)
    )
    probe_timeout_s: float = _setting(
        2.0, "Seconds for its answer, before others are asked to try.", gt(0)
    )
    suspicion: int = _setting(
        4, "Probe intervals, times log10 of the members, that a suspect has to be heard.", ge(1)
    )
    shuffle_interval_s: float = _setting(
        60.0, "Every so often a neighbour and we compare whom we know.", gt(0)
    )
    members_max: int = _setting(
        1024, "Members to know at most; of more, a random sample.", ge(1), le(10_000)
    )
    checkpoint_interval_s: float = _setting(
        5.0, "Seconds of local training that a crash may cost at most.", gt(0)
    )
    validation: float = _setting(
        0.1, "Share of the readings kept back to judge the model.", ge(0), lt(1)
    )
    rows_max: int = _setting(
        100_000, "Rows of a folder to train on: a uniform sample of all.", ge(1), le(10_000_000)
    )
    folder_interval_s: float = _setting(
        10.0, "Seconds between two looks into a folder for new files.", gt(0)
    )
    drift_warning: float = _setting(
        0.3, "Warn when new readings are so far, 0 to 1, from the first ones.", gt(0), le(1)
    )
    lateness_interval_s: float = _setting(
        0.0, "Measure every so many seconds how late the event loop wakes; 0 does not.", ge(0)
    )
    rounds: int = _setting(0, "Stop after this many rounds; 0 runs until stopped.", ge(0))
    stop_after: int = _setting(
        0,
        "Rest after so many looks at the held-back readings (at most one a second) without a "
        "better loss: train no more, but go on merging and answering; 0 never rests.",
        ge(0),
    )
    seed: int | None = _setting(
        None, "Seed for every random choice; default: from the system.", optional(ge(0))
    )

    def __attrs_post_init__(self) -> None:
        sources = [key for key in SOURCES if getattr(self, key) is not None]
        if len(sources) > 1:
            raise ValueError(f"a node learns from one of {' and '.join(sources)}, not from several")
        if self.view_max < self.view:
            raise ValueError(f"view_max ({self.view_max}) is below view ({self.view})")
        if self.probe_timeout_s >= self.probe_interval_s:
            raise ValueError("probe_timeout_s must be below probe_interval_s: then others try")

    @property
    def limits(self) -> Limits:
        """On what this node sends."""
        return Limits(self.bytes_per_day, self.max_message_bytes)

    @property
    def fallback(self) -> FallbackSettings:
        """When this node turns to a seed."""
        usual_s, membership = FALLBACK_INTERVALS * self.interval_s, self.membership
        return FallbackSettings(
            below=self.fallback_below,
            after_s=self.fallback_after_s or usual_s,
            return_s=self.fallback_return_s or usual_s,
            quiet_s=2 * membership.probe_interval_s + membership.probe_timeout_s,
        )

    @property
    def membership(self) -> Settings:
        """How members watch each other, slowly where bytes are short."""
        settings = Settings(
            probe_interval_s=self.probe_interval_s,
            probe_timeout_s=self.probe_timeout_s,
            suspicion=self.suspicion,
            shuffle_interval_s=self.shuffle_interval_s,
            members_max=self.members_max,
            view=self.view,
            view_max=self.view_max,
        )
        return settings if self.bytes_per_day is None else settings.within(self.bytes_per_day)


KEYS: Final = tuple(a.name for a in attrs.fields(NodeConfig))


def load_config(path: Path | None, flags: dict[str, Any]) -> NodeConfig:
    """The settings from defaults, then the preset, then the file, then the flags.

    Raises ConfigError, one line with file, key and remedy.
    """
    return _load(build_config, path, flags)


def load_beside(
    own: type[T],
    keys: Sequence[str],
    defaults: Mapping[str, Any],
    path: Path | None,
    flags: dict[str, Any],
    check: Callable[[NodeConfig, str], None] = lambda _, __: None,
) -> tuple[NodeConfig, T]:
    """These `keys` of a node's settings, with these defaults, and all of `own` in one file.

    check: raises ConfigError for a node's settings that will not do; it is told where they stand.
    Raises ConfigError, one line with file, key and remedy.
    """
    own_keys = tuple(attribute.name for attribute in attrs.fields(own))  # type: ignore[arg-type]

    def both(settings: dict[str, Any], where: str) -> tuple[NodeConfig, T]:
        check_keys(settings, (*keys, *own_keys), where)
        node = {key: value for key, value in settings.items() if key in keys}
        config = build_config({**defaults, **node}, where)
        check(config, where)
        rest = {key: value for key, value in settings.items() if key in own_keys}
        return config, build(own, rest, where)

    return _load(both, path, flags)


def _load(
    build_from: Callable[[dict[str, Any], str], R], path: Path | None, flags: dict[str, Any]
) -> R:
    settings = read_toml(path) if path else {}
    if path:
        build_from(settings, str(path))  # first alone, so that its own errors name it
    return build_from(settings | flags, "the command line")


def build_config(settings: dict[str, Any], where: str) -> NodeConfig:
    """A NodeConfig from plain values; `where` is named in errors."""
    # The default directory goes through the converter too: it starts with "~".
    state = {"state": attrs.fields(NodeConfig).state.default}
    return build(NodeConfig, {**state, **_preset(settings), **settings}, where)


def _preset(settings: dict[str, Any]) -> dict[str, float]:
    """What the preset sets; none for a wrong name, which its own validator refuses."""
    name = settings.get("preset")
    return PRESETS.get(name, {}) if isinstance(name, str) else {}
