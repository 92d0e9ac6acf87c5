"""The stages of a video's processing, for the eye: a table that is redrawn on a screen, else a line a change."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from cli.model import RungStatus, Status
from cli.output import Output, printable

if TYPE_CHECKING:
    from rich.console import RenderableType

# Each state implies those before it.
STATES = ["uploading", "uploaded", "planned", "playable", "ready"]
BAR_WIDTH = 24


class Show(Protocol):
    def __call__(self, status: Status) -> None: ...


def follow(out: Output, statuses: Iterable[Status]) -> Status:
    """Shows every state and returns the last."""
    last: Status | None = None
    with shown(out) as show:
        for last in statuses:
            show(last)
    assert last is not None
    return last


@contextmanager
def shown(out: Output) -> Iterator[Show]:
    if out.json:
        yield lambda status: None
    elif out.live:
        from rich.live import Live

        with Live(console=out.console, refresh_per_second=8, transient=False) as live:
            yield lambda status: live.update(picture(status))
    else:
        yield _Lines(out)


class _Lines:
    """For a pipe or a log: a line is printed once."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._printed: set[str] = set()

    def __call__(self, status: Status) -> None:
        reached = [text for done, text in steps(status) if done]
        counts = "  ".join(f"{rung.name} {rung.encoded}/{rung.total}" for rung in in_order(status.renditions))
        # Uploaded and planned, then how far the segments are, then what that leads to.
        for line in [*reached[:2], *([f"  segments  {counts}"] if counts else []), *reached[2:], *warnings(status)]:
            if line not in self._printed:
                self._printed.add(line)
                self._out.say(line)


def steps(status: Status) -> list[tuple[bool, str]]:
    """(reached, words) of each stage, in the order in which a video passes them."""
    segments = max((rung.total for rung in status.renditions if not _is_sound(rung)), default=0)
    rungs = sum(not _is_sound(rung) for rung in status.renditions)
    steps = [
        (_reached(status, "uploaded"), "uploaded"),
        (_reached(status, "planned"), f"planned: {_times(segments, 'segment')} x {_times(rungs, 'rung')}"),
        (status.playable_after_s is not None, f"playable after {_seconds(status.playable_after_s)}"),
        (status.ready_after_s is not None, f"ready after {_seconds(status.ready_after_s)}"),
        (status.indexed, "indexed: the search finds it"),
    ]
    if status.state == "failed":
        reached = [step for step in steps if step[0]]
        return [*reached, (True, f"failed: {status.reason or 'no reason was given'}")]
    return steps


def warnings(status: Status) -> list[str]:
    """Sentences: what the video lacks of its source, and why that is kept."""
    told = [status.damage.message if status.damage else None, status.source_kept]
    return [printable(text) for text in told if text]


def _reached(status: Status, state: str) -> bool:
    if status.state == "failed":
        return state == "uploaded" or bool(status.renditions)
    return STATES.index(status.state) >= STATES.index(state) if status.state in STATES else False


def picture(status: Status) -> "RenderableType":
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    def step(reached: bool, words: str) -> Text:
        if words.startswith("failed"):
            return Text(f" x {printable(words)}", style="bold red")
        if reached:
            return Text.assemble((" \N{CHECK MARK} ", "green"), words)
        return Text(f" \N{MIDDLE DOT} {words}", style="dim")

    rungs = Table.grid(padding=(0, 2, 0, 0))
    for rung in in_order(status.renditions):
        bar = ProgressBar(total=max(rung.total, 1), completed=rung.encoded, width=BAR_WIDTH)
        placed = f"{rung.placed} replicated" if rung.placed else ""
        rungs.add_row(f"     {rung.name}", bar, f"{rung.encoded}/{rung.total} segments", Text(placed, style="dim"))
    lines = [step(*each) for each in steps(status)]
    again = [Text(f"     taken up again, attempt {status.attempts + 1}", style="yellow")] if status.attempts else []
    told = [Text(f" ! {text}", style="yellow") for text in warnings(status)]
    return Group(*lines[:2], rungs, *again, *lines[2:], *told)


def in_order(renditions: list[RungStatus]) -> list[RungStatus]:
    """Tallest rung first, audio last."""

    def height(rung: RungStatus) -> int:
        digits = "".join(c for c in rung.name if c.isdigit())
        return int(digits) if digits and not _is_sound(rung) else 0

    return sorted(renditions, key=lambda rung: (_is_sound(rung), -height(rung), rung.name))


def _is_sound(rung: RungStatus) -> bool:
    return rung.name.partition("-")[0] == "audio"  # and audio-2, audio-3 …


def _times(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _seconds(value: float | None) -> str:
    return "…" if value is None else f"{value:.1f} s"
