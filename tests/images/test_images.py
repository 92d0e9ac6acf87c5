"""What is in the images, and that it runs there: as nobody, with a root file system that cannot be written."""

import errno
import importlib.util
import json
import socket
import stat
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

import pytest

from local import manifests, postgres
from local.layout import ROOT
from tests.images import confine
from tools.images import Image, archive

SETTINGS = {"JWT_SECRET": "a secret of a test, long enough to derive keys from"}
NOWHERE = "postgresql://wadi@127.0.0.1:1/wadi"
MB = 1_000_000

BOTH = pytest.mark.parametrize("name", ["api", "media"])


def run(
    images: dict[str, Image],
    roots: dict[str, Path],
    name: str,
    *arguments: str,
    variables: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    image = images[name].archive
    return subprocess.run(
        confine.command(roots[name], image, *arguments),
        env=confine.environment(image, SETTINGS | (variables or {})), capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def python(code: str) -> tuple[str, ...]:
    return ("/venv/bin/python", "-P", "-c", code)


def functions(name: str) -> list[str]:
    return sorted(
        service.env["FUNCTION_TARGET"]
        for service in manifests.read(ROOT).services.values()
        if service.image == f"wadi/{name}"
    )


@BOTH
def test_nobody_runs_it_and_it_starts_a_function(images: dict[str, Image], name: str) -> None:
    config = archive.read(images[name].archive).config["config"]
    assert config["User"] == "65532:65532"  # a number: Kubernetes checks runAsNonRoot by it
    assert [*config["Entrypoint"], *config["Cmd"]] == ["/venv/bin/python", "-P", "-m", "shared.runtime.serve"]


@BOTH
def test_its_name_tells_its_contents(images: dict[str, Image], name: str) -> None:
    """A tag that stays while what is behind it changes leaves old pods on old code."""
    assert archive.read(images[name].archive).reference == images[name].reference
    assert images[name].reference.startswith(f"dev.local/wadi/{name}:")


@BOTH
def test_there_is_no_shell_and_nothing_else_to_run(roots: dict[str, Path], name: str) -> None:
    programs = {"python3.11"} | ({"ffmpeg"} if name == "media" else set())
    assert {file.name for file in (roots[name] / "usr/bin").iterdir()} == programs
    assert list((roots[name] / "usr/sbin").iterdir()) == []
    found = [file for file in roots[name].rglob("*") if file.is_file() and not file.is_symlink()]
    assert not [file for file in found if file.stat().st_mode & (stat.S_ISUID | stat.S_ISGID)]
    known = {"sh", "bash", "dash", "busybox", "perl", "apt", "apt-get", "dpkg", "pip", "uv"}
    assert not [file for file in found if file.name in known]


@BOTH
def test_who_runs_it_owns_nothing_of_it(roots: dict[str, Path], name: str) -> None:
    writable = [
        file.relative_to(roots[name])
        for file in roots[name].rglob("*")
        if not file.is_symlink() and (file.stat().st_uid != 0 or file.stat().st_mode & stat.S_IWOTH)
    ]
    assert sorted(map(str, writable)) == ["data", "tmp"]
    assert (roots[name] / "tmp").stat().st_mode & stat.S_ISVTX


@BOTH
def test_every_module_is_compiled_once_and_for_all(roots: dict[str, Path], name: str) -> None:
    stale = []
    folders = [roots[name] / "app", roots[name] / "venv/lib", roots[name] / "usr/lib/python3.11"]
    sources = [file for folder in folders for file in folder.rglob("*.py")]
    assert len(sources) > 1000
    for file in sources:
        compiled = file.parent / "__pycache__" / f"{file.stem}.cpython-311.pyc"
        header = compiled.read_bytes()[:16] if compiled.exists() else b""
        unchecked = header[4:8] == (1).to_bytes(4, "little")
        if not unchecked or header[8:16] != importlib.util.source_hash(file.read_bytes()):
            stale.append(str(file.relative_to(roots[name])))
    assert stale == []


@BOTH
def test_the_code_is_that_of_the_tree(roots: dict[str, Path], name: str) -> None:
    packages = {path.name for path in (roots[name] / "app").iterdir()}
    assert packages == {"shared", "events", "functions", "cli"}
    for file in (ROOT / "functions").rglob("*.py"):
        assert (roots[name] / "app" / file.relative_to(ROOT)).exists()


@BOTH
def test_every_library_finds_what_it_is_linked_with(
    images: dict[str, Image], roots: dict[str, Path], name: str
) -> None:
    code = """
import ctypes, pathlib
found = [file for place in ("/venv/lib", "/usr/lib/python3.11") for file in pathlib.Path(place).rglob("*.so*")]
wrong = []
for file in found:
    try:
        ctypes.CDLL(str(file))
    except OSError as error:
        wrong.append(str(error))
print(len(found), wrong)
"""
    ended = run(images, roots, name, *python(code))
    count, wrong = ended.stdout.strip().split(" ", 1)
    assert int(count) > 50, ended.stderr
    assert wrong == "[]"


@BOTH
def test_every_function_answers_in_the_image_that_its_manifest_names(
    images: dict[str, Image], roots: dict[str, Path], name: str
) -> None:
    code = """
import sys
from shared.runtime.serve import create_app
for target in sys.argv[1:]:
    answer = create_app(target).test_client().get("/health")
    print(target, answer.status_code, answer.get_json())
"""
    wanted = functions(name)
    assert wanted
    ended = run(images, roots, name, *python(code), *wanted, variables={"DATABASE_URL": NOWHERE})
    assert ended.stdout.splitlines() == [f"{target} 200 {{'status': 'ok'}}" for target in wanted], ended.stderr


@pytest.mark.parametrize(("name", "target"), [("api", "login"), ("media", "transcode_segment")])
def test_it_serves_as_a_container_does(
    images: dict[str, Image], roots: dict[str, Path], name: str, target: str
) -> None:
    variables = {"DATABASE_URL": NOWHERE, "FUNCTION_TARGET": target}
    with serving(images[name].archive, roots[name], variables) as address:
        assert json.loads(urllib.request.urlopen(f"{address}/health", timeout=30).read()) == {"status": "ok"}


def test_the_database_is_migrated_from_the_image(
    images: dict[str, Image], roots: dict[str, Path], tmp_path: Path
) -> None:
    server = postgres.start(tmp_path, durable=False)
    try:
        variables = {"DATABASE_URL": server.url}
        cli = ("/venv/bin/python", "-P", "-m", "cli")
        migrated = run(images, roots, "api", *cli, "db", "migrate", variables=variables)
        assert migrated.returncode == 0, migrated.stderr
        with serving(images["api"].archive, roots["api"], variables | {"FUNCTION_TARGET": "list_videos"}) as address:
            assert urllib.request.urlopen(f"{address}/ready", timeout=30).status == 200
    finally:
        server.stop()


def test_only_media_has_ffmpeg(images: dict[str, Image], roots: dict[str, Path]) -> None:
    encode = (
        "from shared.media.sandbox.ffmpeg import run_ffmpeg; from shared.media.sandbox.process import Limits;"
        "arguments = '-f lavfi -i color=s=64x64 -frames:v 1 -c:v libx264 -f null -'.split();"
        "print(run_ffmpeg(arguments, Limits(wall_seconds=120.0)))"
    )
    ended = run(images, roots, "media", *python(encode))
    assert "code=0" in ended.stdout, ended.stderr
    api = {file.name for file in roots["api"].rglob("*")}
    assert not {"av", "av.libs", "imageio_ffmpeg", "ffmpeg", "numpy"} & api


@BOTH
def test_its_bill_of_materials_names_all_that_is_in_it(
    images: dict[str, Image], roots: dict[str, Path], name: str
) -> None:
    bill = json.loads(images[name].bill.read_text())
    assert (bill["bomFormat"], bill["metadata"]["component"]["type"]) == ("CycloneDX", "container")
    assert f"{bill['metadata']['component']['name']}:{bill['metadata']['component']['version']}" == (
        images[name].reference
    )
    site = roots[name] / "venv/lib/python3.11/site-packages"
    named = {unquote(component.get("purl", "").split("@")[0]) for component in bill["components"]}
    packages = {f"pkg:deb/debian/{file.name}" for file in (roots[name] / "var/lib/dpkg/status.d").iterdir()}
    installed = {
        f"pkg:pypi/{folder.name.split('-')[0].lower().replace('_', '-')}" for folder in site.glob("*.dist-info")
    }
    assert len(packages) > 10
    assert len(installed) > 40
    assert packages | installed == {purl for purl in named if purl.startswith(("pkg:deb/", "pkg:pypi/"))}
    assert "pkg:generic/openssl" in named  # what cryptography has brought, and says so
    brought = {str(file.relative_to(roots[name])) for file in site.glob("*.libs/*")}
    assert len(brought) > 10
    assert {f"/{path}" for path in brought} <= {
        told["value"] for component in bill["components"] for told in component.get("properties", [])
    }


def test_its_bill_of_materials_tells_the_terms_of_what_encodes(images: dict[str, Image]) -> None:
    components = json.loads(images["media"].bill.read_text())["components"]
    terms = {
        component["name"]: component["licenses"][0]["license"].get("id")
        for component in components
        if component["name"] in ("ffmpeg", "libx264", "libx265", "libavcodec")
    }
    assert terms == {
        "ffmpeg": "GPL-3.0-or-later",
        "libavcodec": "LGPL-3.0-or-later",
        "libx264": "GPL-2.0-or-later",
        "libx265": "GPL-2.0-or-later",
    }
    (ffmpeg,) = (component for component in components if component["name"] == "ffmpeg")
    configuration = {told["name"]: told["value"] for told in ffmpeg["properties"]}["wadi:configuration"]
    assert {"--enable-gpl", "--enable-libx264"} <= set(configuration.split())


def test_the_image_of_most_functions_is_small(images: dict[str, Image]) -> None:
    assert archive.compressed_size(images["api"].archive) <= 150 * MB


@BOTH
def test_a_shell_and_a_written_root_and_root_itself_are_not_to_be_had(
    images: dict[str, Image], roots: dict[str, Path], name: str
) -> None:
    """Of what runs these tests: it grants no more than the manifests do, so what passes here does without."""
    code = """
import os, pathlib
for place in ("/app", "/venv", "/etc", "/", "/tmp", "/data"):
    try:
        pathlib.Path(place, "new").write_text("")
        print(place, "written")
    except OSError as error:
        print(place, error.errno)
print(os.getresuid(), os.getresgid(), os.getgroups(), os.system("true"))
print([line for line in open("/proc/self/status") if line.startswith(("CapPrm", "CapEff"))])
"""
    ended = run(images, roots, name, *python(code))
    assert ended.stdout.splitlines() == [
        *(f"{place} {errno.EROFS}" for place in ("/app", "/venv", "/etc", "/")),
        "/tmp written",
        "/data written",
        f"{(65532,) * 3} {(65532,) * 3} [65532] {127 << 8}",  # 127: there is nothing that system() could start
        r"['CapPrm:\t0000000000000000\n', 'CapEff:\t0000000000000000\n']",
    ], ended.stderr


@contextmanager
def serving(image: Path, root: Path, variables: dict[str, str]) -> Iterator[str]:
    """The image as a container starts it, at the address that it listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    variables = SETTINGS | {"PORT": str(port), "BIND_HOST": "127.0.0.1"} | variables
    process = subprocess.Popen(
        confine.command(root, image), env=confine.environment(image, variables), stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    process.kill()
                    raise AssertionError(process.communicate()[1]) from None
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)
        assert process.stderr is not None
        process.stderr.close()
    assert process.returncode == 0
