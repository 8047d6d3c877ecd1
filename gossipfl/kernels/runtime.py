"""Keeps Numba's own run-time library compiled on disk, beside the kernels' cache.

Numba caches kernels, but compiles a small library of its own (reference counting for arrays) anew
in every process.  That alone pulls LLVM's whole optimiser into a node's resident memory, and takes
the longest of a warm start on small boards.  This stores the library with the
calls that Numba's function cache uses.  It reaches into Numba, so it is checked against the exact
version that the package pins, and steps aside wherever anything is not as expected.
"""

import hashlib
import tempfile
from pathlib import Path

import llvmlite
import llvmlite.binding
import msgpack
import numba
from numba.core.runtime import nrtdynmod

from gossipfl.kernels.staleness import cache_folder

_DIGEST_BYTES = 16


def keep_runtime_compiled():
    """From now on, load Numba's run-time library from disk, or store it after compiling it."""
    compile_anew = nrtdynmod.compile_nrt_functions

    def load_or_compile(context):
        if not hasattr(nrtdynmod, "create_nrt_module"):
            return compile_anew(context)
        path = _path()
        parts = _read(path)
        if parts is not None:
            return context.codegen().unserialize_library(("nrt", "object", parts))
        return _compile_and_store(context, path)

    nrtdynmod.compile_nrt_functions = load_or_compile


def _compile_and_store(context, path):
    module, library = nrtdynmod.create_nrt_module(context)
    library.enable_object_caching()
    library.add_ir_module(module)
    library.finalize()
    _write(path, library.serialize_using_object_code()[2])
    return library


def _path():
    """Named after everything that the machine code depends on."""
    features = llvmlite.binding.get_host_cpu_features().flatten()
    target = (
        numba.__version__,
        llvmlite.__version__,
        llvmlite.binding.get_process_triple(),
        llvmlite.binding.get_host_cpu_name(),
        features,
    )
    name = hashlib.blake2b("\n".join(target).encode(), digest_size=8).hexdigest()
    return cache_folder() / f"runtime-{name}.nrt"


def _read(path):
    """(object code, bitcode), or None when they are missing or damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, body = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if hashlib.blake2b(body, digest_size=_DIGEST_BYTES).digest() != digest:
        return None
    return tuple(msgpack.unpackb(body))


def _write(path, parts):
    body = msgpack.packb(list(parts))
    digest = hashlib.blake2b(body, digest_size=_DIGEST_BYTES).digest()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Several nodes may start at once: each writes its own file, the last rename wins.
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(digest + body)
        Path(file.name).replace(path)
    except OSError:
        return  # as for Numba's own cache: a read-only place only costs time
