"""Every error that gossipfl raises on purpose, and what its kind means to the caller."""


class GossipFLError(Exception):
    """Anything this project raises on purpose.  The message is one line that says what to do."""


class ConfigError(GossipFLError):
    """A setting is unknown or outside its documented range."""


class DataError(GossipFLError):
    """A data file cannot be learned from: names the file, the place in it and the remedy."""


class StateError(GossipFLError):
    """The state directory is unreadable, unwritable, full, or holds a damaged file."""


class PeerError(GossipFLError):
    """One peer failed us: drop the link, count it, keep running."""


class Unreachable(PeerError):
    """Refused, timed out, or vanished in mid-exchange."""


class Untrusted(PeerError):
    """Failed authentication; only people can mend it, so it is not retried soon."""


class RemoteProtocolError(PeerError):
    """The peer sent something illegal here."""


class LocalProtocolError(GossipFLError):
    """Our own code misused a protocol: a bug, so let it crash."""


class TrainingFailed(GossipFLError):
    """A round could not train or judge: the model is as before, and the next round may succeed."""
