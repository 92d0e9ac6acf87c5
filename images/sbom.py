"""What an image has in it, as CycloneDX: its distributions of Python and its packages of Debian."""

from email.message import Message
from email.parser import BytesParser
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from images import archive


def write(image: Path, reference: str, into: Path) -> None:
    bom = Bom()
    name, _, version = reference.rpartition(":")
    bom.metadata.component = Component(type=ComponentType.CONTAINER, name=name, version=version)
    for entry, text in archive.files(image):
        path = entry.name.lstrip("./")
        if text is not None and path.endswith(".dist-info/METADATA"):
            bom.components.add(_distribution(BytesParser().parse(text)))
        elif text is not None and path.startswith("var/lib/dpkg/status.d/"):
            bom.components.add(_package(BytesParser().parse(text)))
    bom.register_dependency(bom.metadata.component, bom.components)
    into.write_text(JsonV1Dot6(bom).output_as_string(indent=2) + "\n")


def _distribution(said: Message) -> Component:
    name, version = str(said["Name"]), str(said["Version"])
    return Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=version,
        purl=PackageURL("pypi", None, name.lower().replace("_", "-"), version),
        description=str(said.get("Summary", "")),
        licenses=[LicenseFactory().make_from_string(said["License-Expression"])] if said["License-Expression"] else [],
    )


def _package(said: Message) -> Component:
    """Under which terms a package of Debian is, its copyright file in the image says."""
    name, version = said["Package"], said["Version"]
    return Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=version,
        purl=PackageURL("deb", "debian", name, version, {"arch": said["Architecture"]}),
        description=said["Description"].splitlines()[0],
    )
