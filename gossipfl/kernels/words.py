"""Eight bytes at once, from and to any place of a byte stream, and their trailing ones.

Bit streams are lowest bit first, so words are little-endian on every processor.  Nothing is
checked: callers leave eight bytes behind the last place that they touch.
"""

from typing import Any

from gossipfl.kernels.calls import COMPILED

WORD_BYTES = 8

if COMPILED:
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic

    from gossipfl.kernels.vectors import I1, I64

    def _place(context, builder, signature, values):
        array = context.make_array(signature.args[0])(context, builder, values[0])
        return builder.bitcast(builder.gep(array.data, [values[1]]), I64.as_pointer())

    def _load_word(typing, stream, byte):
        def generate(context, builder, signature, values):
            word = builder.load(_place(context, builder, signature, values))
            word.align = 1
            return word

        return types.int64(stream, types.int64), generate

    def _store_word(typing, stream, byte, word):
        def generate(context, builder, signature, values):
            place = _place(context, builder, signature, values)
            builder.store(values[2], place).align = 1
            return context.get_dummy_value()

        return types.void(stream, types.int64, types.int64), generate

    def _trailing_ones(typing, word):
        def generate(context, builder, signature, values):
            return builder.cttz(builder.not_(values[0]), ir.Constant(I1, 0))

        return types.int64(types.int64), generate


def _plain_load(stream, byte):
    return int.from_bytes(stream[byte : byte + WORD_BYTES].tobytes(), "little")


def _plain_store(stream, byte, word):
    for place in range(WORD_BYTES):
        stream[byte + place] = word >> 8 * place & 255


def _plain_ones(word):
    return (~word & (word + 1)).bit_length() - 1


# load_word(stream, byte): the int64 that eight bytes of uint8[n] spell.
load_word: Any = intrinsic(_load_word) if COMPILED else _plain_load
# store_word(stream, byte, word): spells an int64 in eight bytes of uint8[n].
store_word: Any = intrinsic(_store_word) if COMPILED else _plain_store
# trailing_ones(word): ones below the lowest zero of an int64, 0..64.
trailing_ones: Any = intrinsic(_trailing_ones) if COMPILED else _plain_ones
