"""shared.runtime.serve with every encode replaced by a copy of files encoded before.

    local up --module tools.bench.copying

What is measured then is everything else that the platform does with a video. BENCH_PIECES names the folder of the
files, which `prepare` fills from one clip. Only that clip may then be uploaded.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec

from shared.media.audio import encode as audio
from shared.media.encode import segment
from shared.media.model import MediaSegment, Plan, Thumbnails
from shared.media.pictures import thumbnails
from shared.media.planning.plan import plan
from shared.runtime import serve


class Encoded(msgspec.Struct):
    video: list[MediaSegment]
    audio: list[MediaSegment]
    pictures: Thumbnails


def prepare(clip: Path, folder: Path) -> None:
    """Encodes the clip once, into `folder`."""
    planned, segments = plan(str(clip)), []
    for index in range(planned.segments):
        out, renditions = folder / str(index), [each.name for each in planned.renditions]
        out.mkdir(parents=True)
        segments += segment.encode_segment(str(clip), planned, index, renditions, out, threads=2)
    sound = list(audio.encode_audio(str(clip), planned, folder / "audio", "audio"))
    encoded = Encoded(segments, sound, thumbnails.make_thumbnails(str(clip), planned, folder / "pictures"))
    (folder / "encoded.json").write_bytes(msgspec.json.encode(encoded))


def main() -> None:
    for module, name, copy in (
        (segment, "encode_segment", copy_segment),
        (audio, "encode_audio", copy_audio),
        (thumbnails, "make_thumbnails", copy_thumbnails),
    ):
        setattr(module, name, copy)
    serve.main()


def copy_segment(
    _source: str, _plan: Plan, index: int, renditions: list[str], out_dir: Path, *, threads: int = 1, niceness: int = 0
) -> list[MediaSegment]:
    del threads, niceness
    wanted = [each for each in _encoded().video if each.index == index and each.rendition in renditions]
    return [_copied(each, out_dir) for each in wanted]


def copy_audio(_source: str, _plan: Plan, out_dir: Path) -> Iterator[MediaSegment]:
    out_dir.mkdir(parents=True, exist_ok=True)
    for each in _encoded().audio:
        yield _copied(each, out_dir)


def copy_thumbnails(_source: str, _plan: Plan, out_dir: Path) -> Thumbnails:
    out_dir.mkdir(parents=True, exist_ok=True)
    made = _encoded().pictures
    board = msgspec.structs.replace(
        made.storyboard, sheets=[shutil.copy(sheet, out_dir / Path(sheet).name) for sheet in made.storyboard.sheets]
    )
    board = msgspec.structs.replace(board, sheets=[str(sheet) for sheet in board.sheets])
    return Thumbnails(str(shutil.copy(made.poster_path, out_dir / "poster.jpg")), board)


def _copied(original: MediaSegment, out_dir: Path) -> MediaSegment:
    stem = f"{original.rendition}-{original.index}"
    path = out_dir / f"{stem}{Path(original.path).suffix}"
    init = out_dir / f"{stem}-init{Path(original.init_path).suffix}"
    shutil.copy(original.path, path)
    shutil.copy(original.init_path, init)
    return msgspec.structs.replace(original, path=str(path), init_path=str(init))


def _encoded() -> Encoded:
    return msgspec.json.decode((Path(os.environ["BENCH_PIECES"]) / "encoded.json").read_bytes(), type=Encoded)


if __name__ == "__main__":
    main()
