"""NumPy arrays as machine code sees them: the head of the object, as NumPy's own headers lay it out
for every extension (PyArrayObject_fields and PyArray_Descr, unchanged since NumPy 1.7).
"""

import numpy as np
from llvmlite import ir
from numba.np.arrayobj import populate_array
from numba.np.numpy_support import as_dtype

HEAD = object.__basicsize__  # behind it begins what is not the same for all objects
CLASS = HEAD - 8
DATA, DIMENSIONS, SHAPE, DESCRIPTION, FLAGS = HEAD, HEAD + 8, HEAD + 16, HEAD + 40, HEAD + 48
BYTE_ORDER, TYPE_NUMBER = HEAD + 10, HEAD + 12  # of a description
C_CONTIGUOUS, ALIGNED, WRITEABLE = 0x1, 0x100, 0x400

I8, I32, I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)


def open_array(context, builder, type_, given, written, refuse):
    """Numba's value for the array, having called `refuse(wrong)` with all that can be amiss.

    given: (id of the object, id of numpy.ndarray).  Nothing is looked at before its class is known.
    """
    address, class_ = given
    refuse(builder.icmp_unsigned("!=", _field(builder, address, CLASS, I64), class_))
    description = _field(builder, address, DESCRIPTION, I64)
    needed = C_CONTIGUOUS | ALIGNED | (WRITEABLE if written else 0)
    flags = builder.and_(_field(builder, address, FLAGS, I32), ir.Constant(I32, needed))
    number = as_dtype(type_.dtype).num
    wrong = [
        _differs(builder, flags, needed),
        _differs(builder, _field(builder, address, DIMENSIONS, I32), type_.ndim),
        _differs(builder, _field(builder, description, TYPE_NUMBER, I32), number),
        builder.not_(_differs(builder, _field(builder, description, BYTE_ORDER, I8), ord(">"))),
    ]
    for condition in wrong:
        refuse(condition)
    return _value(context, builder, type_, address)


def _field(builder, address, offset, type_):
    place = builder.add(address, ir.Constant(I64, offset))
    return builder.load(builder.inttoptr(place, type_.as_pointer()))


def _differs(builder, value, wanted):
    return builder.icmp_unsigned("!=", value, ir.Constant(value.type, wanted))


def _value(context, builder, type_, address):
    item = np.dtype(as_dtype(type_.dtype)).itemsize
    lengths = builder.inttoptr(_field(builder, address, SHAPE, I64), I64.as_pointer())
    shape = [builder.load(builder.gep(lengths, [I64(axis)])) for axis in range(type_.ndim)]
    strides: list[ir.Value] = []
    stride = I64(item)
    for length in reversed(shape):
        strides.insert(0, stride)
        stride = builder.mul(stride, length)
    array = context.make_array(type_)(context, builder)
    element = context.get_data_type(type_.dtype).as_pointer()
    data = builder.inttoptr(_field(builder, address, DATA, I64), element)
    populate_array(array, data, shape, strides, item, meminfo=None)
    return array._getvalue()
