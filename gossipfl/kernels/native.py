"""Kernels as machine code: from the cache, or compiled now; called from Python or by address.

Numba is imported only where a kernel has to be compiled.  Where it is switched off, a kernel is a
plain Python function.
"""

import ctypes
from functools import cached_property
from importlib import import_module
from typing import Any

import numpy as np

from gossipfl.kernels import cache
from gossipfl.kernels.loader import load
from gossipfl.kernels.presence import DISABLED
from gossipfl.kernels.signatures import Parameter, Signature

_FASTCALL = 0x80  # of Python's C interface: a function of an array of objects and their number


class _Method(ctypes.Structure):
    """PyMethodDef."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


_make_function = ctypes.pythonapi.PyCFunction_NewEx
_make_function.argtypes = (ctypes.POINTER(_Method), ctypes.py_object, ctypes.py_object)
_make_function.restype = ctypes.py_object

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
        """For Python: numbers and arrays; tuples side by side.  Releases the GIL."""
        if DISABLED:
            return _flattened(self.entry, self.signature)
        # The definition must outlive the function.
        self._method = _Method(self.name.encode(), self.entry, _FASTCALL, None)
        return _make_function(self._method, np.ndarray, None)

    def __call__(self, *arguments: Any) -> None:
        """One call of a kernel of pointers and integers, given arrays; used by tests."""
        if DISABLED:
            self.entry(*(a.ravel() if isinstance(a, np.ndarray) else a for a in arguments))
            return
        function = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * self.signature.count)(self.entry)
        function(*(a.ctypes.data if isinstance(a, np.ndarray) else a for a in arguments))


def _flattened(function: Any, signature: Signature) -> Any:
    """The plain function, called like a compiled one."""

    def call(*given: Any) -> Any:
        values = iter(given)

        def take(part: Parameter) -> Any:
            if isinstance(part, tuple):
                return tuple(take(inner) for inner in part)
            return next(values)

        return function(*(take(part) for part in signature.parameters))

    return call


def array_of(kernels: Any) -> np.ndarray[Any, Any]:
    """Kernels in an array, of any shape, that a compiled loop or its plain twin can call from.

    None stands for a kernel that nobody will call.
    """
    entries = np.empty(np.shape(kernels), object)
    entries.ravel()[:] = [0 if k is None else k.entry for k in np.ravel(np.array(kernels, object))]
    return entries if DISABLED else entries.astype(np.int64)
