"""Films on their way through the functions that make them playable: real files, encoded for real."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from events import EVENTS, Event, SegmentEncoded, VideoUploaded
from shared.db import transaction
from shared.ids import new_id
from shared.media.audio.timing import boundaries
from shared.media.model import AUDIO_RENDITION, FRAME_SAMPLES, SAMPLE_RATE, TIMESCALE, Plan
from shared.outbox import publish
from shared.runtime.capability import EventCapability
from shared.storage import record, store_file
from shared.storage.nodes.location import local_stores
from tests.conftest import Database
from tests.films.stored import recorded, store_bytes
from tests.functions.people import Person
from tests.functions.waking import deliver
from tests.media.clips import cached, clip, ffmpeg, sweep_file
from tests.runtime.envelopes import assert_valid
from tools.generate.capabilities import capabilities

ENCODERS = ("plan_video", "transcode_segment", "transcode_priority", "transcode_audio")


def short_file() -> Path:
    """One segment of one rung, with sound."""
    return clip("short.mp4", frames=60)


def silent_file() -> Path:
    return clip("silent.mp4", frames=30, audio="")


def long_file() -> Path:
    """Three segments of two rungs, with sound."""
    return clip("long.mp4", frames=140, rate="5", size=(854, 480))


SUBTITLES = """1
00:00:00,500 --> 00:00:02,000
Guten <b>Tag</b> & <i>willkommen</i>
in der Wüste

2
00:00:01,500 --> 00:00:03,000
5 < 6

3
00:00:20,000 --> 00:00:40,000
Bis zum Ende
"""
CHAPTERS = """;FFMETADATA1
[CHAPTER]
TIMEBASE=1/1000
START=0
END=10000
title=Morning
[CHAPTER]
TIMEBASE=1/1000
START=12000
END=99000
title=Evening & night
"""
LANGUAGES = "-metadata:s:a:0 language=ger -metadata:s:a:1 language=eng -metadata:s:s:0 language=ger"
NAMES = ("-metadata:s:a:1", "title=Director's commentary", "-metadata:s:s:1", "title=Signs")


def tracks_file(name: str = "tracks.mkv", text: str = "srt") -> Path:
    """As long_file, with two sound tracks, two of subtitles (the second forced, without a language), and chapters."""

    def make(path: Path) -> None:
        words, marks = path.with_suffix(".srt"), path.with_suffix(".txt")
        words.write_text(SUBTITLES)
        marks.write_text(CHAPTERS)
        inputs: list[str | Path] = ["-i", long_file(), "-i", sweep_file(28), "-i", words, "-i", words, "-i", marks]
        maps = "-map 0:v -map 0:a -map 1:a -map 2:s -map 3:s -map_metadata 4 -map_chapters 4"
        codecs = f"-c:v copy -c:a aac -ac 2 -c:s {text} -disposition:s:0 0 -disposition:s:1 forced"
        ffmpeg(*inputs, *maps.split(), *codecs.split(), *LANGUAGES.split(), *NAMES, path)
        words.unlink()
        marks.unlink()

    return cached(name, ("tracks", text, SUBTITLES, CHAPTERS, LANGUAGES, NAMES), make)


class Film:
    """A video in the database, and what became of it."""

    def __init__(self, database: Database, video_id: str, owner: Person) -> None:
        self.database = database
        self.id = video_id
        self.owner = owner
        self._delivered: set[tuple[str, str]] = set()

    @property
    def row(self) -> dict[str, Any]:
        (row,) = self._all("select * from video where id = %s", (self.id,))
        return row

    @property
    def state(self) -> str:
        return str(self.row["state"])

    def set(self, **columns: Any) -> None:
        """Changes columns of the video behind the functions' back."""
        names = ", ".join(f"{name} = %s" for name in columns)
        self._do(f"update video set {names} where id = %s", (*columns.values(), self.id))

    def ago(self, column: str, seconds: float) -> None:
        """What happened at that time happened so long ago."""
        self._do(f"update video set {column} = now() - make_interval(secs => %s) where id = %s", (seconds, self.id))

    def segments(self, *, encoded: bool = True) -> list[dict[str, Any]]:
        only = " and object_key is not null" if encoded else ""
        return self._all(f"select * from media_segment where video_id = %s{only} order by rendition, index", (self.id,))

    def sent(self, *kinds: type[Event]) -> list[Event]:
        """The events about it in their topics, in order: all, or of these kinds. Each is valid."""
        return [msgspec.convert(e["data"], EVENTS[e["type"]]) for e in self._events() if not kinds or _is(e, kinds)]

    def run(self, *capabilities: str) -> None:
        """Delivers what was sent to these capabilities, once each, until nothing new comes."""
        while new := [
            (capability, event)
            for event in self._events()
            for capability in capabilities
            if event["type"] in topics_of(capability) and (capability, event["id"]) not in self._delivered
        ]:
            for capability, event in new:
                self._delivered.add((capability, event["id"]))
                payload = msgspec.convert(event["data"], EVENTS[event["type"]])
                answer = deliver(capability, payload, event["id"])
                assert answer.status_code == 204, answer.text

    @property
    def source_file(self) -> Path:
        """Where the uploaded file is on the disk of its node."""
        (node,) = recorded(self.database, self.row["source_key"])
        path = local_stores()[node].local_path(self.row["source_key"])
        assert path is not None
        return path

    def lose_source(self) -> None:
        """Whoever still wants to read the uploaded file comes to grief."""
        self._do("delete from replica where object_key = %s", (self.row["source_key"],))

    def encoded(self, rendition: str, index: int) -> SegmentEncoded:
        """Brings a media segment in without encoding it, for what only counts them; its event."""
        segment = self._row(rendition, index)
        key = store_bytes(f"videos/{self.id}/{rendition}/{index}-0123abcd.m4s", b"a segment", self.id)
        init = store_bytes(f"videos/{self.id}/{rendition}/init-0123abcd.mp4", b"an init segment", self.id)
        plan = msgspec.convert(self.row["plan"], Plan)
        timescale, frames = TIMESCALE, plan.frames[index]
        start, end = (round(plan.seconds(cut) * TIMESCALE) for cut in plan.cuts[index : index + 2])
        if rendition.startswith(AUDIO_RENDITION):
            first, after = boundaries(plan)[index : index + 2]
            start, end, timescale, frames = first * FRAME_SAMPLES, after * FRAME_SAMPLES, SAMPLE_RATE, after - first
        self._do(
            "update media_segment set object_key = %s, init_key = %s, encoded_at = now(), start = %s, duration = %s,"
            " timescale = %s, frames = %s where id = %s",
            (key, init, start, end - start, timescale, frames, segment),
        )
        return SegmentEncoded(self.id, segment, rendition, index, key, init)

    def encoded_for_show(self, rendition: str, index: int) -> None:
        """The same with the times that its plan gives it, for what lists them."""
        plan = self.row["plan"]
        base = plan["source"]["time_base"]
        timescale = base["den"] // base["num"]
        self.encoded(rendition, index)
        self._do(
            "update media_segment set start = %s, duration = %s, timescale = %s, size = 9, codecs = 'avc1.640028'"
            " where video_id = %s and rendition = %s and index = %s",
            (
                plan["cuts"][index] - plan["cuts"][0],
                plan["cuts"][index + 1] - plan["cuts"][index],
                timescale,
                self.id,
                rendition,
                index,
            ),
        )

    def twin(self) -> "Film":
        """Another video in the same state, with the same objects: to change and to watch for itself."""
        twin = Film(self.database, new_id(), self.owner)
        of = {"twin": twin.id, "id": self.id}
        copied = "(jsonb_populate_record(t, jsonb_build_object({}))).* from {} t where {} = %(id)s"
        self._do("insert into video select " + copied.format("'id', %(twin)s", "video", "id"), of)
        segment = "'id', gen_random_uuid()::text, 'video_id', %(twin)s"
        self._do("insert into media_segment select " + copied.format(segment, "media_segment", "video_id"), of)
        return twin

    # by the functions' own connections: a new one for every question would take most of the tests' time

    def _all(self, sql: str, params: Any) -> list[dict[str, Any]]:
        with transaction() as tx:
            return tx.all(dict[str, Any], sql, params)

    def _do(self, sql: str, params: Any) -> None:
        with transaction() as tx:
            tx.execute(sql, params)

    def _row(self, rendition: str, index: int) -> str:
        (row,) = self._all(
            "insert into media_segment (id, video_id, rendition, index) values (%s, %s, %s, %s)"
            " on conflict (video_id, rendition, index) do update set rendition = excluded.rendition returning id",
            (new_id(), self.id, rendition, index),
        )
        return str(row["id"])

    def _events(self) -> list[dict[str, Any]]:
        rows = self._all(
            "select event from topic_record where key = %(id)s or key like %(id)s || '/%%' order by position",
            {"id": self.id},
        )
        for row in rows:
            assert_valid(row["event"])
        return [row["event"] for row in rows]


