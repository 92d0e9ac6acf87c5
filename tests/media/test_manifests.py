"""The text of HLS and DASH manifests."""

import re
import xml.etree.ElementTree as ElementTree
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from shared.media.manifests import (
    MediaFile,
    NotYet,
    Piece,
    Published,
    SubtitleText,
    average_rate,
    dash_mpd,
    hls_master,
    hls_media,
    hls_subtitles,
    peak_rate,
)
from shared.media.manifests.names import track_names
from shared.media.model import AudioTrack, SubtitleTrack
from tests.media.clips import clip
from tests.media.published import Result, publish

BASE = "../media/a.grant/files/"
MPD = {"m": "urn:mpeg:dash:schema:mpd:2011"}


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """25 s in two rungs with sound."""
    video = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"
    return publish(
        clip("two.mp4", frames=750, rate="30000/1001", size=(854, 480), video=video), tmp_path_factory.mktemp("two")
    )


def published(result: Result, **counts: int) -> Published:
    """With that many pieces of a rendition ("p480" stands for 480p), all of the others."""
    pieces: dict[str, list[Piece]] = {}
    for name, track in result.tracks.items():
        count = counts.get(name if name == "audio" else f"p{name[:-1]}", len(track))
        pieces[name] = [
            Piece(
                index=s.index,
                url=f"/o/{name}/{s.index}?signature=a&expires=1",
                init_url=f"/o/{name}/init-{s.index}?signature=b",
                start=s.start,
                duration=s.duration,
                timescale=s.timescale,
                size=s.size,
                codecs=s.codecs,
                init_sha256=s.init_sha256,
            )
            for s in track[:count]
        ]
    return Published(result.plan, pieces)


