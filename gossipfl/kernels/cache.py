"""Machine code on disk, so that a kernel is compiled once on a machine.

Files are named after all that their contents follow from: the sources of all kernels, the
versions of Numba and LLVM, and the processor.  What is damaged counts as missing.  A place that
cannot be written costs nothing but time.
"""

import contextlib
import hashlib
import os
import sys
import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_SOURCES = Path(__file__).parent
_DIGEST_BYTES = 16
_SUFFIX = ".kernel"
_CPUINFO_BYTES = 8192
_TELLING = {
    *("vendor_id", "cpu family", "model", "flags"),
    *("CPU implementer", "CPU architecture", "CPU variant", "CPU part", "Features"),
}


def read(name: str) -> bytes | None:
    """The machine code of a kernel, or None where it is missing or damaged."""
    try:
        content = _path(name).read_bytes()
    except OSError:
        return None
    digest, code = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    return code if code and digest == _digest(code) else None


def write(name: str, code: bytes) -> None:
    """Keep it, and drop what other sources were compiled to."""
    path = _path(name)
    # A folder that cannot be written holds nothing that we compiled.
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Several processes may compile at once: each writes its own file, the last rename wins.
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(_digest(code) + code)
        os.replace(file.name, path)
        for old in path.parent.glob(f"*{_target()}{_SUFFIX}"):
            if _sources() not in old.name:
                old.unlink(missing_ok=True)


def is_filled() -> bool:
    """Whether anything was compiled from these sources for this machine."""
    return any(folder().glob(f"*-{_sources()}-{_target()}{_SUFFIX}"))


@cache
def folder() -> Path:
    """NUMBA_CACHE_DIR, beside the sources, or where the user's caches are."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    if named:
        return Path(named) / "gossipfl"
    beside = _SOURCES / "__pycache__"
    if os.access(beside if beside.exists() else _SOURCES, os.W_OK):
        return beside
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gossipfl"


def _path(name: str) -> Path:
    return folder() / f"{name}-{_sources()}-{_target()}{_SUFFIX}"


@cache
def _sources() -> str:
    """A kernel may be made of any: constants and callees are in other files."""
    parts = [b"%s\0%s" % (s.name.encode(), s.read_bytes()) for s in sorted(_SOURCES.glob("*.py"))]
    return hashlib.blake2b(b"".join(parts), digest_size=8).hexdigest()


@cache
def _target() -> str:
    parts = [sys.version, *os.uname()[:1], os.uname().machine, *_processor()]
    parts += [os.environ.get(f"NUMBA_{name}", "") for name in ("CPU_NAME", "CPU_FEATURES", "OPT")]
    parts += [_version(package) for package in ("numba", "llvmlite")]
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=8).hexdigest()


def _processor() -> list[str]:
    """Lines that tell one kind of processor from another; of the first, where there are many."""
    try:
        with open("/proc/cpuinfo", errors="replace") as file:
            lines = file.read(_CPUINFO_BYTES).splitlines()
    except OSError:
        return []
    return sorted({line for line in lines if line.partition("\t")[0].strip(" :") in _TELLING})


def _version(package: str) -> str:
    """As the package writes it down: to import it, or to ask for its metadata, takes too long."""
    try:
        found = find_spec(package)
    except ImportError:
        found = None
    if found is None or found.origin is None:
        return ""
    return Path(found.origin).with_name("_version.py").read_text()


def _digest(code: bytes) -> bytes:
    return hashlib.blake2b(code, digest_size=_DIGEST_BYTES).digest()
