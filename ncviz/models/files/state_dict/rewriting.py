"""Write a checkpoint's pickle anew as the plainest that torch's restricted reader takes, without running any of it.

The instructions are followed one by one on a stack that knows only where in the new pickle each value begins. What is
left out (settings of a trainer, numpy's numbers) is cut off there and becomes None; what newer protocols write
otherwise is written as protocol 2 does. No name is looked up and nothing is called.
"""

from __future__ import annotations

import pickletools
import struct
from dataclasses import dataclass, replace
from typing import Any

from ncviz.errors import ModelError
from ncviz.limits import LIMITS
from ncviz.models.files.state_dict.pickles import (
    CALLABLES,
    DEFAULT_DICT,
    ORDERED_DICT,
    WEIGHTS_ONLY,
    is_aside,
)

MAX_PICKLE_BYTES = 4_000_000
MAX_INSTRUCTIONS = 1_000_000
# Hashing a tuple nested this deep still fits a thread's stack; those of a tensor are nested three deep.
MAX_DEPTH = 1_000
_PROTOCOLS = range(2, 6)
_TUPLES = {"TUPLE": None, "EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_PLAIN = {"NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "BINFLOAT", "LONG1", "BINUNICODE"}
_MADE = {"EMPTY_DICT", "EMPTY_LIST"}
# Bytes and sets, which protocol 2 makes by calls.
_CALLED = {
    "EMPTY_SET", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "LONG4", "BINSTRING", "SHORT_BINSTRING",
}  # fmt: skip
_PUTS, _GETS = {"BINPUT", "LONG_BINPUT", "PUT", "MEMOIZE"}, {"BINGET", "LONG_BINGET", "GET"}
_FILLS = {"APPEND": 1, "SETITEM": 2, "APPENDS": None, "SETITEMS": None, "ADDITEMS": None}


def rewrite_pickle(content: bytes, label: str) -> bytes:
    """Return a pickle of protocol 2 that builds dicts, lists, numbers, strings and dense tensors, and nothing else.

    Torch's own restricted reader comes after this and is the one that decides; this one is narrower, so that allowed
    functions which reserve memory, or tuples nested until hashing overflows the stack, never get to run.

    Args:
        content: The pickle.
        label: The checkpoint's name, for messages.

    Raises:
        ModelError: If the pickle is too large, damaged, of another protocol, or refers to anything that is neither part
            of a state dict nor among what is left out.
    """
    if len(content) > MAX_PICKLE_BYTES:
        raise _too_long(label, len(content))
    try:
        return _Rewriter(label).run(content)
    except ModelError:
        raise
    except Exception as error:  # pickletools raises whatever its decoders meet in a damaged file
        raise ModelError(
            f"{label} is damaged (its pickle ends early or is none); copy the file again."
        ) from error


@dataclass(frozen=True, slots=True)
class _Value:
    """A value on the stack.

    Attributes:
        start: Where it begins in the new pickle; of a value in the memo, where it was put there.
        kind: "plain" (a number or a text), "name" (a global), "aside" (left out), "mark", or "other".
        content: The instruction that gives a plain value; the name of a global, and of one that is left out.
        depth: How deep its tuples are nested.
    """

    start: int
    kind: str
    content: bytes | str = b""
    depth: int = 0


