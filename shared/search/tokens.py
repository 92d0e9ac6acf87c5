"""The words of a text, for documents and queries, and so for both engines: this module alone says what a word is.

- A word is letters, digits and marks, as `spelling.py` spells them: "my_holiday-2024.mp4" is four.
- Scripts without spaces (and Hangul, whose words are compounds) are split into pairs of letters, one for each letter:
  東京タワー is 東京 京タ タワ ワー ー. A part of it, タワー, is the phrase タワ ワー; a single letter begins a pair.
- An emoji is a word: of skin tones and joiners nothing is left, so 👍 finds 👍🏽, and 👩 finds 👩‍🚀. A flag is one.
- C++, C#, F♯ and Disney+ are two words, .NET is two and AT&T three: `c++` is the phrase c ++.
"""

import re
from typing import NamedTuple

from shared.search.spelling import EMOJI, SYMBOLS, TAGS, fold

MAX_WORD = 100  # characters; the rest of a longer one is not searched

_PAIRED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f"  # Myanmar
    "\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff"  # Hangul
    "\u1780-\u17ff\u1950-\u19ff\u1a20-\u1aaf\u1b00-\u1b7f\ua980-\ua9df"  # Khmer, Tai, Balinese, Javanese
    "\u3005-\u3007\u3021-\u3029\u3040-\u30ff\u31f0-\u31ff\U0001b000-\U0001b16f"  # kana
    "\u3100-\u312f\u31a0-\u31bf"  # Bopomofo
    "\u2e80-\u2fdf\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
_LETTER = rf"[^\s{re.escape(SYMBOLS)}{EMOJI}{TAGS}{_PAIRED}]"
_TOKEN = re.compile(
    rf"(?P<run>[{_PAIRED}]+)"
    rf"|[\U0001f1e6-\U0001f1ff]{{2}}|[{EMOJI}][{TAGS}]*"
    rf"|{_LETTER}+"
    rf"|(?<={_LETTER})(?:\+\+|[+#](?!{_LETTER}))"  # C++, C#
    rf"|(?<!\S)\.(?!\d)(?={_LETTER})"  # .NET
    rf"|(?<={_LETTER})(?<!{_LETTER * 3})&(?={_LETTER}{{1,2}}(?!{_LETTER}))"  # AT&T, R&B
)


class Token(NamedTuple):
    """`start` to `end` is where it is in the text, `letter_end` where the first letter of a pair ends.
    `left`: how many letters of a run there are from here on, 1 at its last; 0 for a word."""

    text: str
    start: int
    end: int
    letter_end: int
    left: int


def tokens(text: str) -> list[Token]:
    folded, starts, ends = fold(text) if text else ("", [], [])
    found = []
    for match in _TOKEN.finditer(folded):
        first, last = match.span()
        if match["run"] is None:
            found.append(Token(match[0][:MAX_WORD], starts[first], ends[last - 1], ends[last - 1], 0))
            continue
        for at in range(first, last):
            pair = folded[at : min(at + 2, last)]
            found.append(Token(pair, starts[at], ends[at + len(pair) - 1], ends[at], last - at))
    return found


class Searched(NamedTuple):
    """What a query asks for by some text: words that follow one another. `open`: the last is a single letter of a
    run, which a pair begins with. `complete`: the last is a pair, so nothing is unfinished."""

    words: tuple[str, ...]
    open: bool
    complete: bool


def searched(text: str) -> Searched:
    found = tokens(text)
    if len(found) > 1 and found[-1].left == 1 and found[-2].left == 2:  # more may follow it in a document
        found.pop()
    last = found[-1].left if found else 0
    return Searched(tuple(each.text for each in found), last == 1, last > 1)
