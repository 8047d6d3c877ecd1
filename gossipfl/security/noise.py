"""Noise handshakes as a machine without I/O: messages in, messages out, a Session at the end.

Noise Protocol Framework, revision 34 (https://noiseprotocol.org/noise.html), section 5.3.
"""

from io import BytesIO

from nacl.bindings import crypto_scalarmult, crypto_scalarmult_base, randombytes

from gossipfl.errors import LocalProtocolError, RemoteProtocolError
from gossipfl.security.noise_patterns import Plan, parse
from gossipfl.security.noise_session import Session
from gossipfl.security.noise_symmetric import KEY_BYTES, MESSAGE_MAX, SymmetricState

LINK_PROTOCOL = "Noise_XXpsk0_25519_ChaChaPoly_BLAKE2b"
"""What every link speaks; the pre-shared key is the cluster key.

XX, because neighbours meet without knowing each other's keys, and both keys stay hidden from
onlookers.  psk0, because then the very first message already proves the cluster key: a stranger
who scans the port gets not one byte back, and learns neither a certificate nor which cluster
this is.  (A recorded first message, replayed, does draw an answer; whoever replays it can
neither read that answer nor go on.)  ChaCha20 and BLAKE2b, because they are fast without special
instructions, as on small ARM boards.
"""