class _Rewriter:
    """The new pickle so far, and the stack."""

    def __init__(self, label: str) -> None:
        self.label, self.out = label, bytearray(b"\x80\x02")
        self.stack: list[_Value] = []
        self.memo: dict[int, _Value] = {}
        self.written: dict[int, int] = {}  # in the new pickle's memo → where it was put there
        self.puts: list[tuple[int, int]] = []  # the same in their order
        self.pushed = 0  # bytes in all, those that were cut since too: what the memo repeats takes time

    def run(self, content: bytes) -> bytes:
        """Return the new pickle."""
        before: tuple[str, Any, int] | None = None
        for number, (code, argument, at) in enumerate(pickletools.genops(content)):
            if number > MAX_INSTRUCTIONS:
                raise ModelError(
                    f"{self.label} describes its tensors in more than {MAX_INSTRUCTIONS:,} steps; {WEIGHTS_ONLY}."
                )
            if before is not None:
                self._follow(before[0], before[1], content[before[2] : at])
            before = code.name, argument, at or 0
        assert before is not None
        self._follow(before[0], before[1], b".")
        return bytes(self.out)

    def _follow(self, name: str, argument: Any, raw: bytes) -> None:
        if name in _PLAIN or name in _MADE:
            self._push(raw, "plain" if name in _PLAIN else "other")
        elif name in ("SHORT_BINUNICODE", "BINUNICODE8"):
            text = str(argument).encode("utf-8", "surrogatepass")
            self._push(b"X" + struct.pack("<I", len(text)) + text, "plain")
        elif name in _CALLED:
            self._push(b"N", "aside")
        elif name == "MARK":
            self._push(raw, "mark")
        elif name in _TUPLES:
            self._join(_TUPLES[name], raw)
        elif name in _FILLS:
            self._fill(_FILLS[name], raw)
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            self._name(argument)
        elif name in _PUTS:
            self._put(len(self.memo) if name == "MEMOIZE" else int(argument))
        elif name in _GETS:
            self._get(int(argument))
        elif name in ("REDUCE", "NEWOBJ", "NEWOBJ_EX", "BUILD"):
            self._call(name, raw)
        elif name == "BINPERSID":
            self.stack[-1] = _Value(self.stack[-1].start, "other")
            self.out += raw
        elif name == "FROZENSET":
            self._leave_out(self._marked()[0].start)
        elif name == "POP":
            self._cut(self.stack.pop().start)
        elif name == "POP_MARK":
            self._cut(self._marked()[0].start)
        elif name == "STOP":
            if len(self.stack) != 1:
                raise ValueError("an end amid values")
            self.out += raw
        elif name == "PROTO":
            if argument not in _PROTOCOLS:
                raise ModelError(
                    f"{self.label} uses pickle protocol {argument}, expected 2 to 5; {WEIGHTS_ONLY}."
                )
        elif name == "INST":
            is_aside(str(argument).replace(" ", "."), self.label)
            raise ValueError("an instruction of protocol 0")
        elif name != "FRAME":
            raise ValueError("an instruction that no checkpoint holds")

    def _push(self, written: bytes, kind: str, content: bytes | str = b"") -> None:
        self.pushed += len(written)
        if self.pushed > 2 * MAX_PICKLE_BYTES:
            raise _too_long(self.label, self.pushed)
        self.stack.append(_Value(len(self.out), kind, content or written))
        self.out += written

    def _cut(self, start: int) -> None:
        """Drop what the new pickle holds from a place on, and what its memo holds of that."""
        del self.out[start:]
        while self.puts and self.puts[-1][0] > start:
            at, key = self.puts.pop()
            if self.written.get(key) == at:
                del self.written[key]

    def _leave_out(self, start: int) -> None:
        self._cut(start)
        self._push(b"N", "aside")

    def _marked(self) -> tuple[_Value, list[_Value]]:
        """Take what is above the last mark from the stack, and the mark."""
        at = next(place for place in reversed(range(len(self.stack))) if self.stack[place].kind == "mark")
        mark, values = self.stack[at], self.stack[at + 1 :]
        del self.stack[at:]
        return mark, values

    def _join(self, count: int | None, raw: bytes) -> None:
        start: int = len(self.out)
        values: list[_Value] = []
        if count is None:
            mark, values = self._marked()
            start = mark.start
        elif count:
            values = self.stack[-count:]
            start = values[0].start
            del self.stack[-count:]
        depth = 1 + max((value.depth for value in values), default=0)
        if depth > MAX_DEPTH:
            raise ModelError(f"{self.label} holds more than {MAX_DEPTH:,} nested values; {WEIGHTS_ONLY}.")
        self.out += raw
        self.stack.append(_Value(start, "other", depth=depth))

    def _fill(self, count: int | None, raw: bytes) -> None:
        if count is None:
            self._marked()
        else:
            del self.stack[-count:]
        if self.stack[-1].kind == "aside":
            self._leave_out(self.stack.pop().start)
        else:
            self.out += raw

    def _name(self, argument: Any) -> None:
        if argument is None:
            module, name = (self._text(value) for value in self.stack[-2:])
            start = self.stack[-2].start
            del self.stack[-2:]
            self._cut(start)
        else:
            module, name = str(argument).split(" ", 1)
        full = f"{module}.{name}"
        if is_aside(full, self.label):
            self._push(b"N", "aside", full)
        else:
            self._push(f"c{module}\n{name}\n".encode(), "name", full)

    @staticmethod
    def _text(value: _Value) -> str:
        if value.kind != "plain" or not isinstance(value.content, bytes) or value.content[:1] != b"X":
            raise ValueError("a name that is no text")
        if len(value.content) > LIMITS.name_length:
            raise ValueError("a name that is too long")
        text = value.content[5:].decode()
        if "\n" in text or " " in text:
            raise ValueError("a name of several words")
        return text

    def _put(self, key: int) -> None:
        value = self.stack[-1]
        self.memo[key] = value
        if value.kind != "aside":
            self.out += b"r" + struct.pack("<I", key)
            self.written[key] = len(self.out)
            self.puts.append((len(self.out), key))

    def _get(self, key: int) -> None:
        value = self.memo[key]
        if key in self.written:
            self.stack.append(replace(value, start=len(self.out)))
            self.out += b"j" + struct.pack("<I", key)
        elif value.kind in ("plain", "name"):
            written = value.content if isinstance(value.content, bytes) else _global(value.content)
            self._push(written, value.kind, value.content)
        elif value.kind == "aside":
            self._push(b"N", "aside", value.content)
        else:
            raise ModelError(
                f"{self.label} keeps some of its weights inside the settings of its trainer; {WEIGHTS_ONLY}."
            )

    def _call(self, name: str, raw: bytes) -> None:
        count = 3 if name == "NEWOBJ_EX" else 2
        of, last = self.stack[-count], self.stack[-1]
        del self.stack[-count:]
        if of.kind != "aside":
            is_called = of.kind == "name" and of.content in CALLABLES and name != "NEWOBJ_EX"
            if of.kind != "other" if name == "BUILD" else not is_called:
                raise ValueError("a call of what is no function")
            if name != "BUILD" and of.content == ORDERED_DICT and self.out[last.start :] != b")":
                raise ValueError("an ordered dict that is not filled afterwards")
            self.out += raw
            self.stack.append(_Value(of.start, "other"))
            return
        self._leave_out(of.start)
        if of.content == DEFAULT_DICT and name == "REDUCE":
            # A dict like any other; what it gives for a missing key nobody asks for.
            self._cut(self.stack.pop().start)
            self._push(b"}", "other")


def _global(name: str) -> bytes:
    module, _, last = name.rpartition(".")
    return f"c{module}\n{last}\n".encode()


def _too_long(label: str, size: int) -> ModelError:
    return ModelError(
        f"{label} describes its tensors in {size:,} bytes, at most {MAX_PICKLE_BYTES:,} are read; {WEIGHTS_ONLY}."
    )
