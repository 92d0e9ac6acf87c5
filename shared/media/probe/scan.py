"""Read all packets of a source once, and decode a few pictures: everything that planning needs to know."""

from contextlib import ExitStack
from itertools import pairwise

from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from shared.media.errors import MediaError
from shared.media.model import (
    AUDIO_RENDITION,
    AudioTrack,
    Part,
    Ratio,
    ScanResult,
    SourceInfo,
    StreamCount,
)
from shared.media.mp4 import top_level_types
from shared.media.planning.frame_rate import tidy_rate, typical_rate
from shared.media.probe.alpha import has_hidden_alpha
from shared.media.probe.byte_reader import ByteReader
from shared.media.probe.choose import Choice, choose_again, choose_over
from shared.media.probe.container import open_container
from shared.media.probe.drift import stretch
from shared.media.probe.extras import chapters, is_text_subtitle, language, subtitle_tracks, track_name
from shared.media.probe.packets import AudioPackets, PacketScan, StreamPackets, VideoPackets
from shared.media.probe.parts import edges_at, known_edges
from shared.media.probe.pictures import Pictures, in_order, read_by_packets, sample_aspect_ratio
from shared.media.probe.timeline import named_rate
from shared.media.sandbox.input import MAX_PICTURE, MAX_PIXELS

SEEKABLE_FORMATS = {"mov", "mp4", "matroska", "webm"}
# ISO/IEC 23091-2 (coding-independent code points): transfer characteristics and matrix coefficients
HDR_TRANSFERS = {16: "pq", 18: "hlg"}
MATRIX_RGB = 0
MATRIX_UNSPECIFIED = 2


def scan(source: str) -> ScanResult:
    """Raises MediaError when the source has no video that can be decoded."""
    reader = ByteReader(source)
    with ExitStack() as opened:
        container = opened.enter_context(open_container(source))
        formats = set(container.format.name.split(","))
        edges, programmes = known_edges(reader, formats)
        fragmented, head = "mp4" in formats and "moof" in top_level_types(reader), 0
        if not edges:
            found = PacketScan(container, fragmented=fragmented)
            edges, head = edges_at(reader, formats, found.clock.jumps)
        spans = [(start, end, head if start else 0) for start, end in pairwise([0, *edges, reader.size])]
        if edges:
            container = opened.enter_context(open_container(source, spans[0]))
            found = PacketScan(container, fragmented=fragmented)
        scans, read = [found], [spans[0]]
        for span in spans[1:]:
            try:
                part = opened.enter_context(open_container(source, span))
                scans.append(PacketScan(part, fragmented=fragmented))
            except MediaError:  # bytes behind the film that are nothing
                continue
            read.append(span)
        choice = choose_over(scans, programmes)
        parts = [Part(*span, *choose_again(each, programmes, choice)) for span, each in zip(read, scans, strict=True)]
        irregular = len(parts) > 1 or found.clock.jumps or choice.video.is_cover or _needs_reading(choice.video)
        pictures = None if irregular else in_order(choice, formats)
        if pictures is None:
            pictures = read_by_packets(parts, scans, choice, formats)
        return ScanResult(
            pts=pictures.pts,
            keyframes=pictures.keyframes,
            start=pictures.start,
            end=pictures.end,
            info=_info(container, choice, pictures, scans),
            entries=pictures.entries,
        )


def _needs_reading(video: VideoPackets) -> bool:
    """Whether the ffmpeg program would not show what the pictures are."""
    return has_hidden_alpha(video.stream) or (video.shapes is not None and video.shapes.changes)


