"""Drops compiled kernels when any kernel source has changed.

Numba's disk cache looks only at the file of the function that is called from Python.  A kernel
that it calls may have changed, by an upgrade or an edit, and the old machine code would run on.
"""

import contextlib
import hashlib
from pathlib import Path

from numba.core import config
from numba.core.caching import _CacheLocator

_SOURCES = Path(__file__).parent


def forget_stale_kernels():
    """Empty the kernels' cache unless it was made from exactly these sources."""
    folder = cache_folder()
    stamp = folder / f"sources-{_fingerprint()}"
    if stamp.exists():
        return
    # A folder that cannot be written holds nothing that we compiled.
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        for pattern in ("*.nbi", "*.nbc", "sources-*"):
            for old in folder.glob(pattern):
                old.unlink(missing_ok=True)
        stamp.touch()


def cache_folder():
    """Where Numba keeps what it compiled of this folder: __pycache__, or within NUMBA_CACHE_DIR."""
    folder = getattr(config, "CACHE_DIR", "")
    if not folder:
        return _SOURCES / "__pycache__"
    return Path(folder) / _CacheLocator.get_suitable_cache_subpath(__file__)


def _fingerprint():
    digest = hashlib.blake2b(digest_size=8)
    for source in sorted(_SOURCES.glob("*.py")):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()
