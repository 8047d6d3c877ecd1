"""From a kernel's Python function to object code with one function, by Numba and LLVM.

Everything but that function becomes internal to the module, so that what is not called is dropped,
and the code needs nothing but a few functions of the C library and of Python.
"""

from llvmlite import binding
from numba.core import compiler, registry
from numba.core.compiler_lock import global_compiler_lock
from numba.core.dispatcher import _FunctionCompiler  # type: ignore[attr-defined]

from gossipfl.kernels.entries import entry_of
from gossipfl.kernels.loader import ENTRY
from gossipfl.kernels.numba_types import SCALARS, numba_type


class _Compiler(_FunctionCompiler):  # type: ignore[misc]
    """Stops before anything is linked, optimised or loaded."""

    def _customize_flags(self, flags):
        flags.no_cpython_wrapper = flags.no_cfunc_wrapper = flags.no_compile = True
        return flags


@global_compiler_lock
def compile_kernel(function, signature, fastmath):
    """Object code whose function ENTRY has this signature."""
    options = {"nopython": True, "error_model": "numpy", "fastmath": fastmath, "boundscheck": False}
    parameters = tuple(numba_type(part) for part in signature.parameters)
    own = _Compiler(function, registry.cpu_target, options, {}, compiler.Compiler)
    compiled = own.compile(parameters, SCALARS[signature.result])
    library = compiled.library
    library.add_ir_module(entry_of(compiled, signature))
    return _finish(library)


def _finish(library):
    """Link, optimise and emit a library that has not been finalised."""
    module = library._final_module
    for other in dict.fromkeys(library._linking_libraries):
        module.link_in(other._get_module_for_linking(), preserve=True)
    for value in (*module.functions, *module.global_variables):
        if not value.is_declaration and value.name != ENTRY:
            value.linkage = binding.Linkage.internal
    library._optimize_final_module()
    _drop_what_is_not_called(library)
    module.verify()
    return library.codegen._tm.emit_object(module)


def _drop_what_is_not_called(library):
    """The last calls of Numba's counting of references go with LLVM's last passes, not before."""
    builder = library.codegen._pass_builder()
    passes = binding.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    passes.run(library._final_module, builder)
