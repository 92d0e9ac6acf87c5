"""Films that were never encoded: rows and nothing else, for what only looks them up."""

from datetime import timedelta

from shared.db import Transaction
from shared.ids import new_id
from shared.media.model import AudioTrack, Plan, Ratio, SourceInfo
from shared.media.planning.ladder import ladder

SEGMENT_S = 10
TIMESCALE = 90_000


def ready_film(tx: Transaction, owner: str, nodes: list[str], minutes: int) -> str:
    """A 1080p film of this length, all of its media segments on all of these nodes; its id."""
    video, segments = new_id(), minutes * 60 // SEGMENT_S
    plan = _plan(segments)
    tx.execute(
        "insert into video (id, owner_id, title, description, visibility, state, plan, subtitles_done, thumbnails_done,"
        " uploaded_at, ready_at) values (%s, %s, 'A film', 'About this and that.', 'public', 'ready', %s, true, true,"
        " now() - %s, now())",
        (video, owner, tx.json(plan), timedelta(minutes=minutes)),
    )
    rows = []
    for name in [*(each.name for each in plan.renditions), "audio"]:
        folder = f"videos/{video}/{name}"
        codecs = "mp4a.40.2" if name == "audio" else "avc1.640028"
        init = f"{folder}/init-0123abcd.mp4"
        for index in range(segments):
            times = (index * SEGMENT_S * TIMESCALE, SEGMENT_S * TIMESCALE, TIMESCALE)
            key = f"{folder}/{index}-0123abcd.m4s"
            rows.append((new_id(), video, name, index, key, init, *times, 250, codecs, 1_500_000, "0" * 64))
    tx.execute_many(
        "insert into media_segment (id, video_id, rendition, index, object_key, init_key, start, duration, timescale,"
        " frames, codecs, size, sha256) values %s",
        rows,
    )
    tx.execute("update media_segment set encoded_at = now(), placed_at = now() where video_id = %s", (video,))
    keys = sorted({key for row in rows for key in row[4:6]})
    tx.execute_many(
        "insert into object (key, video_id, size, sha256) values %s",
        [(key, video, 1_500_000, "0" * 64) for key in keys],
    )
    tx.execute_many("insert into replica (object_key, node_id) values %s", [(k, n) for k in keys for n in nodes])
    return video


def _plan(segments: int) -> Plan:
    rate = Ratio(25, 1)
    source = SourceInfo(
        container="mov,mp4",
        video_codec="h264",
        width=1920,
        height=1080,
        rotation=0,
        time_base=Ratio(1, TIMESCALE),
        frame_rate=rate,
        container_start=0.0,
        frames=segments * SEGMENT_S * 25,
        start_pts=0,
        end_pts=segments * SEGMENT_S * TIMESCALE,
        interlaced=False,
        hdr="",
        seekable=True,
        audio=[AudioTrack("audio", 1, "aac", 2, 48_000)],
    )
    return Plan(
        source=source,
        cuts=[index * SEGMENT_S * TIMESCALE for index in range(segments + 1)],
        frames=[SEGMENT_S * 25] * segments,
        renditions=ladder(source.width, source.height, rate.fraction()),
        output_frame_rate=rate,
        target_duration=SEGMENT_S,
        seeks=[index * SEGMENT_S * TIMESCALE for index in range(segments)],
    )
