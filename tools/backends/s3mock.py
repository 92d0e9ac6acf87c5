"""A second S3 server, for the wire of lifecycle rules and encryption, which the first one does not implement."""

from pathlib import Path
from zipfile import ZipFile

import httpx

from tools.backends import java
from tools.backends.cache import kept
from tools.backends.server import LOOPBACK, Program, Server, serve

NAME = "s3mock"
VERSION = "4.9.1"
MAIN = "LoopbackS3Mock"


def install() -> tuple[Path, ...]:
    """What its classpath is made of."""
    tree = kept(f"s3mock-{VERSION}", _unpack) / "BOOT-INF"
    jars = sorted((tree / "lib").glob("*.jar"))
    return java.compiled(NAME, VERSION, MAIN, tree / "classes", *jars), tree / "classes", tree / "lib" / "*"


def start(folder: Path, host: str = LOOPBACK) -> Server:
    classes = install()

    def program(home: Path, ports: list[int]) -> Program:
        (home / "data").mkdir(exist_ok=True)
        url = f"http://{host}:{ports[0]}"
        options = {
            "server.address": host,
            "server.port": str(ports[1]),
            "com.adobe.testing.s3mock.httpPort": str(ports[0]),
            "com.adobe.testing.s3mock.store.root": str(home / "data"),
            "com.adobe.testing.s3mock.store.retainFilesOnExit": "true",
        }
        command = [str(java.runtime(NAME)), "-Xmx256m", *java.FLAGS]
        command += [*(f"-D{name}={value}" for name, value in options.items()), "-cp", java.classpath(*classes), MAIN]
        return Program(command, lambda: httpx.get(url, timeout=5).raise_for_status(), {"S3MOCK_URL": url}, patience=120)

    return serve(NAME, folder, 2, program, host)


def _unpack(folder: Path) -> None:
    """The program is one jar of jars, of which ours needs the inner ones."""
    java.jars(NAME, folder, f"com.adobe.testing:s3mock:{VERSION}:exec", transitive=False)
    [jar] = folder.glob("*.jar")
    with ZipFile(jar) as archive:
        archive.extractall(folder, [name for name in archive.namelist() if name.startswith("BOOT-INF/")])
    jar.unlink()
