"""An upload for the eye: a bar with speed and time left on a screen, else one line at its end."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cli.output import Output, printable
from cli.upload.source import SourceFile
from cli.upload.transfer import Transfer


@contextmanager
def progress(out: Output, source: SourceFile, transfer: Transfer) -> Iterator[Callable[[], None]]:
    """Gives the function that is to be called while the upload goes on."""
    began = time.monotonic()
    if not out.live:
        yield _remarks(out, source, transfer)
    else:
        with _bar(out, source, transfer) as tick:
            yield tick
    seconds = max(time.monotonic() - began, 0.001)
    moved = source.size - transfer.resumed_at
    out.say(f"{source.name}: {size(source.size)} uploaded in {seconds:.1f} s ({size(moved / seconds)}/s)")


@contextmanager
def _bar(out: Output, source: SourceFile, transfer: Transfer) -> Iterator[Callable[[], None]]:
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[last_error]}", style="yellow", markup=False),
    )
    with Progress(*columns, console=out.console, transient=True) as bar:
        task = bar.add_task(source.name, total=source.size, last_error="")
        told = False

        def tick() -> None:
            nonlocal told
            if transfer.resumed_at and not told:
                told = True
                bar.console.print(_going_on(source, transfer), markup=False)
            bar.update(task, completed=transfer.sent, last_error=printable(transfer.last_error))

        yield tick


def _remarks(out: Output, source: SourceFile, transfer: Transfer) -> Callable[[], None]:
    last = ""

    def tick() -> None:
        nonlocal last
        for remark in (_going_on(source, transfer), transfer.last_error and f"{transfer.last_error} Trying again."):
            if remark and remark > "" and remark != last:
                out.note(remark)
                last = remark

    return tick


def _going_on(source: SourceFile, transfer: Transfer) -> str:
    if not transfer.resumed_at:
        return ""
    return f"{source.name}: going on after {size(transfer.resumed_at)} that arrived before"


def size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
