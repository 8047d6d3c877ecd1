"""How a gateway behaves: its wires here, everything else as of any node."""

from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

from gossipfl.config import NodeConfig, load_beside
from gossipfl.errors import ConfigError
from gossipfl.node.gateway.broker import Broker
from gossipfl.node.gateway.mqtt import Mqtt
from gossipfl.node.gateway.register import GATEWAY
from gossipfl.node.gateway.uart import Uart
from gossipfl.node.gateway.udp import Udp
from gossipfl.node.gateway.wires import Wire
from gossipfl.node.state.home import read_bytes

# Of NodeConfig, what means the same for every agent.
AGENT_KEYS: Final = (
    "state",
    "listen",
    "peer",
    "mdns",
    "interface",
    "hints",
    "preset",
    "view",
    "view_max",
    "topology",
    "interval_s",
    "bytes_per_day",
    "max_message_bytes",
    "resend_s",
    "handshake_timeout_s",
    "probe_interval_s",
    "probe_timeout_s",
    "suspicion",
    "shuffle_interval_s",
    "members_max",
    "checkpoint_interval_s",
    "seed",
)
DEFAULTS: Final = {"state": str(GATEWAY), "listen": "0.0.0.0:0"}


def _setting(default: Any, help: str) -> Any:
    return field(default=default, metadata={"help": help})


@frozen(kw_only=True)
class GatewayConfig:
    """The ways that devices come by, and what they may do."""

    udp: tuple[str, ...] = _setting((), "Listen for devices here, host:port; may be repeated.")
    uart: tuple[str, ...] = _setting(
        (), "Serial line to a device, /dev/ttyUSB0 or /dev/ttyUSB0,BAUD; may be repeated."
    )
    mqtt: str | None = _setting(None, "MQTT broker that devices come by, over TLS: HOST[:PORT].")
    mqtt_topic: str = _setting("gossipfl", "What all topics begin with: TOPIC/NAME/up and /down.")
    mqtt_user: str | None = _setting(None, "User name for the broker.")
    mqtt_password_file: Path | None = _setting(None, "File with the password.")  # noqa: RUF009
    mqtt_authority: Path | None = _setting(  # noqa: RUF009
        None, "PEM file of who vouches for the broker.  Default: the system's."
    )
    mqtt_certificate: Path | None = _setting(None, "PEM file to show the broker.")  # noqa: RUF009
    mqtt_key: Path | None = _setting(None, "PEM file of the key for it.")  # noqa: RUF009
    mqtt_plain: bool = _setting(False, "Without TLS: frames are sealed all the same.")

    allow_sample_upload: tuple[str, ...] = _setting(
        (),
        "Device that cannot train and may send its samples, which leave it then, for this gateway "
        "to train on; may be repeated.",
    )

    def wires(self) -> tuple[Wire, ...]:
        """Raises ConfigError for what is none, or when there is none."""
        found: list[Wire] = [*map(Udp, self.udp), *map(Uart, self.uart)]
        if self.mqtt is not None:
            found.append(Mqtt(self._broker(self.mqtt)))
        if not found:
            raise ConfigError("say how devices come: --udp HOST:PORT, --uart LINE or --mqtt HOST")
        return tuple(found)

    def _broker(self, address: str) -> Broker:
        password = self.mqtt_password_file
        return Broker(
            address=address,
            topic=self.mqtt_topic,
            user=self.mqtt_user,
            password=None if password is None else read_bytes(password).decode().rstrip("\n"),
            authority=self.mqtt_authority,
            certificate=self.mqtt_certificate,
            key=self.mqtt_key,
            plain=self.mqtt_plain,
        )


def load_settings(path: Path | None, flags: dict[str, Any]) -> tuple[NodeConfig, GatewayConfig]:
    """Of a TOML file, then of flags.  Raises ConfigError, one line with file, key and remedy."""
    return load_beside(GatewayConfig, AGENT_KEYS, DEFAULTS, path, flags, _check_listen)


def _check_listen(config: NodeConfig, where: str) -> None:
    if not config.listen.endswith(":0"):
        raise ConfigError(f"{where}: listen: each device's agent takes a port of its own: HOST:0")
