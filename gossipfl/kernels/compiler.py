"""From a kernel's Python function to the object code of one C function, by Numba and LLVM.

Around what Numba compiles goes a C function of our own, instead of Numba's wrappers: those call
back into Python.  Everything else becomes internal to the module, so that what is not called is
dropped, and object code needs nothing but a few functions of the C library.
"""

from llvmlite import binding, ir
from numba.core import compiler, registry, types
from numba.core.compiler_lock import global_compiler_lock
from numba.core.dispatcher import _FunctionCompiler  # type: ignore[attr-defined]

from gossipfl.kernels.loader import ENTRY
from gossipfl.kernels.ndarray import open_array
from gossipfl.kernels.signatures import MISTAKEN, Array, Pointer, leaves

I64, VOID = ir.IntType(64), ir.VoidType()
SCALARS = {
    **{"f4": types.float32, "f8": types.float64, "i4": types.int32, "i8": types.int64},
    **{"u1": types.uint8, "u8": types.uint64, "": types.void},
}


def numba_type(parameter):
    """What Numba calls it."""
    if isinstance(parameter, tuple):
        return types.Tuple([numba_type(part) for part in parameter])
    if isinstance(parameter, Pointer):
        return types.CPointer(SCALARS[parameter.of])
    if isinstance(parameter, Array):
        return types.Array(SCALARS[parameter.of], parameter.dimensions, "C")
    return SCALARS[parameter]


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
    library.add_ir_module(_entry(compiled, signature))
    return _finish(library)


def _entry(compiled, signature):
    """A module with the C function alone."""
    context, description = registry.cpu_target.target_context, compiled.fndesc
    module = context.create_module(ENTRY)
    convention = context.call_conv
    inner_type = convention.get_function_type(description.restype, description.argtypes)
    inner = ir.Function(module, inner_type, description.llvm_func_name)
    flat = [_c_type(context, leaf) for leaf in leaves(signature.parameters)]
    result = context.get_value_type(SCALARS[signature.result]) if signature.result else VOID
    whole = [I64] * bool(signature.arrays) + flat
    outer = ir.Function(module, ir.FunctionType(result, whole), ENTRY)
    builder = ir.IRBuilder(outer.append_basic_block("entry"))
    values = _Values(context, builder, list(outer.args), signature)
    arguments = [values.take(part) for part in signature.parameters]
    _, found = convention.call_function(
        builder, inner, description.restype, description.argtypes, arguments
    )
    builder.ret(found) if signature.result else builder.ret_void()
    return module


class _Values:
    """What the C function was given, turned into Numba's values from left to right."""

    def __init__(self, context, builder, given, signature):
        self._context, self._builder, self._given = context, builder, given
        self._class = given.pop(0) if signature.arrays else None
        self._result = SCALARS[signature.result]
        self._arrays = 0

    def take(self, parameter):
        """The next one."""
        if isinstance(parameter, tuple):
            parts = [self.take(part) for part in parameter]
            return self._context.make_tuple(self._builder, numba_type(parameter), parts)
        if isinstance(parameter, Array):
            return self._open(parameter)
        return self._given.pop(0)

    def _open(self, parameter):
        """The array, or the end of the function."""
        mistaken = MISTAKEN - self._arrays
        self._arrays += 1

        def refuse(wrong):
            with self._builder.if_then(wrong, likely=False):
                self._builder.ret(self._context.get_constant(self._result, mistaken))

        given = self._given.pop(0), self._class
        type_, written = numba_type(parameter), parameter.written
        return open_array(self._context, self._builder, type_, given, written, refuse)


def _c_type(context, leaf):
    return I64 if isinstance(leaf, Array) else context.get_value_type(numba_type(leaf))


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
