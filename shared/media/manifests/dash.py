"""The DASH manifest, an MPD (ISO/IEC 23009-1).

Its media are named by a SegmentTemplate below one BaseURL. FFmpeg's demuxer gives a URL no more room than the MPD's own
URL and its BaseURLs take, so a SegmentURL with a signature of its own would be cut off. It also takes each BaseURL as
relative to the MPD and not to the BaseURL around it, so none is inside another.
"""

from xml.sax.saxutils import escape, quoteattr

from shared.media.manifests.bandwidth import peak_rate
from shared.media.manifests.files import init_name, media_template, subtitle_name
from shared.media.manifests.names import track_names
from shared.media.manifests.published import NotYet, Piece, Published, SubtitleText
from shared.media.model import Rendition

# Segments of all Representations begin at the same times, each with a picture that needs no other (SAP type 1).
ALIGNED = 'segmentAlignment="true" startWithSAP="1"'
ROLE = "urn:mpeg:dash:role:2011"
CHANNELS = "urn:mpeg:dash:23003:3:audio_channel_configuration:2011"


def dash_mpd(video: Published, base_url: str) -> str:
    """The static MPD of the whole video. Raises NotYet until all segments are there.

    `base_url` ends with "/"; the files below it are named in files.py.
    """
    if not video.complete:
        raise NotYet("The DASH manifest is there when the video is ready; until then there is HLS.")
    plan = video.plan
    length = plan.seconds(plan.cuts[-1])
    periods = [_period(video, base_url, first, after) for first, after in _spans_of_one_init(video)]
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" type="static"'
            f' mediaPresentationDuration="PT{length:.6f}S" minBufferTime="PT2S"'
            f' maxSegmentDuration="PT{plan.target_duration}S">',
            *periods,
            "</MPD>",
            "",
        ]
    )


def _spans_of_one_init(video: Published) -> list[tuple[int, int]]:
    """Ranges (first, after) of indexes in which no rendition changes its init segment.

    Each becomes a Period: a Representation in it has only one Initialization.
    """
    inits = [[piece.init for piece in video.prefix(name)] for name in video.expected]
    edges = [k for k in range(1, video.plan.segments) if any(i[k] != i[k - 1] for i in inits)]
    return list(zip([0, *edges], [*edges, video.plan.segments], strict=True))


def _period(video: Published, base_url: str, first: int, after: int) -> str:
    plan = video.plan
    start = plan.seconds(plan.cuts[first])
    length = plan.seconds(plan.cuts[after]) - start
    sets = [
        _pictures(video, base_url, first, after),
        *_sounds(video, base_url, first, after),
        *_texts(video, base_url, start),
    ]
    numbered = (f'<AdaptationSet id="{number}" {each}' for number, each in enumerate(sets, 1))
    return "\n".join(
        [f'<Period id="{first}" start="PT{start:.6f}S" duration="PT{length:.6f}S">', *numbered, "</Period>"]
    )


def _pictures(video: Published, base_url: str, first: int, after: int) -> str:
    rungs = (_rung(video, rung, first, after) for rung in reversed(video.plan.renditions))
    kind = f'contentType="video" mimeType="video/mp4" {ALIGNED}>'
    return "\n".join([kind, _base(base_url), *rungs, "</AdaptationSet>"])


def _rung(video: Published, rung: Rendition, first: int, after: int) -> str:
    rate = video.plan.output_frame_rate
    size = f'width="{rung.width}" height="{rung.height}" sar="1:1" frameRate="{rate.num}/{rate.den}"'
    return _representation(rung.name, size, "", video.prefix(rung.name), first, after, video.plan.target_duration)


def _sounds(video: Published, base_url: str, first: int, after: int) -> list[str]:
    tracks, target = video.plan.source.audio, video.plan.target_duration
    sets = []
    for number, (track, name) in enumerate(zip(tracks, track_names(tracks, "Audio"), strict=True)):
        pieces = video.prefix(track.rendition)
        rate = f'audioSamplingRate="{pieces[0].timescale}"'
        channels = f'<AudioChannelConfiguration schemeIdUri="{CHANNELS}" value="2"/>\n'
        sets.append(
            f'contentType="audio" mimeType="audio/mp4"{_language(track.language)} {ALIGNED}>\n'
            + _described(name, "alternate" if number else "main")
            + f"{_base(base_url)}\n"
            + _representation(track.rendition, rate, channels, pieces, first, after, target)
            + "\n</AdaptationSet>"
        )
    return sets


def _texts(video: Published, base_url: str, start: float) -> list[str]:
    """Of each subtitle track one file for the whole video: in a later Period its times begin at the video's start."""
    tracks = [track for _, track in video.readable]
    offset = f'<SegmentBase timescale="1000" presentationTimeOffset="{round(start * 1000)}"/>\n' if start else ""
    return [
        f'contentType="text" mimeType="text/vtt"{_language(track.language)}>\n'
        + _described(name, "forced-subtitle" if track.forced else "subtitle")
        + f'<Representation id="{rendition}" bandwidth="{_text_rate(video, video.subtitles[rendition])}">\n'
        + f"{_base(base_url + subtitle_name(rendition))}\n{offset}</Representation>\n</AdaptationSet>"
        for (rendition, track), name in zip(video.readable, track_names(tracks, "Subtitles"), strict=True)
    ]


def _text_rate(video: Published, text: SubtitleText) -> int:
    """bit/s, rounded up."""
    return int(8 * text.size / video.plan.seconds(video.plan.cuts[-1])) + 1


def _base(url: str) -> str:
    return f"<BaseURL>{escape(url)}</BaseURL>"


def _language(tag: str) -> str:
    return f" lang={quoteattr(tag)}" if tag else ""


def _described(name: str, role: str) -> str:
    return f'<Label>{escape(name)}</Label>\n<Role schemeIdUri="{ROLE}" value="{role}"/>\n'


def _representation(
    name: str, attributes: str, before: str, pieces: list[Piece], first: int, after: int, target: int
) -> str:
    codecs, rate = pieces[first].codecs, peak_rate(pieces, target)
    timescale, offset = pieces[first].timescale, pieces[first].start
    times = "".join(f'<S t="{piece.start}" d="{piece.duration}"/>' for piece in pieces[first:after])
    return "\n".join(
        [
            f'<Representation id="{name}" codecs="{codecs}" bandwidth="{rate}" {attributes}>',
            f'{before}<SegmentTemplate timescale="{timescale}" presentationTimeOffset="{offset}" startNumber="{first}"'
            f' initialization="{init_name(name, first)}" media="{media_template(name)}">',
            f"<SegmentTimeline>{times}</SegmentTimeline>",
            "</SegmentTemplate>",
            "</Representation>",
        ]
    )
