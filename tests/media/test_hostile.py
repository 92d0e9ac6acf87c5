"""Files that try to make a decoder read other files or the network: rejected, and provably not followed."""

import http.server
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.media.audio.encode import encode_audio
from shared.media.encode.command import arguments, open_source
from shared.media.encode.segment import encode_segment
from shared.media.errors import EncodeError, MediaError
from shared.media.planning.plan import plan
from shared.media.sandbox.ffmpeg import ffmpeg_path, run_ffmpeg
from shared.media.sandbox.process import Limits, SandboxedProcess, run
from tests.media.clips import clip
from tests.patience import until

HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n"
CONCAT = "ffconcat version 1.0\nfile '{target}'\n"
DASH = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT10S"'
    ' profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period><AdaptationSet mimeType="video/mp4"><Representation'
    ' id="1" bandwidth="1000"><BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>'
)
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="320" height="180">'
    '<image xlink:href="{target}" width="320" height="180"/></svg>'
)
SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
SCRIPTS = {"hls": HLS, "concat": CONCAT, "dash": DASH, "svg": SVG, "sdp": SDP}


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """A web server on loopback, and the list of paths that were requested from it."""
    requests: list[str] = []
    secret = clip("secret.ts", frames=50, audio="").read_bytes()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(secret)))
            self.end_headers()
            self.wfile.write(secret)

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", requests
    server.shutdown()
    thread.join()
    server.server_close()


def write(path: Path, kind: str, target: str, lead: str = "") -> str:
    path.write_text(lead + SCRIPTS[kind].format(target=target))
    return str(path)


@pytest.mark.parametrize("kind", SCRIPTS)
@pytest.mark.parametrize("lead", ["", "\n\n \ufeff"])
def test_scripts_in_disguise(kind: str, lead: str, tmp_path: Path, asked: tuple[str, list[str]]) -> None:
    address, requests = asked
    for target in (f"{address}/{kind}.ts", str(clip("secret.ts", frames=50, audio=""))):
        source = write(tmp_path / "film.mp4", kind, target, lead)
        with pytest.raises(MediaError) as refused:
            plan(source)
        assert refused.value.reason.endswith(".")
    assert requests == []


@pytest.mark.parametrize("kind", SCRIPTS)
def test_an_encode_does_not_follow_them_either(kind: str, tmp_path: Path, asked: tuple[str, list[str]]) -> None:
    """The file may have been swapped after it was planned: ffmpeg itself must refuse."""
    address, requests = asked
    good = str(clip("plain5.mp4", frames=125))
    planned = plan(good)
    source = write(tmp_path / "film.mp4", kind, f"{address}/{kind}.ts")
    with pytest.raises(MediaError, match="planned"):
        encode_segment(source, planned, 0, ["180p"], tmp_path / "out")
    with pytest.raises(MediaError):
        list(encode_audio(source, planned, tmp_path / "out", "audio"))
    assert requests == []


def test_without_the_guard_it_would_be_followed(tmp_path: Path, asked: tuple[str, list[str]]) -> None:
    """Without the guard the request arrives: the tests above can fail."""
    address, requests = asked
    source = write(tmp_path / "film.m3u8", "hls", f"{address}/hls.ts")
    bare = [ffmpeg_path(), "-nostdin", "-v", "error", "-protocol_whitelist", "file,crypto,data,http,tcp"]
    assert run([*bare, "-i", source, "-f", "null", "-"], Limits()).code == 0
    assert requests
    requests.clear()
    exited = run_ffmpeg(arguments(open_source(source, 0).output("-", f="null")), Limits())
    assert exited.code != 0
    assert requests == []


def test_without_the_guard_a_local_file_would_be_read(tmp_path: Path) -> None:
    source = write(tmp_path / "film.mp4", "concat", "secret.ts")
    (tmp_path / "secret.ts").write_bytes(clip("secret.ts", frames=50, audio="").read_bytes())
    bare = [ffmpeg_path(), "-nostdin", "-v", "error"]
    assert run([*bare, "-i", source, "-f", "null", "-"], Limits()).code == 0
    assert run_ffmpeg(arguments(open_source(source, 0).output("-", f="null")), Limits()).code != 0


