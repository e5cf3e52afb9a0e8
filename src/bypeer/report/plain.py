r"""Makes foreign text safe to show: paths, interface names, comments, anything from a packet.

A terminal obeys control characters, and bidi controls show text in another order than it has
("Trojan Source", CVE-2021-42574). Such characters become visible escapes, \x1b or \u202e.
A backslash stays as it is, so the result is for reading and cannot be turned back.
"""

from __future__ import annotations

from typing import Any, TypeVar

T = TypeVar("T")

# Characters that count as printable but leave no mark: Unicode's Default_Ignorable_Code_Point
# beyond the format characters (DerivedCoreProperties.txt), and the blank Braille pattern.
_UNSEEN = frozenset(
    [
        *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x2800, 0x3164, 0xFFA0),
        *range(0xFE00, 0xFE10),
        *range(0xE0100, 0xE01F0),
    ]
)

_MANY_LINES = frozenset(["command"])  # fields in which a line feed is meant


def plain(text: str) -> str:
    """The text on one line, with every character that is not plainly visible escaped.

    That is: C0, C1 and DEL, line and paragraph separators, spaces other than the usual one,
    format characters (bidi controls, zero-width ones), private and unassigned code points,
    and lone surrogates, which stand for octets of a path that are not UTF-8.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(one if _visible(one) else _escape(ord(one)) for one in text)


def cleaned(record: T) -> T:
    """The record with all text in it made plain, at any depth; numbers stay.

    Whoever renders from the cleaned record cannot forget one of its strings.
    """
    clean: T = _cleaned(record)
    return clean


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(_cleaned_field, value._fields, value))
    if isinstance(value, (list, tuple)):
        return type(value)(_cleaned(one) for one in value)
    if isinstance(value, dict):
        return {_cleaned(key): _cleaned(one) for key, one in value.items()}
    return value


def _cleaned_field(name: str, value: Any) -> Any:
    if name in _MANY_LINES and isinstance(value, str):
        return "\n".join(plain(line) for line in value.split("\n"))
    return _cleaned(value)


def _visible(character: str) -> bool:
    # str.isprintable: no Cc, Cf, Cs, Co, Cn, Zl, Zp, and of Zs only the space.
    return character.isprintable() and ord(character) not in _UNSEEN


def _escape(code: int) -> str:
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
