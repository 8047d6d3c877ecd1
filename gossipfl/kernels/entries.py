"""What goes around a kernel in place of Numba's wrappers: the function that object code exports.

Without arrays it is the plain C function.  With arrays it is a function of Python, as C extensions
have them (METH_FASTCALL): it takes objects, looks into the heads of arrays, lets other threads run
meanwhile, and so costs less than a conversion of each argument would.
"""

from llvmlite import ir
from numba.core import registry

from gossipfl.kernels.loader import ENTRY
from gossipfl.kernels.ndarray import open_array
from gossipfl.kernels.numba_types import SCALARS, numba_type
from gossipfl.kernels.signatures import F8, I8, MISTAKEN, U8, Array

I64, VOID, OBJECT = ir.IntType(64), ir.VoidType(), ir.IntType(8).as_pointer()
DOUBLE = ir.DoubleType()
# Functions of Python's C interface, and what they return.
FROM_OBJECT = {
    F8: ("PyFloat_AsDouble", DOUBLE),
    I8: ("PyLong_AsLongLong", I64),
    U8: ("PyLong_AsUnsignedLongLongMask", I64),
}
TO_OBJECT = {F8: "PyFloat_FromDouble", I8: "PyLong_FromLongLong"}


def entry_of(compiled, signature):
    """A module with the function ENTRY, which calls what Numba has compiled."""
    context, description = registry.cpu_target.target_context, compiled.fndesc
    module = context.create_module(ENTRY)
    convention = context.call_conv
    inner_type = convention.get_function_type(description.restype, description.argtypes)
    inner = ir.Function(module, inner_type, description.llvm_func_name)

    def call(builder, arguments):
        _, found = convention.call_function(
            builder, inner, description.restype, description.argtypes, arguments
        )
        return found

    make = _python_function if signature.arrays else _c_function
    make(context, module, signature, call)
    return module


def _c_function(context, module, signature, call):
    types = [context.get_value_type(numba_type(part)) for part in signature.parameters]
    result = context.get_value_type(SCALARS[signature.result]) if signature.result else VOID
    function = ir.Function(module, ir.FunctionType(result, types), ENTRY)
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    found = call(builder, list(function.args))
    builder.ret(found) if signature.result else builder.ret_void()


def _python_function(context, module, signature, call):
    """Its `self` is the class of arrays, numpy.ndarray."""
    shape = ir.FunctionType(OBJECT, [OBJECT, OBJECT.as_pointer(), I64])
    function = ir.Function(module, shape, ENTRY)
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    values = _Objects(context, builder, function.args, signature)
    arguments = [values.take(part) for part in signature.parameters]
    values.refuse(builder.icmp_signed("!=", _call(builder, OBJECT, "PyErr_Occurred"), OBJECT(None)))
    state = _call(builder, OBJECT, "PyEval_SaveThread")
    found = call(builder, arguments)
    _call(builder, VOID, "PyEval_RestoreThread", state)
    builder.ret(values.to_object(found))


class _Objects:
    """What the function was given, turned into Numba's values from left to right."""

    def __init__(self, context, builder, arguments, signature):
        self._context, self._builder = context, builder
        self._class, self._given, count = arguments
        self._class = builder.ptrtoint(self._class, I64)
        self._result = signature.result
        self._taken = self._arrays = 0
        with builder.if_then(builder.icmp_signed("!=", count, I64(signature.count)), likely=False):
            _call(builder, ir.IntType(32), "PyErr_BadArgument")
            builder.ret(OBJECT(None))

    def take(self, parameter):
        """The next one."""
        if isinstance(parameter, tuple):
            parts = [self.take(part) for part in parameter]
            return self._context.make_tuple(self._builder, numba_type(parameter), parts)
        place = self._builder.gep(self._given, [I64(self._taken)])
        given = self._builder.load(place)
        self._taken += 1
        if isinstance(parameter, Array):
            return self._open(parameter, given)
        name, type_ = FROM_OBJECT[parameter]
        return _call(self._builder, type_, name, given)

    def refuse(self, wrong):
        """End where Python has an error to raise."""
        with self._builder.if_then(wrong, likely=False):
            self._builder.ret(OBJECT(None))

    def _open(self, parameter, given):
        """The array, or the answer that it is none that the kernel can use."""
        mistaken = self._context.get_constant(SCALARS[self._result], MISTAKEN - self._arrays)
        self._arrays += 1

        def refuse(wrong):
            with self._builder.if_then(wrong, likely=False):
                self._builder.ret(self.to_object(mistaken))

        type_, written = numba_type(parameter), parameter.written
        address = self._builder.ptrtoint(given, I64), self._class
        return open_array(self._context, self._builder, type_, address, written, refuse)

    def to_object(self, found):
        """The kernel's answer."""
        return _call(self._builder, OBJECT, TO_OBJECT[self._result], found)


def _call(builder, result, name, *arguments):
    """A function that this process has."""
    shape = ir.FunctionType(result, [argument.type for argument in arguments])
    known = builder.module.globals.get(name)
    return builder.call(known or ir.Function(builder.module, shape, name), arguments)