class Handshake:
    """One side of one handshake.  A refused message ends it: start again with a new one."""

    def __init__(
        self,
        protocol: str,
        *,
        initiator: bool,
        static: bytes | None,
        prologue: bytes = b"",
        remote_static: bytes | None = None,
        psk: bytes | None = None,
        ephemeral: bytes | None = None,
    ) -> None:
        """Every key is 32 bytes.

        static: our X25519 secret; prologue: what both sides must agree on beforehand;
        remote_static: the responder's public key, for the initiator of IK only;
        psk: for psk patterns only; ephemeral: for test vectors, otherwise a fresh secret is drawn.
        Raises LocalProtocolError for an unknown protocol or keys that do not suit it.
        """
        plan = parse(protocol)
        _check_key(plan, "static", static, wanted=True)
        _check_key(plan, "remote_static", remote_static, plan.responder_known and initiator)
        _check_key(plan, "psk", psk, wanted=plan.psk)
        _check_key(plan, "ephemeral", ephemeral, wanted=ephemeral is not None)
        self._initiator, self._messages, self._step = initiator, plan.messages, 0
        self._over = False
        self._secrets = _present(s=static, e=ephemeral or randombytes(KEY_BYTES), psk=psk)
        self._remotes = _present(s=remote_static)
        self._symmetric = SymmetricState(plan.name, plan.hash_name)
        self._symmetric.mix_hash(prologue)
        if plan.responder_known:
            self._symmetric.mix_hash(self._remotes["s"] if initiator else self._public("s"))

    @property
    def finished(self) -> bool:
        """Whether the last message is through and into_session may be called."""
        return self._step == len(self._messages)

    @property
    def remote_static(self) -> bytes | None:
        """The peer's static public key, authenticated by the message that was read last.

        None while unknown, and again once the handshake is over, whether it failed or became
        a session.
        """
        return None if self._over else self._remotes.get("s")

    def write(self, payload: bytes = b"") -> bytes:
        """The next message, carrying `payload`.

        Raises LocalProtocolError out of turn or if the message would exceed MESSAGE_MAX bytes,
        RemoteProtocolError if the peer's key, read earlier, turns out to be of low order.
        """
        tokens = self._begin(writing=True)
        fields = [self._write_token(token) for token in tokens]
        message = b"".join((*fields, self._symmetric.encrypt_and_hash(payload)))
        if len(message) > MESSAGE_MAX:
            raise LocalProtocolError(f"handshake message exceeds {MESSAGE_MAX} bytes")
        self._end()
        return message

    def read(self, message: bytes) -> bytes:
        """The payload of the peer's next message.

        Raises Untrusted if it does not authenticate, RemoteProtocolError if it is truncated,
        oversized or holds a low-order key, LocalProtocolError out of turn.
        """
        tokens = self._begin(writing=False)
        if len(message) > MESSAGE_MAX:
            raise RemoteProtocolError(f"handshake message exceeds {MESSAGE_MAX} bytes")
        incoming = BytesIO(message)
        for token in tokens:
            self._read_token(token, incoming)
        payload = self._symmetric.decrypt_and_hash(incoming.read())
        self._end()
        return payload

    def into_session(self) -> Session:
        """The finished handshake's transport ciphers; the handshake itself is used up."""
        self._check_alive()
        if not self.finished:
            raise LocalProtocolError("handshake is not finished")
        self._over = True
        first, second = self._symmetric.split()
        send, receive = (first, second) if self._initiator else (second, first)
        session = Session(
            send_key=send,
            receive_key=receive,
            handshake_hash=self._symmetric.handshake_hash,
            remote_static=self._remotes["s"],
        )
        del self._symmetric, self._secrets  # forward secrecy: nothing here may outlive its use
        return session

    def _check_alive(self) -> None:
        if self._over:
            raise LocalProtocolError("handshake has failed or was turned into a session already")

    def _begin(self, *, writing: bool) -> tuple[str, ...]:
        self._check_alive()
        our_turn = (self._step % 2 == 0) == self._initiator
        if self.finished or writing != our_turn:
            raise LocalProtocolError(f"handshake message {self._step + 1} is out of turn")
        self._over = True  # until _end: whatever interrupts a half-mixed message is final
        return self._messages[self._step]

    def _end(self) -> None:
        self._over = False
        self._step += 1

    def _write_token(self, token: str) -> bytes:
        if token == "e":
            public = self._public("e")
            self._mix_ephemeral(public)
            return public
        if token == "s":
            return self._symmetric.encrypt_and_hash(self._public("s"))
        self._mix_secret(token)
        return b""

    def _read_token(self, token: str, incoming: BytesIO) -> None:
        if token == "e":
            self._remotes["e"] = _take(incoming, KEY_BYTES)
            self._mix_ephemeral(self._remotes["e"])
        elif token == "s":
            field = _take(incoming, KEY_BYTES + self._symmetric.overhead_bytes)
            self._remotes["s"] = self._symmetric.decrypt_and_hash(field)
        else:
            self._mix_secret(token)

    def _mix_ephemeral(self, public: bytes) -> None:
        self._symmetric.mix_hash(public)
        if "psk" in self._secrets:  # section 9.2: else a psk alone could repeat a cipher key
            self._symmetric.mix_key(public)

    def _mix_secret(self, token: str) -> None:
        """A pre-shared key, or a Diffie-Hellman token: the initiator's letter comes first."""
        if token == "psk":
            return self._symmetric.mix_key_and_hash(self._secrets["psk"])
        ours, theirs = token[0], token[1]
        if not self._initiator:
            ours, theirs = theirs, ours
        try:
            shared = crypto_scalarmult(self._secrets[ours], self._remotes[theirs])
        except RuntimeError:  # libsodium refuses an all-zero result
            raise RemoteProtocolError("peer sent a public key of low order") from None
        self._symmetric.mix_key(shared)

    def _public(self, letter: str) -> bytes:
        return crypto_scalarmult_base(self._secrets[letter])


def _check_key(plan: Plan, name: str, key: bytes | None, wanted: bool) -> None:
    if (key is not None) != wanted:
        raise LocalProtocolError(f"{plan.name}: {name} is {'missing' if wanted else 'not used'}")
    if key is not None and len(key) != KEY_BYTES:
        raise LocalProtocolError(f"{name} must be {KEY_BYTES} bytes, not {len(key)}")


def _present(**keys: bytes | None) -> dict[str, bytes]:
    return {name: key for name, key in keys.items() if key is not None}


def _take(incoming: BytesIO, count: int) -> bytes:
    field = incoming.read(count)
    if len(field) < count:
        raise RemoteProtocolError("handshake message is truncated")
    return field
