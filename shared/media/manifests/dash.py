"""The DASH manifest, an MPD (ISO/IEC 23009-1)."""

from xml.sax.saxutils import quoteattr

from shared.media.manifests.bandwidth import peak_rate
from shared.media.manifests.published import NotYet, Piece, Published
from shared.media.model import AUDIO_RENDITION, Rendition

# Segments of all Representations begin at the same times, each with a picture that needs no other (SAP type 1).
ALIGNED = 'segmentAlignment="true" startWithSAP="1"'


def dash_mpd(video: Published) -> str:
    """The static MPD of the whole video. Raises NotYet until all segments are there."""
    if not video.complete:
        raise NotYet("The DASH manifest is there when the video is ready; until then there is HLS.")
    plan = video.plan
    names = [(r.name, r) for r in reversed(plan.renditions)]
    length = plan.seconds(plan.cuts[-1])
    periods = [_period(video, names, first, after) for first, after in _spans_of_one_init(video)]
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-main:2011" type="static"'
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


def _period(video: Published, rungs: list[tuple[str, Rendition]], first: int, after: int) -> str:
    plan = video.plan
    start = plan.seconds(plan.cuts[first])
    length = plan.seconds(plan.cuts[after]) - start
    rate = plan.output_frame_rate
    lines = [f'<Period id="{first}" start="PT{start:.6f}S" duration="PT{length:.6f}S">']
    lines.append(f'<AdaptationSet id="1" contentType="video" mimeType="video/mp4" {ALIGNED}>')
    for name, rung in rungs:
        size = f'width="{rung.width}" height="{rung.height}" sar="1:1" frameRate="{rate.num}/{rate.den}"'
        lines.append(_representation(name, size, video.prefix(name), first, after, plan.target_duration))
    lines.append("</AdaptationSet>")
    if plan.source.audio:
        lines.append(f'<AdaptationSet id="2" contentType="audio" mimeType="audio/mp4" {ALIGNED}>')
        pieces = video.prefix(AUDIO_RENDITION)
        rate_attribute = f'audioSamplingRate="{pieces[0].timescale}"'
        lines.append(_representation(AUDIO_RENDITION, rate_attribute, pieces, first, after, plan.target_duration))
        lines.append("</AdaptationSet>")
    return "\n".join([*lines, "</Period>"])


def _representation(name: str, attributes: str, pieces: list[Piece], first: int, after: int, target: int) -> str:
    codecs, rate = pieces[first].codecs, peak_rate(pieces, target)
    timescale, offset = pieces[first].timescale, pieces[first].start
    times = "".join(f'<S t="{piece.start}" d="{piece.duration}"/>' for piece in pieces[first:after])
    channels = (
        '<AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="2"/>\n'
        if name == AUDIO_RENDITION
        else ""
    )
    return "\n".join(
        [
            f'<Representation id="{name}" codecs="{codecs}" bandwidth="{rate}" {attributes}>',
            f'{channels}<SegmentList timescale="{timescale}" presentationTimeOffset="{offset}">',
            f"<Initialization sourceURL={quoteattr(pieces[first].init_url)}/>",
            f"<SegmentTimeline>{times}</SegmentTimeline>",
            *(f"<SegmentURL media={quoteattr(piece.url)}/>" for piece in pieces[first:after]),
            "</SegmentList>",
            "</Representation>",
        ]
    )
