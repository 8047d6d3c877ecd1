"""From a kernel's Python function to object code with one function, by Numba and LLVM.

Everything but that function becomes internal to the module, so that what is not called is dropped,
and the code needs nothing but a few functions of the C library and of Python.
"""

from llvmlite import binding
from numba.core import compiler
from numba.core.compiler_lock import global_compiler_lock
from numba.core.dispatcher import _FunctionCompiler  # type: ignore[attr-defined]

from gossipfl.kernels.entries import entry_of
from gossipfl.kernels.loader import ENTRY
from gossipfl.kernels.numba_types import SCALARS, numba_type
from gossipfl.kernels.target import APART, OPTIONS, TARGET


@global_compiler_lock
def compile_kernel(function, signature, fastmath):
    """Object code whose function ENTRY has this signature."""
    options = {**OPTIONS, "nopython": True, "fastmath": fastmath}
    parameters = tuple(numba_type(part) for part in signature.parameters)
    own = _FunctionCompiler(function, TARGET, options, {}, compiler.Compiler)
    compiled = own.compile(parameters, SCALARS[signature.result])
    library = compiled.library
    library.add_ir_module(entry_of(compiled, signature))
    return _finish(library)


def _finish(library):
    """Link, optimise and emit.

    Loops of inner functions stay in those at first: LLVM can vectorise them if their arrays are
    parameters.  Then they are inlined as LLVM likes.
    """
    module, called = library._final_module, library.called()
    apart = sum(other.keep_apart() for other in called)
    for other in called:
        module.link_in(other._final_module, preserve=True)
    for value in (*module.functions, *module.global_variables):
        if not value.is_declaration and value.name != ENTRY:
            value.linkage = binding.Linkage.internal
    library._optimize_final_module()
    if apart:
        # An attribute cannot be taken away, but replaced by one that says nothing new of a kernel.
        module = binding.parse_assembly(str(module).replace(APART, "nounwind"))
        builder = library.codegen._pass_builder()
        builder.getModulePassManager().run(module, builder)
    module.verify()
    return library.codegen._tm.emit_object(module)
