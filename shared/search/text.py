"""Folds text for comparison: no case, accents or punctuation. Documents and queries are folded alike."""

import unicodedata
from functools import lru_cache

# Scripts in which a letter and the same letter with a mark are typed for one another. In others, as Devanagari, Hangul
# or kana, a mark makes another letter.
END_OF_LATIN_GREEK_CYRILLIC = "\u0530"


def fold(text: str) -> str:
    """The words of the text, one character for each of the text's: a position in one is a position in the other.

    What is neither a letter nor a digit becomes a space, so that "my_holiday-2024.mp4" is four words.
    """
    return "".join(map(_fold, text))


@lru_cache(maxsize=8192)
def _fold(character: str) -> str:
    parts = unicodedata.normalize("NFKD", character)
    if parts[0] < END_OF_LATIN_GREEK_CYRILLIC and all(unicodedata.combining(mark) for mark in parts[1:]):
        character = parts[0]
    if not character.isalnum() and not unicodedata.category(character).startswith("M"):
        return " "
    return next((lower for lower in (character.casefold(), character.lower()) if len(lower) == 1), character)