def _is(event: dict[str, Any], kinds: Iterable[type[Event]]) -> bool:
    return any(event["type"] == kind.type for kind in kinds)


@cache
def topics_of(capability: str) -> list[str]:
    (declared,) = [each for each in capabilities() if each.name == capability]
    assert isinstance(declared, EventCapability)
    return [event.type for event in declared.events]


def uploaded(database: Database, owner: Person, file: Path, visibility: str = "public") -> Film:
    """As complete_upload leaves it."""
    film = Film(database, new_id(), owner)
    stored = store_file(f"sources/{film.id}", file, film.id)
    with transaction("/wadi/complete-upload") as tx:
        record(tx, stored)
        tx.execute(
            "insert into video"
            " (id, owner_id, title, visibility, state, source_key, source_name, source_size, uploaded_at)"
            " values (%s, %s, %s, %s, 'uploaded', %s, %s, %s, now())",
            (
                film.id,
                owner.user_id,
                f"Film {film.id[-4:]}",
                visibility,
                stored.object.key,
                file.name,
                stored.object.size,
            ),
        )
        publish(tx, VideoUploaded(film.id, stored.object.key, file.name, stored.object.size))
    return film


def planned(database: Database, owner: Person, file: Path, visibility: str = "public") -> Film:
    film = uploaded(database, owner, file, visibility)
    film.run("plan_video")
    assert film.state == "planned"
    return film


def finished(database: Database, owner: Person, file: Path, visibility: str = "public") -> Film:
    """Ready, with its pictures and subtitles."""
    film = uploaded(database, owner, file, visibility)
    film.run(*ENCODERS, "make_thumbnails", "extract_subtitles", "publish_video")
    assert film.state == "ready"
    return film


def absent(database: Database, owner: Person) -> Film:
    """A video that was deleted meanwhile."""
    return Film(database, new_id(), owner)
