"""Noise handshake patterns as tables, and protocol names read into a plan of tokens.

Noise Protocol Framework, revision 34 (https://noiseprotocol.org/noise.html), sections 7 to 9.
"""

import re

import attrs

from gossipfl.errors import LocalProtocolError

Messages = tuple[tuple[str, ...], ...]

# Section 7.5.  The initiator writes the first message, then both take turns.
PATTERNS: dict[str, Messages] = {
    "XX": (("e",), ("e", "ee", "s", "es"), ("s", "se")),
    "IK": (("e", "es", "s", "ss"), ("e", "ee", "se")),
}
# Patterns with the pre-message "<- s": the initiator knows the responder's key beforehand.
KNOWN_RESPONDER = frozenset({"IK"})

_NAME = re.compile(
    r"Noise_(?P<pattern>XX|IK)(?:psk(?P<psk>[0-3]))?_25519_ChaChaPoly_(?P<hash>BLAKE2b|BLAKE2s)"
)


@attrs.frozen(kw_only=True)
class Plan:
    """What one protocol name asks of a handshake.

    name: the full protocol name; messages: the tokens of each message in turn;
    responder_known: whether the initiator must be given the responder's static key;
    psk: whether a pre-shared key is mixed in; hash_name: "BLAKE2b" or "BLAKE2s".
    """

    name: str
    messages: Messages
    responder_known: bool
    psk: bool
    hash_name: str


def parse(name: str) -> Plan:
    """The plan that a protocol name stands for.  Raises LocalProtocolError on any other name."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise LocalProtocolError(
            f"{name!r} is not supported: use Noise_{{XX,IK}}[psk0-3]_25519_ChaChaPoly_BLAKE2{{b,s}}"
        )
    pattern, psk = match["pattern"], match["psk"]
    messages = PATTERNS[pattern]
    return Plan(
        name=name,
        messages=messages if psk is None else _with_psk(messages, int(psk)),
        responder_known=pattern in KNOWN_RESPONDER,
        psk=psk is not None,
        hash_name=match["hash"],
    )


def _with_psk(messages: Messages, place: int) -> Messages:
    """Section 9.4: psk0 opens the first message, pskN closes the Nth."""
    if place > len(messages):
        raise LocalProtocolError(f"psk{place} needs a pattern of {place} messages or more")
    if place == 0:
        return (("psk", *messages[0]), *messages[1:])
    at = place - 1
    return (*messages[:at], (*messages[at], "psk"), *messages[at + 1 :])
