"""64-bit little-endian ELF object files, as far as kernels need them: System V ABI, chapter 4."""

import struct
from collections.abc import Iterator

_HEADER = struct.Struct("<16xHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_RELOCATION = struct.Struct("<QQq")
_ALLOCATED = 0x2  # in memory when it runs
_RELOCATIONS, _NO_BITS, _SYMBOLS = 4, 8, 2  # types of sections
_UNDEFINED = 0

Section = tuple[int, int, int, int, int, int, int, int, int, int]


class Elf:
    """One relocatable object: `image` is what it has in memory, sections side by side."""

    def __init__(self, code: bytes) -> None:
        self._code = code
        header = _HEADER.unpack_from(code)
        start, count, names = header[5], header[11], header[12]
        self._sections: list[Section] = [
            _SECTION.unpack_from(code, start + _SECTION.size * number) for number in range(count)
        ]
        self._names = self._sections[names]
        self._starts: dict[int, int] = {}
        self.image = self._lay_out()
        table = next(section for section in self._sections if section[1] == _SYMBOLS)
        self._strings = self._sections[table[6]]
        self._symbols = list(_SYMBOL.iter_unpack(self._content(table)))

    def _lay_out(self) -> bytes:
        image = bytearray()
        for number, section in enumerate(self._sections):
            # Nothing is ever thrown through a kernel, so that nobody unwinds it.
            if section[2] & _ALLOCATED and self._text(self._names, section[0]) != ".eh_frame":
                image.extend(bytes(-len(image) % max(section[8], 1)))
                self._starts[number] = len(image)
                image.extend(self._content(section))
        return bytes(image)

    def _content(self, section: Section) -> bytes:
        kind, offset, size = section[1], section[4], section[5]
        return bytes(size) if kind == _NO_BITS else self._code[offset : offset + size]

    def _text(self, strings: Section, start: int) -> str:
        first = strings[4] + start
        return self._code[first : self._code.index(b"\0", first)].decode()

    def symbol(self, name: str) -> int:
        """Where in the image it is.  Raises KeyError."""
        for symbol in self._symbols:
            if symbol[3] in self._starts and self._text(self._strings, symbol[0]) == name:
                return self._starts[symbol[3]] + int(symbol[4])
        raise KeyError(name)

    def relocations(self) -> Iterator[tuple[int, int, str, int | None, int]]:
        """(place in the image, kind, symbol, its place in the image or None if it is not in it,
        what to add).
        """
        for section in self._sections:
            if section[1] == _RELOCATIONS and section[7] in self._starts:
                for offset, info, addend in _RELOCATION.iter_unpack(self._content(section)):
                    name, _, _, where, value, _ = self._symbols[info >> 32]
                    inside = None if where == _UNDEFINED else self._starts[where] + value
                    place = self._starts[section[7]] + offset
                    yield place, info & 0xFFFFFFFF, self._text(self._strings, name), inside, addend

    def outside(self) -> list[str]:
        """Symbols that must come from elsewhere."""
        return sorted({name for _, _, name, inside, _ in self.relocations() if inside is None})
