"""The cluster's programs, built from their Go modules when they are first wanted, and kept: ~/.cache/wadi/cluster.

`binary("kubectl")`, `binary("serving/controller")`: the path of a program. `modules("knative.dev/operator")`: the
folder of a module's files, from which the release's YAML is read. All raise BackendError, in one line.
"""

import fcntl
import functools
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tools.backends import golang
from tools.backends.cache import BackendError, folder, kept
from tools.cluster.versions import KUBERNETES, MODULES

SHELF = "cluster"
SOURCES = Path(__file__).parent / "go"
BUILD_SECONDS = 3600.0  # Kubernetes takes five minutes on two cores; what takes an hour hangs


@dataclass(frozen=True)
class Recipe:
    """Programs that one build makes together: of a module of ours in go/, or of a copy of somebody's module."""

    packages: tuple[str, ...]
    module: str = ""
    flags: tuple[str, ...] = field(default=())


def _stamped(version: str) -> str:
    """Linker flags: without them a cluster says v0.0.0, and clients refuse it."""
    major, minor, _ = version.removeprefix("v").split(".")
    said = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    places = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return "-ldflags=" + " ".join(f"-X {place}.{name}={value}" for place in places for name, value in said.items())


STRIPPED = ("-ldflags=-s -w",)  # they go into images
COMMANDS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kubectl", "kube-proxy")
RECIPES = {
    "kubernetes": Recipe(tuple(f"k8s.io/kubernetes/cmd/{name}" for name in COMMANDS), flags=(_stamped(KUBERNETES),)),
    "coredns": Recipe((".",)),
    "ingress": Recipe((".",)),
    "pause": Recipe((".",)),
    "serving": Recipe(
        tuple(f"./cmd/{name}" for name in ("controller", "webhook", "autoscaler", "activator", "queue")),
        "knative.dev/serving",
        STRIPPED,
    ),
    "eventing": Recipe(
        ("./cmd/controller", "./cmd/webhook", "./cmd/mtping", "./cmd/mtchannel_broker", "./cmd/broker/ingress",
         "./cmd/broker/filter", "./cmd/in_memory/channel_controller", "./cmd/in_memory/channel_dispatcher"),
        "knative.dev/eventing",
        STRIPPED,
    ),
    "client": Recipe(("./cmd/kn",), "knative.dev/client"),
    "istio": Recipe(
        tuple(f"./{name}" for name in ("pilot/cmd/pilot-discovery", "pilot/cmd/pilot-agent", "istioctl/cmd/istioctl")),
        "istio.io/istio",
        STRIPPED,
    ),
}  # fmt: skip
MADE_BY = dict.fromkeys(COMMANDS, "kubernetes") | {
    "kn": "client",
    "pilot-discovery": "istio",
    "pilot-agent": "istio",
    "istioctl": "istio",
    "coredns": "coredns",
    "ingress": "ingress",
    "pause": "pause",
}


@functools.cache
def binary(name: str) -> Path:
    """A program by its name; those of Knative, of which several are called alike, as PART/PROGRAM."""
    recipe, _, program = name.rpartition("/")
    return built(recipe or MADE_BY[program]) / program


def built(name: str) -> Path:
    """The folder of all the programs of a recipe."""
    recipe = RECIPES[name]

    def make(into: Path) -> None:
        with _source(name, recipe) as source, _one_at_a_time():
            # Of the folder "vendor", which Go would go by, the module's archive has only scraps.
            golang.build(
                name, source, into, *recipe.packages, flags=("-mod=readonly", *recipe.flags), seconds=BUILD_SECONDS
            )

    return keep(name, _identity(name, recipe), make)


def programs_of(recipe: str) -> list[str]:
    return [package.rpartition("/")[2] for package in RECIPES[recipe].packages]


@functools.cache
def modules(name: str) -> Path:
    """The folder of a module that versions.py names, compared with the checksum that stands there."""
    version, expected = MODULES[name]
    found, checksum = golang.module(name, name, version)
    if checksum != expected:
        raise BackendError(f"{name}@{version} has the checksum {checksum} and not {expected}.")
    return found


def keep(name: str, identity: str, make: Callable[[Path], None]) -> Path:
    """A folder in the cache, of what the identity tells all about."""
    return kept(f"{name}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}", make, SHELF)


def _identity(name: str, recipe: Recipe) -> str:
    made_of = MODULES[recipe.module] if recipe.module else [_text(file) for file in sorted(_files(SOURCES / name))]
    return json.dumps([recipe.packages, recipe.flags, made_of])


def _files(source: Path) -> list[Path]:
    return [file for file in source.rglob("*") if file.is_file()]


def _text(file: Path) -> str:
    return f"{file.name}\n{file.read_text()}"


@contextmanager
def _source(name: str, recipe: Recipe) -> Iterator[Path]:
    """A folder to build in. A module's go.mod and go.sum count only where it is the main one, so it is copied."""
    if not recipe.module:
        yield SOURCES / name
        return
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / "source"
        shutil.copytree(modules(recipe.module), copy, copy_function=shutil.copyfile)
        copy.chmod(0o755)
        for directory in copy.rglob("*/"):
            directory.chmod(0o755)
        yield copy


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Two builds at once take as long, and twice the memory."""
    folder(SHELF).mkdir(parents=True, exist_ok=True)
    with (folder(SHELF) / "build.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
