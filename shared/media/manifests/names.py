"""What tracks are named in menus, and which a player may choose by the viewer's language."""

from collections.abc import Iterator, Sequence
from itertools import count

from shared.media.languages import english_name
from shared.media.model import AudioTrack, SubtitleTrack


def track_names(tracks: Sequence[AudioTrack | SubtitleTrack], kind: str) -> list[str]:
    """One for each track: the file's, else its language's in English, else `kind` and its number. All are different."""
    names: list[str] = []
    for number, track in enumerate(tracks, 1):
        name = _shown(track.name) or english_name(track.language) or (kind if len(tracks) == 1 else f"{kind} {number}")
        names.append(next(each for each in _variants(name, english_name(track.language), number) if each not in names))
    return names


def _variants(name: str, language: str, number: int) -> Iterator[str]:
    yield name
    if language and language != name:
        yield f"{name} ({language})"
    yield from (f"{name} ({n})" for n in count(number))


def first_of_language(tracks: Sequence[AudioTrack | SubtitleTrack]) -> list[bool]:
    """RFC 8216 §4.3.4.1.1: of those that a player chooses by itself, no two may have the same attributes."""
    seen: set[tuple[str, bool]] = set()
    first = []
    for track in tracks:
        kind = track.language, isinstance(track, SubtitleTrack) and track.forced
        first.append(kind not in seen)
        seen.add(kind)
    return first


def _shown(name: str) -> str:
    """RFC 8216 §4.2: a quoted string has no double quote and no line feed."""
    return " ".join(name.replace('"', "'").split())