def attributes(line: str) -> dict[str, str]:
    return {k: v.strip('"') for k, v in re.findall(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)', line.partition(":")[2])}


def test_master(result: Result) -> None:
    lines = hls_master(published(result)).splitlines()
    assert lines[:3] == ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    (media,) = [attributes(line) for line in lines if line.startswith("#EXT-X-MEDIA:")]
    assert (media["TYPE"], media["URI"], media["DEFAULT"]) == ("AUDIO", "audio.m3u8", "YES")
    streams = [(attributes(a), b) for a, b in pairwise(lines) if a.startswith("#EXT-X-STREAM-INF:")]
    assert [uri for _, uri in streams] == ["360p.m3u8", "480p.m3u8"]
    low, high = (stream for stream, _ in streams)
    assert (low["RESOLUTION"], high["RESOLUTION"]) == ("640x360", "854x480")
    assert high["FRAME-RATE"] == "29.970"
    assert high["CODECS"] == "avc1.64001f,mp4a.40.2"
    assert high["AUDIO"] == media["GROUP-ID"]
    sizes = [s.size for s in result.tracks["480p"]], [s.size for s in result.tracks["audio"]]
    assert int(high["AVERAGE-BANDWIDTH"]) == pytest.approx(sum(map(sum, sizes)) * 8 / 25.025, rel=0.001)
    assert int(high["BANDWIDTH"]) >= int(high["AVERAGE-BANDWIDTH"]) > int(low["AVERAGE-BANDWIDTH"])


def test_master_addresses_are_the_callers(result: Result) -> None:
    text = hls_master(published(result), lambda name: f"{name}.m3u8?token=t")
    assert "\n480p.m3u8?token=t\n" in text
    assert 'URI="audio.m3u8?token=t"' in text


def test_while_segments_arrive(result: Result) -> None:
    some = published(result, p480=0, p360=1, audio=2)
    assert some.playable
    assert not some.complete
    master = hls_master(some)
    assert "360p.m3u8" in master
    assert "480p.m3u8" not in master
    text = hls_media(some, "360p")
    assert "#EXT-X-PLAYLIST-TYPE:EVENT" in text
    assert "#EXT-X-ENDLIST" not in text
    assert text.count("#EXTINF") == 1
    with pytest.raises(NotYet):
        hls_media(some, "480p")
    with pytest.raises(NotYet):
        dash_mpd(some, BASE)


@pytest.mark.parametrize("counts", [{"p480": 0, "p360": 0}, {"audio": 0}])
def test_nothing_can_be_played_yet(counts: dict[str, int], result: Result) -> None:
    none = published(result, **counts)
    assert not none.playable
    with pytest.raises(NotYet):
        hls_master(none)


def test_a_hole_ends_the_playlist(result: Result) -> None:
    """A later segment may be there first; it is not listed until all before it are."""
    holed = published(result)
    holed.pieces["480p"].pop(1)
    assert hls_media(holed, "480p").count("#EXTINF") == 1
    assert "#EXT-X-PLAYLIST-TYPE:EVENT" in hls_media(holed, "480p")


@pytest.mark.parametrize("rendition", ["480p", "audio"])
def test_media_playlist(rendition: str, result: Result) -> None:
    event = hls_media(published(result, p480=2, audio=2), rendition).splitlines()
    whole = hls_media(published(result), rendition).splitlines()
    changed = [line for line in event if line not in whole]
    assert changed == ["#EXT-X-PLAYLIST-TYPE:EVENT"], "an EVENT playlist only grows"
    assert "#EXT-X-START:TIME-OFFSET=0" in event, "players begin an EVENT near its end unless told"
    assert whole[-1] == "#EXT-X-ENDLIST"
    assert [line for line in whole if "EXT-X-MAP" in line] == [f'#EXT-X-MAP:URI="/o/{rendition}/init-0?signature=b"']
    target = int(next(line for line in whole if "TARGETDURATION" in line).partition(":")[2])
    durations = [Fraction(line.partition(":")[2].rstrip(",")) for line in whole if line.startswith("#EXTINF")]
    assert all(round(duration) <= target for duration in durations)
    assert float(sum(durations)) == pytest.approx(25.025, abs=0.022)


def test_another_encoders_segments_get_their_own_map(result: Result) -> None:
    video = published(result)
    video.pieces["480p"][1] = msgspec.structs.replace(video.pieces["480p"][1], init_sha256="other")
    text = hls_media(video, "480p")
    assert [m.group(1) for m in re.finditer(r'MAP:URI="/o/480p/(init-\d)', text)] == ["init-0", "init-1", "init-2"]
    periods = ElementTree.fromstring(dash_mpd(video, BASE)).findall("m:Period", MPD)
    assert [period.get("start") for period in periods] == ["PT0.000000S", "PT8.341667S", "PT16.683333S"]
    templates = [period.findall(".//m:SegmentTemplate", MPD)[1] for period in periods]
    assert [each.get("startNumber") for each in templates] == ["0", "1", "2"]
    assert [each.get("initialization") for each in templates] == ["480p.0.mp4", "480p.1.mp4", "480p.2.mp4"]


def test_dash(result: Result) -> None:
    root = ElementTree.fromstring(dash_mpd(published(result), BASE))
    assert root.get("type") == "static"
    assert root.get("mediaPresentationDuration") == "PT25.025000S"
    sets = root.findall("m:Period/m:AdaptationSet", MPD)
    assert [s.get("contentType") for s in sets] == ["video", "audio"]
    rungs = sets[0].findall("m:Representation", MPD)
    assert [(r.get("id"), r.get("width"), r.get("height")) for r in rungs] == [
        ("360p", "640", "360"),
        ("480p", "854", "480"),
    ]
    assert rungs[0].get("frameRate") == "30000/1001"
    for representation in root.iter("{urn:mpeg:dash:schema:mpd:2011}Representation"):
        name = representation.get("id")
        template = representation.find("m:SegmentTemplate", MPD)
        assert template is not None
        times = template.findall("m:SegmentTimeline/m:S", MPD)
        assert len(times) == result.plan.segments
        assert template.get("startNumber") == "0"
        assert (template.get("initialization"), template.get("media")) == (f"{name}.0.mp4", f"{name}.$Number$.m4s")
        assert MediaFile.parse(f"{name}.12.m4s") == MediaFile(str(name), 12)
        assert MediaFile.parse(f"{name}.0.mp4") == MediaFile(str(name), 0, init=True)
        starts = [int(s.get("t", "")) for s in times]
        ends = [int(s.get("t", "")) + int(s.get("d", "")) for s in times]
        assert starts[1:] == ends[:-1]


def with_tracks(result: Result) -> Published:
    """With three sound tracks, of which the last is not there yet, and three of text, of which the second is not."""
    video = published(result)
    source = msgspec.structs.replace(
        result.plan.source,
        audio=[
            AudioTrack("audio", 1, "aac", 2, 48_000, "de"),
            AudioTrack("audio-2", 2, "aac", 2, 48_000, "de", 'The "director"'),
            AudioTrack("audio-3", 3, "aac", 2, 48_000),
        ],
        subtitles=[
            SubtitleTrack(4, "mov_text", "en"),
            SubtitleTrack(5, "mov_text", "fr"),
            SubtitleTrack(6, "mov_text", "en", "Signs & songs", default=True, forced=True),
        ],
    )
    video.pieces["audio-2"] = video.pieces["audio"]
    texts = {name: SubtitleText(f"/o/{name}?signature=c", 1000) for name in ("subtitles-1", "subtitles-3")}
    return Published(msgspec.structs.replace(result.plan, source=source), video.pieces, texts)


def test_every_track_that_is_there_is_in_the_master_playlist(result: Result) -> None:
    lines = hls_master(with_tracks(result)).splitlines()
    media = [attributes(line) for line in lines if line.startswith("#EXT-X-MEDIA:")]
    audio = {"TYPE": "AUDIO", "GROUP-ID": "audio", "LANGUAGE": "de", "CHANNELS": "2"}
    text = {"TYPE": "SUBTITLES", "GROUP-ID": "subtitles", "LANGUAGE": "en"}
    assert media == [
        audio | {"NAME": "German", "DEFAULT": "YES", "AUTOSELECT": "YES", "URI": "audio.m3u8"},
        audio | {"NAME": "The 'director'", "DEFAULT": "NO", "AUTOSELECT": "NO", "URI": "audio-2.m3u8"},
        text | {"NAME": "English", "DEFAULT": "NO", "AUTOSELECT": "YES", "URI": "subtitles-1.m3u8"},
        text
        | {"NAME": "Signs & songs", "DEFAULT": "YES", "AUTOSELECT": "YES", "FORCED": "YES", "URI": "subtitles-3.m3u8"},
    ]
    streams = [attributes(line) for line in lines if line.startswith("#EXT-X-STREAM-INF:")]
    assert {(each["AUDIO"], each["SUBTITLES"]) for each in streams} == {("audio", "subtitles")}
    alone = hls_master(published(result)).splitlines()
    before = [attributes(line) for line in alone if line.startswith("#EXT-X-STREAM-INF:")]
    assert [each["BANDWIDTH"] for each in streams] == [each["BANDWIDTH"] for each in before], "one is heard at a time"


def test_the_whole_text_is_one_segment(result: Result) -> None:
    lines = hls_subtitles(with_tracks(result), "subtitles-1").splitlines()
    assert "#EXT-X-TARGETDURATION:26" in lines
    assert lines[-3:] == ["#EXTINF:25.025000,", "/o/subtitles-1?signature=c", "#EXT-X-ENDLIST"]
    with pytest.raises(NotYet):
        hls_subtitles(with_tracks(result), "subtitles-2")


def test_every_track_has_an_adaptation_set(result: Result) -> None:
    video = with_tracks(result)
    with pytest.raises(NotYet):
        dash_mpd(video, BASE)
    video.pieces["audio-3"] = video.pieces["audio"]
    sets = ElementTree.fromstring(dash_mpd(video, BASE)).findall("m:Period/m:AdaptationSet", MPD)
    described = []
    for each in sets[1:]:
        role, label = each.find("m:Role", MPD), each.findtext("m:Label", namespaces=MPD)
        assert role is not None
        described.append((each.get("contentType"), each.get("lang"), label, role.get("value")))
    assert described == [
        ("audio", "de", "German", "main"),
        ("audio", "de", "The 'director'", "alternate"),
        ("audio", None, "Audio 3", "alternate"),
        ("text", "en", "English", "subtitle"),
        ("text", "en", "Signs & songs", "forced-subtitle"),
    ]
    assert sets[0].findtext("m:BaseURL", namespaces=MPD) == BASE
    texts = [each.findtext("m:Representation/m:BaseURL", namespaces=MPD) for each in sets[4:]]
    assert texts == [f"{BASE}subtitles-1.vtt", f"{BASE}subtitles-3.vtt"]
    assert MediaFile.parse("subtitles-1.vtt") == MediaFile("subtitles-1")


@pytest.mark.parametrize(
    ("tracks", "names"),
    [
        ([("", "")], ["Audio"]),
        ([("", ""), ("", "")], ["Audio 1", "Audio 2"]),
        ([("de", ""), ("de", ""), ("de", "")], ["German", "German (2)", "German (3)"]),
        ([("de", "Main"), ("pt-BR", "Main"), ("", "Main")], ["Main", "Main (Portuguese (BR))", "Main (3)"]),
        ([("", "A (3)"), ("", "A"), ("", "A")], ["A (3)", "A", "A (4)"]),
        ([("qaa", ""), ("", 'Say "yes"\nor no')], ["qaa", "Say 'yes' or no"]),
    ],
)
def test_no_two_tracks_have_one_name(tracks: list[tuple[str, str]], names: list[str]) -> None:
    made = [AudioTrack("audio", 1, "aac", 2, 48_000, language, name) for language, name in tracks]
    assert track_names(made, "Audio") == names


@pytest.mark.parametrize(
    "name", ["480p", "480p.m4s", "480p.1.mp3", "480p..m4s", "../480p.1.m4s", "480p.-1.m4s", ".vtt"]
)
def test_no_other_name_is_a_media_file(name: str) -> None:
    assert MediaFile.parse(name) is None


def test_rates() -> None:
    def piece(index: int, seconds: int, size: int) -> Piece:
        return Piece(index, "", "", 0, seconds * 1000, 1000, size, "")

    pieces = [piece(0, 10, 1_000_000), piece(1, 10, 3_000_000), piece(2, 1, 900_000)]
    assert average_rate(pieces) == -(-8 * 4_900_000 // 21)
    assert peak_rate(pieces, 10) == -(-8 * 3_900_000 // 11), "the short tail counts with what is before it"
    assert peak_rate(pieces[2:], 10) == 7_200_000
    assert peak_rate([], 10) == 0


def test_no_sound(tmp_path: Path) -> None:
    video = published(publish(clip("silent.mp4", frames=30, audio=""), tmp_path))
    assert "AUDIO" not in hls_master(video)
    assert 'contentType="audio"' not in dash_mpd(video, BASE)
    assert video.complete
