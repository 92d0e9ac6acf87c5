"""HLS and DASH manifests of one set of CMAF segments: values in, text out."""

from collections.abc import Callable
from fractions import Fraction
from itertools import accumulate, takewhile
from xml.sax.saxutils import quoteattr

from msgspec import Struct

from shared.media.audio.encode import RENDITION as AUDIO
from shared.media.model import Plan, Rendition


class Piece(Struct, frozen=True):
    """A media segment that can be fetched."""

    index: int
    url: str
    init_url: str
    start: int  # in `timescale`, as `duration`
    duration: int
    timescale: int
    size: int
    codecs: str
    init_sha256: str = ""  # tells init segments apart where their URLs do not (each is signed anew)

    @property
    def seconds(self) -> Fraction:
        return Fraction(self.duration, self.timescale)

    @property
    def init(self) -> str:
        return self.init_sha256 or self.init_url


class Published(Struct, frozen=True):
    """What of a video can be played: the pieces that are there, by rendition ("1080p" …, "audio"), in any order."""

    plan: Plan
    pieces: dict[str, list[Piece]]

    def prefix(self, rendition: str) -> list[Piece]:
        """The pieces from the beginning up to the first that is missing."""
        there = {piece.index: piece for piece in self.pieces.get(rendition, [])}
        return [there[index] for index in takewhile(there.__contains__, range(self.plan.segments))]

    def is_whole(self, rendition: str) -> bool:
        return len(self.prefix(rendition)) == self.plan.segments

    @property
    def expected(self) -> list[str]:
        return [*(r.name for r in self.plan.renditions), *([AUDIO] if self.plan.source.audio else [])]

    @property
    def complete(self) -> bool:
        return all(self.is_whole(name) for name in self.expected)

    @property
    def playable(self) -> bool:
        """Some rung, and the sound if there is any, can be watched from the beginning."""
        heard = self.plan.source.audio is None or bool(self.prefix(AUDIO))
        return heard and any(self.prefix(r.name) for r in self.plan.renditions)

    @property
    def rungs(self) -> list[Rendition]:
        """That can be watched from the beginning, lowest first: a player starts with what comes first."""
        return [r for r in reversed(self.plan.renditions) if self.prefix(r.name)]


class NotYet(Exception):
    """The manifest asked for cannot be written until more of the video is there."""


def hls_master(video: Published, playlist_url: Callable[[str], str] = "{}.m3u8".format) -> str:
    """The multivariant playlist; `playlist_url` gives the address of a rendition's own playlist."""
    if not video.playable:
        raise NotYet("Nothing of the video can be played yet.")
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    sound = video.prefix(AUDIO) if video.plan.source.audio else []
    if sound:
        lines.append(
            '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Audio",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",'
            f'URI="{playlist_url(AUDIO)}"'
        )
    target = video.plan.target_duration
    for rung in video.rungs:
        pieces = video.prefix(rung.name)
        attributes = [
            f"BANDWIDTH={peak_rate(pieces, target) + peak_rate(sound, target)}",
            f"AVERAGE-BANDWIDTH={average_rate(pieces) + average_rate(sound)}",
            f'CODECS="{",".join(dict.fromkeys(piece.codecs for piece in [*pieces, *sound]))}"',
            f"RESOLUTION={rung.width}x{rung.height}",
            f"FRAME-RATE={float(video.plan.output_frame_rate.fraction()):.3f}",
            *(['AUDIO="audio"'] if sound else []),
        ]
        lines += [f"#EXT-X-STREAM-INF:{','.join(attributes)}", playlist_url(rung.name)]
    return "\n".join(lines) + "\n"


