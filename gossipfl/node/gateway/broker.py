"""Where an MQTT broker is, and how a gateway is let in."""

import ssl
from pathlib import Path
from typing import Final

from attrs import field, frozen

from gossipfl.errors import ConfigError
from gossipfl.transports.address import parse_address

PORT_TLS: Final = 8883
PORT_PLAIN: Final = 1883
TOPIC_BYTES_MAX: Final = 200


def _check_topic(_: object, __: object, topic: str) -> None:
    if not topic or len(topic.encode()) > TOPIC_BYTES_MAX or set(topic) & set("+#\0"):
        raise ConfigError(
            f"an MQTT topic to start with has 1 to {TOPIC_BYTES_MAX} bytes, and no + or #"
        )


@frozen(kw_only=True)
class Broker:
    """Where the broker is, and how to be let in.

    address: `host:port`, or `host` alone for MQTT's usual port.  topic: what all topics start with.
    authority: a PEM file with the certificates that may vouch for the broker; None: the system's.
    certificate, key: PEM files that this gateway shows the broker.  plain: without TLS.
    """

    address: str
    topic: str = field(default="gossipfl", validator=_check_topic)
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    plain: bool = False

    def place(self) -> tuple[str, int]:
        """(host, port).  Raises ConfigError when the address is none."""
        port = PORT_PLAIN if self.plain else PORT_TLS
        bare = ":" not in self.address or self.address.endswith("]")
        host, port = parse_address(f"{self.address}:{port}" if bare else self.address)
        if not host or not port:
            raise ConfigError(f"{self.address!r} names no MQTT broker: write HOST or HOST:PORT")
        return host, port

    def tls(self) -> ssl.SSLContext | None:
        """How to tell that it is this broker; None where nothing is encrypted.

        Raises ConfigError for files that hold no certificates or keys.
        """
        if self.plain:
            return None
        try:
            context = ssl.create_default_context(cafile=self.authority)
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"cannot read the certificates for MQTT: {error.strerror or error}; name PEM files"
            ) from None
        return context
