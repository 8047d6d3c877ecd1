"""A real Mosquitto on loopback, with certificates made for the occasion."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from attrs import frozen

from gossipfl.errors import ConfigError

# Debian has the broker where only root looks.
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
TOOLS = (MOSQUITTO, *map(shutil.which, ("mosquitto_pub", "mosquitto_sub", "openssl")))
START_S: Final = 20.0
NO_BROKER = (
    "no mosquitto, mosquitto_pub, mosquitto_sub or openssl here: scripts/firmware installs them"
)


@frozen
class Certificates:
    """PEM files: of the authority, and of the broker named localhost."""

    authority: Path
    certificate: Path
    key: Path


def make_certificates(folder: Path) -> Certificates:
    """An authority's and a broker's, good for a day."""
    made = Certificates(folder / "ca.pem", folder / "broker.pem", folder / "broker.key")
    request = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    own = ("-keyout", folder / "ca.key", "-out", made.authority, "-subj", "/CN=test authority")
    _openssl(*request, "-days", "1", *own)
    broker = ("-keyout", made.key, "-out", made.certificate, "-subj", "/CN=localhost")
    signed = ("-CA", made.authority, "-CAkey", folder / "ca.key")
    _openssl(*request, "-days", "1", *broker, *signed, "-addext", "subjectAltName=DNS:localhost")
    return made


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@contextmanager
def mosquitto(folder: Path, port: int, *settings: str) -> Iterator[None]:
    """A broker that listens on the port of loopback while the block runs.

    settings: lines of its configuration.  Raises ConfigError when there is none here.
    """
    if MOSQUITTO is None:
        raise ConfigError(NO_BROKER)
    file = folder / "mosquitto.conf"
    # As root it would become another user, who cannot read the certificates.
    lines = [f"listener {port} 127.0.0.1", "user root", "log_dest none", *settings]
    file.write_text("\n".join(lines) + "\n")
    process = subprocess.Popen([MOSQUITTO, "-c", file], stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield
    finally:
        process.terminate()
        process.wait()


def tls(made: Certificates) -> tuple[str, ...]:
    """The broker's settings for TLS with these certificates."""
    return f"certfile {made.certificate}", f"keyfile {made.key}"


def free_port() -> int:
    """One that nobody listens on yet."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise ConfigError("mosquitto did not come up")