def hls_media(video: Published, rendition: str) -> str:
    """The playlist of one rendition: EVENT while segments arrive, VOD when all are there."""
    pieces, whole = video.prefix(rendition), video.is_whole(rendition)
    if not pieces:
        raise NotYet(f"Nothing of {rendition} can be played yet.")
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{video.plan.target_duration}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        f"#EXT-X-PLAYLIST-TYPE:{'VOD' if whole else 'EVENT'}",
        "#EXT-X-START:TIME-OFFSET=0",  # or players would begin an EVENT near its end, as they do with a live stream
    ]
    init = None
    for piece in pieces:
        if piece.init != init:  # once, unless another encoder made some: timestamps run on, so it is no discontinuity
            lines.append(f'#EXT-X-MAP:URI="{piece.init_url}"')
            init = piece.init
        lines += [f"#EXTINF:{float(piece.seconds):.6f},", piece.url]
    if whole:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"


def dash(video: Published) -> str:
    """A static MPD of the whole video; raises NotYet before."""
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
    """Ranges of indexes in which no rendition changes its init segment: a DASH period holds only one each."""
    inits = [[piece.init for piece in video.prefix(name)] for name in video.expected]
    edges = [k for k in range(1, video.plan.segments) if any(i[k] != i[k - 1] for i in inits)]
    return list(zip([0, *edges], [*edges, video.plan.segments], strict=True))


def _period(video: Published, rungs: list[tuple[str, Rendition]], first: int, after: int) -> str:
    plan = video.plan
    start = plan.seconds(plan.cuts[first])
    length = plan.seconds(plan.cuts[after]) - start
    rate = plan.output_frame_rate
    shape = "segmentAlignment='true' startWithSAP='1'"
    lines = [f'<Period id="{first}" start="PT{start:.6f}S" duration="PT{length:.6f}S">']
    lines.append(f'<AdaptationSet id="1" contentType="video" mimeType="video/mp4" {shape}>'.replace("'", '"'))
    for name, rung in rungs:
        size = f'width="{rung.width}" height="{rung.height}" sar="1:1" frameRate="{rate.num}/{rate.den}"'
        lines.append(_representation(name, size, video.prefix(name), first, after, plan.target_duration))
    lines.append("</AdaptationSet>")
    if plan.source.audio:
        lines.append(f'<AdaptationSet id="2" contentType="audio" mimeType="audio/mp4" {shape}>'.replace("'", '"'))
        pieces = video.prefix(AUDIO)
        rate_attribute = f'audioSamplingRate="{pieces[0].timescale}"'
        lines.append(_representation(AUDIO, rate_attribute, pieces, first, after, plan.target_duration))
        lines.append("</AdaptationSet>")
    return "\n".join([*lines, "</Period>"])


def _representation(name: str, attributes: str, pieces: list[Piece], first: int, after: int, target: int) -> str:
    codecs, rate = pieces[first].codecs, peak_rate(pieces, target)
    timescale, offset = pieces[first].timescale, pieces[first].start
    times = "".join(f'<S t="{piece.start}" d="{piece.duration}"/>' for piece in pieces[first:after])
    channels = (
        '<AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="2"/>\n'
        if name == AUDIO
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


def average_rate(pieces: list[Piece]) -> int:
    """Bits a second over all pieces."""
    return _rate(sum(piece.size for piece in pieces), sum(piece.seconds for piece in pieces))


def peak_rate(pieces: list[Piece], target_duration: int) -> int:
    """BANDWIDTH as RFC 8216 has it: the highest rate of a run of pieces that lasts 0.5 to 1.5 target durations."""
    sizes = [0, *accumulate(piece.size for piece in pieces)]
    times = [Fraction(0), *accumulate(piece.seconds for piece in pieces)]
    peak = 0
    for first in range(len(pieces)):
        for after in range(first + 1, len(pieces) + 1):
            length = times[after] - times[first]
            if length > Fraction(3, 2) * target_duration and after > first + 1:
                break
            if 2 * length >= target_duration:
                peak = max(peak, _rate(sizes[after] - sizes[first], length))
    return peak or average_rate(pieces)


def _rate(size: int, seconds: Fraction | int) -> int:
    return int(-(-8 * size // seconds)) if seconds else 0
