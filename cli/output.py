"""What a command prints. Results go to stdout, remarks to stderr.

With --json, stdout has one JSON object a line and nothing else, and remarks are silent.
"""

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from rich.console import Console

# Tables that go to a file or a pipe are not cut to the width of a screen.
WIDTH_OF_A_PIPE = 240


class Output:
    def __init__(self, *, json: bool, color: bool) -> None:
        self.json = json
        self._color = color
        self._console: Console | None = None

    @property
    def console(self) -> "Console":
        """rich's console, made at the first use: it takes a while to import."""
        if self._console is None:
            from rich.console import Console

            width = None if sys.stdout.isatty() else WIDTH_OF_A_PIPE
            self._console = Console(no_color=None if self._color else True, width=width, highlight=False)
        return self._console

    @property
    def live(self) -> bool:
        """Whether stdout is a screen on which lines can be redrawn."""
        return not self.json and self.console.is_terminal and not self.console.is_dumb_terminal

    def emit(self, value: Any) -> None:
        """One result for a script."""
        sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
        sys.stdout.flush()

    def say(self, text: str = "", *, style: str | None = None) -> None:
        """One line of a result for a person."""
        if not self.json:
            self.console.print(printable(text), style=style, markup=False, emoji=False, soft_wrap=True)
            sys.stdout.flush()

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        if self.json:
            return
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for heading in headings:
            # A cut identifier is of no use to anyone.
            table.add_column(heading, no_wrap=True, overflow="ignore" if heading == "id" else "ellipsis")
        for row in rows:
            table.add_row(*(Text(printable(cell)) for cell in row))
        self.console.print(table)

    def note(self, text: str) -> None:
        """A remark that is not part of the result."""
        if not self.json:
            print(printable(text), file=sys.stderr, flush=True)

    def error(self, text: str, hint: str = "") -> None:
        print(f"wadi: {printable(text)}", file=sys.stderr)
        if hint:
            print(f"      {printable(hint)}", file=sys.stderr)
        sys.stderr.flush()


def printable(text: str) -> str:
    """The text without control characters: a title from elsewhere must not steer the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)
