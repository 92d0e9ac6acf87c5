"""One spelling for everything that people type for one another: width, case, marks, kana, digits.

Folded cluster by cluster (a letter and what is attached to it), so each folded character is known to come from a span
of the original. What is neither a letter, a digit, a mark nor a symbol of `tokens.py` becomes a space.
"""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

SYMBOLS = "+#&."  # that may be part of a name: C++, C#, AT&T, .NET
# Where category So is mostly emoji. Not in it: box drawing and the like, which draw lines below descriptions.
EMOJI = "\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"
TAGS = "\U000e0020-\U000e007f"  # spell the region after a black flag: England, Scotland, Wales

# Marks that are on any letter: accents, enclosing marks, halves of marks.
_GENERAL_MARKS = (
    ("\u0300", "\u036f"),
    ("\u1ab0", "\u1aff"),
    ("\u1dc0", "\u1dff"),
    ("\u20d0", "\u20ff"),
    ("\ufe20", "\ufe2f"),
)
# Scripts whose marks are optional: Latin to Cyrillic, Hebrew, Arabic, and the rest of Latin, Cyrillic and Arabic. In
# others, as Devanagari, Thai or kana, a mark is a vowel or makes another letter.
_MARKS_ARE_OPTIONAL = (
    ("\0", "\u052f"),
    ("\u0590", "\u06ff"),
    ("\u0750", "\u077f"),
    ("\u0870", "\u08ff"),
    ("\u1c80", "\u1c8f"),
    ("\u1d00", "\u1d7f"),
    ("\u2c60", "\u2c7f"),
    ("\ua640", "\ua69f"),
    ("\ua720", "\ua7ff"),
    ("\uab30", "\uab6f"),
)
# Letters that Unicode does not take apart, as they are typed by those who do not have them.
_LETTERS = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ħ": "h", "ŧ": "t", "♯": "#"}
    | {"\u0131": "i"}  # dotless i
    # Arabic: alef wasla, alef maksura, Farsi yeh, keheh, teh marbuta, tatweel
    | {
        "\u0671": "\u0627",
        "\u0649": "\u064a",
        "\u06cc": "\u064a",
        "\u06a9": "\u0643",
        "\u0629": "\u0647",
        "\u0640": None,
    }
    | {chr(hiragana): chr(hiragana + 0x60) for hiragana in (*range(0x3041, 0x3097), 0x309D, 0x309E)}
)
_ASCII = str.maketrans({chr(code): " " for code in range(128) if not chr(code).isalnum() and chr(code) not in SYMBOLS})
_ZERO_WIDTH_SPACE = "\u200b"
_BLACK_FLAG = "\U0001f3f4"


class Folded(NamedTuple):
    """`starts[i]` and `ends[i]`: the span of the original that character i comes from."""

    text: str
    starts: "range | list[int]"
    ends: "range | list[int]"


def fold(text: str) -> Folded:
    if text.isascii():
        return Folded(text.lower().translate(_ASCII), range(len(text)), range(1, len(text) + 1))
    parts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for start, end in _clusters(text):
        folded = _fold(text[start:end])
        parts.append(folded)
        starts += [start] * len(folded)
        ends += [end] * len(folded)
    return Folded("".join(parts), starts, ends)


def _clusters(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for at in range(1, len(text)):
        if not _is_attached(text[at]):
            yield start, at
            start = at
    yield start, len(text)


@lru_cache(maxsize=8192)
def _is_attached(character: str) -> bool:
    """Whether it belongs to the letter before it: a mark (also one of half width), a jamo, an invisible joiner."""
    if character.isascii():
        return False
    if "\U0001f3fb" <= character <= "\U0001f3ff":  # a skin tone
        return True
    first = unicodedata.normalize("NFKD", character)[0]
    return unicodedata.category(first) in ("Mn", "Mc", "Me", "Cf") or "\u1160" <= first <= "\u11ff"


@lru_cache(maxsize=16384)
def _fold(cluster: str) -> str:
    if cluster[0] in "™℠":  # not "tm" at the end of a word
        return " "
    folded = cluster
    for _ in range(5):  # each of these steps may give another something to do
        before, folded = folded, _fold_once(folded)
        if folded == before:
            break
    kept = "".join(character if _is_kept(character) else " " for character in folded)
    # It ends a word in scripts that have spaces, and is optional in those that have none.
    return kept + " " if _ZERO_WIDTH_SPACE in cluster and kept[-1:] < "\u0e00" else kept


def _fold_once(text: str) -> str:
    tags = text[:1] == _BLACK_FLAG
    text = "".join(each for each in text if not _is_invisible(each) or (tags and "\U000e0020" <= each <= "\U000e007f"))
    kept, base = [], ""
    for each in unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold()):
        if unicodedata.category(each) not in ("Mn", "Me"):
            base = each
        elif _within(each, _GENERAL_MARKS) or (base and _within(base, _MARKS_ARE_OPTIONAL)):
            continue
        kept.append(each)
    text = unicodedata.normalize("NFC", "".join(kept)).translate(_LETTERS)
    return "".join(_digit(each) for each in text)


def _digit(character: str) -> str:
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)


def _is_invisible(character: str) -> bool:
    """Joiners, directions, variation selectors, skin tones."""
    return (
        unicodedata.category(character) == "Cf"
        or "\ufe00" <= character <= "\ufe0f"
        or "\U000e0100" <= character <= "\U000e01ef"
        or "\U0001f3fb" <= character <= "\U0001f3ff"
    )


def _is_kept(character: str) -> bool:
    category = unicodedata.category(character)
    return (
        character.isalnum()
        or category.startswith("M")
        or character in SYMBOLS
        or (category == "So" and _within(character, _EMOJI_RANGES))
        or "\U0001f000" <= character <= "\U0001faff"  # newer emoji than this Python knows
        or "\U000e0020" <= character <= "\U000e007f"
    )


def _within(character: str, ranges: tuple[tuple[str, str], ...]) -> bool:
    return any(first <= character <= last for first, last in ranges)


_EMOJI_RANGES = tuple((EMOJI[at], EMOJI[at + 2]) for at in range(0, len(EMOJI), 3))
