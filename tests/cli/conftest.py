import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.breaking_proxy import BreakingProxy
from tests.cli.part_server import PART, PartServer
from tests.cli.runs import User, free_port, small_clip


@pytest.fixture
def server() -> Iterator[PartServer]:
    server = PartServer(PART)
    server.start()
    yield server
    server.close()


@pytest.fixture
def gate(server: PartServer) -> Iterator[BreakingProxy]:
    """The one way to the part server, for tests in which it dies and comes back."""
    proxy = BreakingProxy(server.port)
    yield proxy
    proxy.close()


@pytest.fixture
def user(gate: BreakingProxy, tmp_path: Path) -> User:
    """Someone with a token of the part server."""
    return User(tmp_path, gate.url, {"WADI_TOKEN": "good"})


@pytest.fixture
def movie(tmp_path: Path) -> Path:
    """Bytes for 11 parts, the last one short."""
    file = tmp_path / "movie.mp4"
    file.write_bytes(bytes(i * 7 % 251 for i in range(1000)) * 3_200)
    return file


@pytest.fixture(scope="session")
def _door() -> Iterator[BreakingProxy]:
    proxy = BreakingProxy()
    yield proxy
    proxy.close()


@pytest.fixture
def door(_door: BreakingProxy) -> Iterator[BreakingProxy]:
    """The one way to the platform, for tests that break it."""
    yield _door
    _door.release()
    _door.reset()


@pytest.fixture(scope="session")
def platform(_door: BreakingProxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """The whole platform, started by `wadi up`, and its owner. Everyone else comes through the door."""
    _door.target_port = free_port()
    extra = {"WADI_PORT": str(_door.target_port), "PUBLIC_URL": _door.url}
    owner = User(tmp_path_factory.mktemp("platform"), extra=extra)
    started = owner.wadi("up", "--json")
    assert started.code == 0, started.err
    yield owner
    assert owner.wadi("down").code == 0


_numbers = itertools.count(1)


@pytest.fixture
def new_user(platform: User, _door: BreakingProxy, tmp_path: Path) -> Callable[[], User]:
    """Registers someone new at the platform; each has a home of their own."""

    def make() -> User:
        number = next(_numbers)
        home = tmp_path / f"home-{number}"
        home.mkdir()
        # All from one address would be too many for the limit that a client has, on a machine that is quick.
        _door.address = f"127.0.{number // 200 + 1}.{number % 200 + 1}"
        user = User(home, _door.url)
        email = f"{home.name}-{tmp_path.parent.name}@example.org".lower()
        ended = user.wadi("register", email, "--password-stdin", "--json", stdin="correct horse battery\n")
        assert ended.code == 0, ended.err
        return user

    return make


@pytest.fixture
def someone(new_user: Callable[[], User]) -> User:
    return new_user()


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_clip(tmp_path_factory.mktemp("clip") / "desert rain.mp4")
