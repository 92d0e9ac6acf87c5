"""Fetches what a player would: HLS playlists, the DASH manifest, and every file that they name."""

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from urllib.parse import urljoin

import httpx

DASH = {"d": "urn:mpeg:dash:schema:mpd:2011"}


@dataclass(frozen=True)
class Track:
    """One rendition as HLS tells of it."""

    url: str
    height: int  # 0: audio
    init: str
    segments: tuple[str, ...]
    seconds: float
    ended: bool

    def fetch(self, client: httpx.Client) -> bytes:
        """The initial segment and all media segments, one after another: a whole fragmented MP4."""
        return b"".join(fetch(client, url).content for url in (self.init, *self.segments))


def fetch(client: httpx.Client, url: str) -> httpx.Response:
    answer = client.get(url, follow_redirects=True)
    assert answer.status_code == 200, f"{url}: {answer.status_code} {answer.text[:500]}"
    return answer


def hls_tracks(client: httpx.Client, master_url: str) -> list[Track]:
    """Every rendition of a master playlist, the smallest picture first, audio before all."""
    lines = fetch(client, master_url).text.splitlines()
    assert lines[0] == "#EXTM3U"
    tracks = []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("#EXT-X-STREAM-INF:"):
            height = re.search(r"RESOLUTION=\d+x(\d+)", line)
            assert height
            tracks.append(_track(client, urljoin(master_url, following), int(height[1])))
        elif line.startswith("#EXT-X-MEDIA:") and "TYPE=AUDIO" in line:
            uri = re.search(r'URI="([^"]+)"', line)
            assert uri
            tracks.append(_track(client, urljoin(master_url, uri[1]), 0))
    return sorted(set(tracks), key=lambda track: track.height)


def _track(client: httpx.Client, url: str, height: int) -> Track:
    text = fetch(client, url).text
    uri = re.search(r'#EXT-X-MAP:URI="([^"]+)"', text)
    assert uri
    segments = tuple(urljoin(url, line) for line in text.splitlines() if line and not line.startswith("#"))
    seconds = sum(float(length) for length in re.findall(r"#EXTINF:([\d.]+)", text))
    return Track(url, height, urljoin(url, uri[1]), segments, seconds, "#EXT-X-ENDLIST" in text)


def dash_files(client: httpx.Client, manifest_url: str) -> set[str]:
    """Where the media segments and the init segments of a DASH manifest are: its own URLs redirect to them."""
    root = ET.fromstring(fetch(client, manifest_url).text)
    assert root.tag == f"{{{DASH['d']}}}MPD"
    files = set()
    for each in root.iterfind("d:Period/d:AdaptationSet", DASH):
        base = urljoin(manifest_url, each.findtext("d:BaseURL", "", DASH))
        for template in each.iterfind("d:Representation/d:SegmentTemplate", DASH):
            first, count = int(template.attrib["startNumber"]), len(template.findall("d:SegmentTimeline/d:S", DASH))
            numbers = map(str, range(first, first + count))
            media = (template.attrib["media"].replace("$Number$", number) for number in numbers)
            files |= {_led_to(client, urljoin(base, name)) for name in (template.attrib["initialization"], *media)}
    return files


def _led_to(client: httpx.Client, url: str) -> str:
    answer = client.get(url, follow_redirects=False)
    assert answer.status_code == 302, f"{url}: {answer.status_code} {answer.text[:500]}"
    return urljoin(url, answer.headers["Location"])
