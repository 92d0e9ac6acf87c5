"""What an image has in it, as CycloneDX: packages of Debian, distributions of Python, and what those have brought,
by what they tell of it (PEP 770) and by the compiled files themselves (tools/images/native.py).

Terms are those that a package names; for Debian's they stand in its copyright file in the image.
"""

import json
from email.message import Message
from email.parser import BytesParser
from fnmatch import fnmatch
from pathlib import Path
from typing import IO, Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from tools.images import archive, native

SITE = "venv/lib/python3.11/site-packages"


def write(image: Path, reference: str, into: Path) -> None:
    bom = Bom()
    name, _, version = reference.rpartition(":")
    bom.metadata.component = Component(type=ComponentType.CONTAINER, name=name, version=version)
    for entry, content in archive.files(image):
        if content is not None:
            bom.components.update(_found(entry.name.removeprefix("./"), content))
    bom.register_dependency(bom.metadata.component, bom.components)
    into.write_text(JsonV1Dot6(bom).output_as_string(indent=2) + "\n")


def _found(path: str, content: IO[bytes]) -> list[Component]:
    if fnmatch(path, "var/lib/dpkg/status.d/*"):
        return [_package(BytesParser().parse(content))]
    if fnmatch(path, f"{SITE}/*.dist-info/METADATA"):
        return [_distribution(BytesParser().parse(content))]
    if fnmatch(path, f"{SITE}/*.dist-info/sboms/*.json"):
        # each names the distribution that it lies in once more
        return [
            one
            for one in map(_brought, json.load(content)["components"])
            if one.purl is None or one.purl.type != "pypi"
        ]
    if fnmatch(path, f"{SITE}/*.libs/*") or fnmatch(path, f"{SITE}/imageio_ffmpeg/binaries/ffmpeg-*"):
        return [_file(path, content.read())]
    return []


def _component(name: str, version: str, terms: str | None, purl: PackageURL | None, **properties: str) -> Component:
    return Component(
        type=ComponentType.LIBRARY, name=name, version=version, purl=purl,
        licenses=[LicenseFactory().make_from_string(terms)] if terms else (),
        properties=[Property(name=f"wadi:{key}", value=value) for key, value in properties.items()],
    )  # fmt: skip


def _package(said: Message) -> Component:
    # what scanners look for is told by the source package: "Source: NAME" or "Source: NAME (VERSION)"
    source = str(said["Source"] or said["Package"]).split()[0]
    more = {"arch": said["Architecture"], "distro": "debian-12", "upstream": source}
    purl = PackageURL("deb", "debian", said["Package"], said["Version"], more)
    return _component(said["Package"], said["Version"], None, purl)


def _distribution(said: Message) -> Component:
    name, version = said["Name"], said["Version"]
    purl = PackageURL("pypi", None, name.lower().replace("_", "-"), version)
    return _component(name, version, _terms(said), purl)


def _terms(said: Message) -> str | None:
    """PEP 639's expression; in older metadata a line of any kind, or a classifier."""
    line = said["License-Expression"] or said["License"]
    if line and "\n" not in line:
        return str(line)
    classifiers = (value.split(" :: ") for value in said.get_all("Classifier", []))
    return next((parts[-1] for parts in classifiers if parts[0] == "License"), None)


def _brought(said: dict[str, Any]) -> Component:
    terms = next((each["expression"] for each in said.get("licenses", []) if "expression" in each), None)
    purl = PackageURL.from_string(said["purl"]) if "purl" in said else None
    return _component(said["name"], said.get("version", ""), terms, purl)


def _file(path: str, content: bytes) -> Component:
    about = native.read(Path(path).name, content)
    component = _component(about.name, about.version, about.terms, None, path=f"/{path}")
    if about.configuration:
        component.properties.add(Property(name="wadi:configuration", value=about.configuration))
    return component