def test_a_reference_inside_a_movie_is_not_followed(tmp_path: Path) -> None:
    """A QuickTime data reference that names another file: its pictures are not read from there."""
    source = bytearray(clip("alias.mov", frames=50, audio="", output="-movflags faststart").read_bytes())
    at = source.index(b"url \0\0\0\1")
    source[at : at + 8] = b"alis\0\0\0\0"
    path = tmp_path / "alias.mov"
    path.write_bytes(source)
    try:
        planned = plan(str(path))
    except MediaError:
        return
    assert planned.source.frames == 50  # from the file itself


def test_a_name_is_never_an_option_or_a_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = clip("plain5.mp4", frames=125).read_bytes()
    for name in ("-i", "concat:a|b", "http:x.mp4", "%03d.mp4", "a\nb.mp4", "pipe:0", "ä'\"$(x).mp4"):
        Path(name).write_bytes(data)
        planned = plan(name)
        (segment,) = encode_segment(name, planned, 0, ["180p"], tmp_path / "out")
        assert segment.frames == 125


def test_a_source_behind_the_one_signed_address(tmp_path: Path) -> None:
    """By HTTP range, as from an object store."""
    source = clip("plain.mp4", frames=560)

    class Ranged(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            data = source.read_bytes()
            start = int(self.headers.get("Range", "bytes=0-").split("=")[1].split("-")[0])
            self.send_response(206)
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.send_header("Content-Length", str(len(data) - start))
            self.end_headers()
            try:
                self.wfile.write(data[start:])
            except OSError:
                return

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ranged)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        address = f"http://127.0.0.1:{server.server_address[1]}/signed?signature=1"
        planned = plan(address)
        assert planned.cuts == plan(str(source)).cuts
        for index in range(planned.segments):
            (segment,) = encode_segment(address, planned, index, ["180p"], tmp_path)
            assert segment.frames == planned.frames[index]
        assert sum(s.frames for s in encode_audio(address, planned, tmp_path, "audio")) > 1000
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_limits_hold() -> None:
    """Memory, CPU and wall clock, each on a program that would use more."""
    exited = run([sys.executable, "-c", "x = bytearray(3 << 30)"], Limits(memory=1 << 30))
    assert exited.code != 0
    assert exited.out_of_memory
    exited = run([sys.executable, "-c", "while True: pass"], Limits(cpu_seconds=1))
    assert exited.code < 0
    assert not exited.timed_out
    exited = run([sys.executable, "-c", "import time; time.sleep(600)"], Limits(wall_seconds=0.5))
    assert exited.timed_out


def test_only_the_tail_of_stderr_is_kept() -> None:
    code = "import sys\nfor n in range(200000): sys.stderr.write('an error about a hostile file\\n')\nsys.exit(3)"
    exited = run([sys.executable, "-c", code], Limits())
    assert exited.code == 3
    assert len(exited.stderr) <= 16_384


def test_a_child_sees_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET", "hush")
    monkeypatch.setenv("DATABASE_URL", "postgresql://hush")
    child = SandboxedProcess([sys.executable, "-c", "import os; print(sorted(os.environ))"], Limits())
    seen = b"".join(child.lines()).decode()
    assert child.wait().code == 0
    assert "PATH" in seen
    assert "JWT_SECRET" not in seen
    assert "DATABASE_URL" not in seen


def test_children_die_with_their_parent(tmp_path: Path) -> None:
    """kill -9 of a function leaves no ffmpeg behind."""
    note = tmp_path / "pid"
    inner = f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    imports = "import sys\nfrom shared.media.sandbox.process import Limits, run\n"
    code = f"{imports}run([sys.executable, '-c', {inner!r}], Limits())"
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    until(lambda: note.exists() and note.read_text(), "the child says its number")
    child = int(note.read_text())
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    until(lambda: _is_gone(child), "the child ends with its parent")


def _is_gone(pid: int) -> bool:
    """A zombie counts as gone: nobody may be there to collect its status."""
    try:
        return "zombie" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_wrong_name_of_ffmpeg_is_an_encode_error(monkeypatch: pytest.MonkeyPatch) -> None:
    ffmpeg_path.cache_clear()
    monkeypatch.setenv("WADI_FFMPEG", "/nowhere/ffmpeg")
    with pytest.raises(EncodeError, match="WADI_FFMPEG"):
        ffmpeg_path()
    monkeypatch.undo()
    ffmpeg_path.cache_clear()
