"""Numba's target for kernels: functions that are only ever linked into one.

To Numba each function inside of a kernel is a library of its own: with wrappers for Python,
optimised, emitted, loaded, and optimised once more wherever it is linked in.  All that a kernel
needs is its LLVM code, so that is all this target makes of a function.  Functions stay plain `njit`
ones, which anybody may call: it takes their Python functions, and compiles those anew.

Kernels allocate nothing, so nothing counts references: one that tries fails when it is compiled.
"""

from functools import cached_property, partial
from graphlib import CycleError, TopologicalSorter

from llvmlite import ir
from numba.core import codegen, cpu, registry, types
from numba.core.dispatcher import Dispatcher
from numba.core.runtime.nrt import rtsys
from numba.core.target_extension import (
    CPU,
    dispatcher_registry,
    jit_registry,
    target_registry,
)
from numba.core.targetconfig import ConfigStack
from numba.core.typing.context import Context

NAME = "gossipfl"
APART = "noinline"
"""How LLVM is told to leave a function in one piece."""
OPTIONS = {"_nrt": False, "error_model": "numpy", "boundscheck": False}


class _Kernels(CPU):
    """What is right for a processor is right for kernels."""


def _loops(function):
    """Whether any block of it may be reached from itself."""
    following = {
        block: [part for part in block.terminator.operands if isinstance(part, ir.Block)]
        for block in function.blocks
    }
    try:
        TopologicalSorter(following).prepare()
    except CycleError:
        return True
    return False


class Library(codegen.CPUCodeLibrary):
    """A module as Numba wrote it, and the libraries that it calls."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._looping = []

    def _optimize_functions(self, ll_module):
        pass

    def add_ir_module(self, ir_module):
        """Functions without loops are to be inlined."""
        for function in ir_module.functions:
            if function.blocks and "alwaysinline" not in function.attributes:
                if _loops(function):
                    self._looping.append(function.name)
                else:
                    function.attributes.add("alwaysinline")
        super().add_ir_module(ir_module)

    def keep_apart(self):
        """Have LLVM leave functions with loops in one piece; returns how many there are."""
        for name in self._looping:
            self._final_module.get_function(name).add_function_attribute(APART)
        return len(self._looping)

    def add_linking_library(self, library):
        if library is not rtsys.library:  # of memory
            self._linking_libraries.append(library)

    def finalize(self):
        self._finalized = True

    def called(self):
        """All libraries that code in this one may reach, each once."""
        found, waiting = {}, [self]
        while waiting:
            new = [other for other in waiting.pop()._linking_libraries if other not in found]
            found.update(dict.fromkeys(new))
            waiting += new
        return list(found)


class _Codegen(codegen.JITCPUCodegen):
    _library_class = Library  # type: ignore[assignment]


class _Context(cpu.CPUContext):
    def init(self):
        super().init()
        self._internal_codegen = _Codegen("gossipfl.kernels")

    def load_additional_registries(self):
        # Else it would be built as a library of this target, which nobody can load.
        rtsys.initialize(registry.cpu_target.target_context)
        super().load_additional_registries()

    def create_cpython_wrapper(self, library, fndesc, env, call_helper, release_gil=False):
        pass

    def create_cfunc_wrapper(self, library, fndesc, env, call_helper):
        pass

    def get_executable(self, library, fndesc, env):
        """There is none: what stands for the function is its library."""
        return library


class _TypingContext(Context):
    """Knows functions for Python by what they are in kernels."""

    def __init__(self):
        super().__init__()
        self._inner = {}

    def resolve_value_type(self, val):
        if isinstance(val, registry.CPUDispatcher):
            return types.Dispatcher(self._inside(val))
        return super().resolve_value_type(val)

    def _inside(self, function):
        # Flags of floating point pass from caller to callee, so one function may be several.
        key = function, frozenset(ConfigStack.top_or_none().fastmath.flags)
        if key not in self._inner:
            self._inner[key] = Inner(function.py_func, targetoptions=function.targetoptions)
        return self._inner[key]


class _Target(registry.CPUTarget):
    @cached_property
    def _toplevel_typing_context(self):
        return _TypingContext()

    @cached_property
    def _toplevel_target_context(self):
        return _Context(self.typing_context, NAME)


target_registry[NAME] = _Kernels
TARGET = _Target(NAME)


class Inner(Dispatcher):
    """A function inside of a kernel."""

    targetdescr = TARGET

    def add_overload(self, cres):
        self.overloads[tuple(cres.signature.args)] = cres


dispatcher_registry[_Kernels] = Inner
jit_registry[_Kernels] = lambda **options: partial(Inner, targetoptions=options)
