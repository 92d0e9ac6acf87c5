"""The text of a cue: from that of ASS, which FFmpeg's decoders give for every format, to that of WebVTT."""

import re

_TOKEN = re.compile(r"\{([^}]*)\}|\\([Nnh{}\\])")
# a style, a drawing, or the end of all styles
_OVERRIDE = re.compile(r"\\(b|i|u|p)(\d*)(?![A-Za-z(&])|\\r")
_ESCAPES = {"N": "\n", "n": "\n", "h": "\N{NO-BREAK SPACE}"}
_UNSEEN = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f]")


def webvtt_text(ass: str) -> str:
    """The text of an ASS event as WebVTT: bold, italics and underline are kept, drawings and other markup are not.

    Lines that are empty are left out, since one would end the cue. "" when nothing is left to show.
    """
    runs: list[tuple[frozenset[str], str]] = []
    styles: set[str] = set()
    drawing, at = False, 0
    for token in _TOKEN.finditer(ass):
        _add(runs, styles, "" if drawing else ass[at : token.start()])
        at = token.end()
        overrides, escape = token.groups()
        if escape is not None:
            _add(runs, styles, "" if drawing else _ESCAPES.get(escape, escape))
            continue
        for override in _OVERRIDE.finditer(overrides):
            style, value = override.groups()
            if style is None:
                styles.clear()
            elif style == "p":
                drawing = int(value or 0) > 0
            elif int(value or 0) > 0:
                styles.add(style)
            else:
                styles.discard(style)
    _add(runs, styles, "" if drawing else ass[at:])
    return _without_empty_lines(runs)


def _add(runs: list[tuple[frozenset[str], str]], styles: set[str], text: str) -> None:
    text = _UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    if not text:
        return
    if runs and runs[-1][0] == styles:
        runs[-1] = runs[-1][0], runs[-1][1] + text
    else:
        runs.append((frozenset(styles), text))


def _without_empty_lines(runs: list[tuple[frozenset[str], str]]) -> str:
    """Styles are closed at the end of each line, so that lines can be left out."""
    lines: list[list[tuple[frozenset[str], str]]] = [[]]
    for styles, text in runs:
        first, *others = text.split("\n")
        lines[-1].append((styles, first))
        lines += ([(styles, other)] for other in others)
    shown = (line for line in lines if "".join(text for _, text in line).strip())
    return "\n".join("".join(_tagged(styles, text) for styles, text in line).strip() for line in shown)


def _tagged(styles: frozenset[str], text: str) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")  # WebVTT §4.2.2
    if not text.strip():
        return text
    for style in sorted(styles, reverse=True):
        text = f"<{style}>{text}</{style}>"
    return text
