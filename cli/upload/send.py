"""From a path to a video: what `wadi upload` and `wadi demo` do with each file."""

from pathlib import Path

from cli.errors import CliError
from cli.exits import Exit
from cli.model import Video
from cli.session import Session
from cli.upload.saved import SavedUploads
from cli.upload.show import progress
from cli.upload.source import SourceFile
from cli.upload.transfer import Transfer, details_of


def send(path: Path, session: Session, *, title: str | None, private: bool, patience: float) -> Video:
    source = SourceFile(path)
    transfer = Transfer(session.api, SavedUploads(session.uploads_dir), source, patience=patience)
    try:
        with progress(session.out, source, transfer) as tick:
            return transfer.run(details_of(source, title=title, private=private), tick)
    except KeyboardInterrupt:
        raise CliError(
            f"Stopped. What was sent of {path} is kept.",
            Exit.INTERRUPTED,
            hint="Run the same command again to go on with the rest.",
        ) from None
    except CliError as error:
        if error.code is Exit.UNREACHABLE:
            error.hint = "What was sent is kept: run the same command again to go on with the rest."
        raise
    finally:
        source.close()
