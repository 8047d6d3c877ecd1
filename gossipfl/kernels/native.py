"""Kernels as C functions: from the cache, or compiled now; called from Python or by address.

Numba is imported only where a kernel has to be compiled.  Where it is switched off, a kernel is a
plain Python function.
"""

import ctypes
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, partial
from importlib import import_module
from typing import Any

import numpy as np
from _cffi_backend import FFI

from gossipfl.kernels import cache
from gossipfl.kernels.loader import load
from gossipfl.kernels.presence import DISABLED
from gossipfl.kernels.signatures import Array, Parameter, Signature

_FFI = FFI()

compiled: list[str] = []
"""The kernels that this process has compiled."""


class Kernel:
    """One kernel, named `module.function` within this package."""

    def __init__(self, name: str, signature: Signature) -> None:
        self.name = name
        self.signature = signature

    @cached_property
    def entry(self) -> Any:
        """What an array of kernels holds: the address, or the plain function."""
        if DISABLED:
            return self._source().function
        code = cache.read(self.name)
        if code is None:
            code = self._compile()
            cache.write(self.name, code)
        return load(code)

    def _source(self) -> Any:
        module, _, function = self.name.partition(".")
        source = getattr(import_module(f"gossipfl.kernels.{module}"), function)
        if source.signature is not self.signature:
            raise TypeError(f"{self.name} has another signature")
        return source

    def _compile(self) -> bytes:
        from gossipfl.kernels.compiler import compile_kernel

        source = self._source()
        compiled.append(self.name)
        code: bytes = compile_kernel(source.function, self.signature, source.fastmath)
        return code

    @cached_property
    def call(self) -> Any:
        """For Python: numbers as they are, arrays by their `id`.  Releases the GIL."""
        if DISABLED:
            return _given_ids(self.entry, self.signature)
        function = _FFI.cast(self.signature.c_type, self.entry)
        return partial(function, id(np.ndarray)) if self.signature.arrays else function

    def __call__(self, *arguments: Any) -> Any:
        """One call with arrays for pointers; used by tests."""
        if DISABLED:
            return self.entry(*_converted(arguments, np.ravel))
        return self.call(*_converted(arguments, _FFI.from_buffer))


def _converted(arguments: Iterable[Any], convert: Callable[[Any], Any]) -> Iterator[Any]:
    return (convert(a) if isinstance(a, np.ndarray) else a for a in arguments)


def _given_ids(function: Any, signature: Signature) -> Any:
    """The plain function, called like a compiled one."""

    def call(*given: Any) -> Any:
        values = iter(given)

        def take(part: Parameter) -> Any:
            if isinstance(part, tuple):
                return tuple(take(inner) for inner in part)
            value = next(values)
            return ctypes.cast(value, ctypes.py_object).value if isinstance(part, Array) else value

        return function(*(take(part) for part in signature.parameters))

    return call


def array_of(kernels: Any) -> np.ndarray[Any, Any]:
    """Kernels in an array, of any shape, that a compiled loop or its plain twin can call from.

    None stands for a kernel that nobody will call.
    """
    entries = np.empty(np.shape(kernels), object)
    entries.ravel()[:] = [0 if k is None else k.entry for k in np.ravel(np.array(kernels, object))]
    return entries if DISABLED else entries.astype(np.int64)