def _info(container: InputContainer, choice: Choice, pictures: Pictures, scans: list[PacketScan]) -> SourceInfo:
    video, first = choice.video.video, choice.video.pictures[0]
    named = named_rate(video)
    formats = set(container.format.name.split(","))
    width, height = _display_size(first, video)
    zero = float(pictures.start * pictures.time_base) if pictures.reading is None else 0.0
    return SourceInfo(
        container=container.format.name,
        video_codec=video.codec_context.codec.name,
        width=width,
        height=height,
        rotation=round(-first.rotation / 90) % 4 * 90,
        time_base=Ratio.of(pictures.time_base),
        frame_rate=Ratio.of(tidy_rate(typical_rate(pictures.pts, pictures.time_base, named), named)),
        container_start=(container.start_time or 0) / 1_000_000,  # AV_TIME_BASE: microseconds
        frames=len(pictures.pts),
        start_pts=pictures.pts[0],
        end_pts=pictures.end,
        interlaced=video.codec_context.field_order > 1 or any(p.interlaced_frame for p in choice.video.pictures),
        hdr=HDR_TRANSFERS.get(first.color_trc, ""),
        seekable=bool(formats & SEEKABLE_FORMATS),
        audio=[_track(number, audio) for number, audio in enumerate(choice.audio, 1)],
        stream_index=choice.video.index,
        sample_format=first.format.name,
        untagged_matrix=_untagged_matrix(first, height),
        subtitles=subtitle_tracks(container),
        chapters=chapters(container, zero, float((pictures.end - pictures.start) * pictures.time_base)),
        streams=_counts(choice, pictures, scans),
        reading=pictures.reading,
    )


def _track(number: int, packets: AudioPackets) -> AudioTrack:
    frame, stream = packets.first_frame, packets.stream
    assert frame is not None
    return AudioTrack(
        rendition=AUDIO_RENDITION if number == 1 else f"{AUDIO_RENDITION}-{number}",
        stream_index=packets.index,
        codec=packets.codec,
        channels=packets.channels,
        sample_rate=frame.sample_rate,
        language=language(stream.metadata.get("language", "")),
        name=track_name(stream.metadata),
        stretch=stretch(packets),
        order=packets.order,
    )


def _counts(choice: Choice, pictures: Pictures, scans: list[PacketScan]) -> list[StreamCount]:
    """Of the first part's streams, over all parts."""
    counts = [StreamCount(choice.video.index, "video", choice.video.codec, len(pictures.pts))]
    for each in scans[0].video.values():
        if each is not choice.video:
            counts.append(_count(each, "video", len(each.pts), choice))
    for audio in scans[0].audio.values():
        counts.append(_count(audio, "audio", _samples(audio), choice))
    for other in scans[0].other.values():
        kind = other.stream.type
        if kind == "subtitle":
            reason = "" if is_text_subtitle(other.stream) else "subtitles that are pictures"
        else:
            reason = "it is neither picture nor sound"
        known = kind if kind in ("subtitle", "data", "attachment") else "data"
        counts.append(StreamCount(other.index, known, other.codec, len(other.pts), reason))
    return counts


def _count(packets: StreamPackets, kind: str, units: int, choice: Choice) -> StreamCount:
    return StreamCount(packets.index, kind, packets.codec, units, choice.left_out.get(packets.index, ""))


def _samples(audio: AudioPackets) -> int:
    """At the stream's own rate; packets, where that is not known because none of them could be decoded."""
    if audio.first_frame is None:
        return len(audio.pts)
    return round(sum(audio.durations) * audio.time_base * audio.first_frame.sample_rate)


def _display_size(picture: VideoFrame, video: VideoStream) -> tuple[int, int]:
    """Width and height with square pixels, after rotation."""
    width, height = picture.width, picture.height
    if width * height > MAX_PIXELS:
        raise MediaError(f"The picture is {width} x {height} pixels, more than the {MAX_PICTURE} that Wadi takes.")
    aspect = sample_aspect_ratio(video)
    if aspect != 1:
        width = max(1, round(width * aspect))
    return (height, width) if round(picture.rotation / 90) % 2 else (width, height)


def _untagged_matrix(picture: VideoFrame, height: int) -> str:
    """Players guess the colours of an untagged picture by its size; a ladder must not change colour between rungs."""
    if picture.colorspace == MATRIX_RGB:
        return "bt709"
    if picture.colorspace != MATRIX_UNSPECIFIED:
        return ""
    return "bt709" if height >= 720 else "smpte170m"
