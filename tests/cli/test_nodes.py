"""wadi nodes and wadi users, at the real platform: an administrator is made, adds a node, and sees it filled."""

from pathlib import Path

from cli.exits import Exit
from tests.cli.runs import User
from tests.cli.test_account import PASSWORD, email_of
from tests.patience import until

PINGED = 240  # a PingSource comes each minute


def make_admin(platform: User, someone: User) -> None:
    ended = platform.wadi("users", "role", email_of(someone).upper(), "admin", "--json")
    assert ended.code == Exit.OK, ended.err
    assert ended.objects == [{"email": email_of(someone), "role": "ADMIN"}]
    assert someone.wadi("login", email_of(someone), "--password-stdin", stdin=PASSWORD).code == Exit.OK


def test_only_an_administrator_sees_the_nodes(someone: User) -> None:
    ended = someone.wadi("nodes", "list")
    assert ended.code == Exit.REFUSED
    assert "ADMIN" in ended.err


def test_a_role_for_nobody(platform: User) -> None:
    ended = platform.wadi("users", "role", "nobody@example.org", "ADMIN")
    assert ended.code == Exit.FAILED
    assert "nobody@example.org" in ended.err
    assert platform.wadi("users", "role", "nobody@example.org", "KING").code == Exit.USAGE


def test_a_node_comes_and_goes(platform: User, someone: User, clip: Path, tmp_path: Path) -> None:
    make_admin(platform, someone)
    assert someone.wadi("upload", str(clip), "--watch").code == Exit.OK
    before = someone.wadi("nodes", "list", "--json").objects
    assert {(node["state"], node["health"]) for node in before} == {("active", "ok")}
    ended = someone.wadi("nodes", "add", str(tmp_path / "more"), "--weight", "2", "--zone", "cellar", "--json")
    assert ended.code == Exit.OK, ended.err
    (node,) = ended.objects
    assert (node["weight"], node["zone"], node["location"]) == (2, "cellar", str(tmp_path / "more"))

    def mine() -> dict[str, object] | None:
        listed = someone.wadi("nodes", "list", "--json").objects
        return next((each for each in listed if each["id"] == node["id"]), None)

    until(lambda: bool((found := mine()) and found["objects"]), "something is moved to the new node", PINGED)
    table = someone.wadi("nodes", "list")
    assert node["id"] in table.out
    assert someone.wadi("nodes", "weight", node["id"], "0.5").code == Exit.OK
    assert someone.wadi("nodes", "drain", node["id"]).code == Exit.OK
    until(lambda: mine() is None, "the node is empty", PINGED)
    assert list((tmp_path / "more" / "objects").rglob("*.m4s")) == []


def test_what_is_refused_says_why(platform: User, someone: User, tmp_path: Path) -> None:
    make_admin(platform, someone)
    (node, *_) = someone.wadi("nodes", "list", "--json").objects
    ended = someone.wadi("nodes", "add", node["location"])
    assert ended.code == Exit.REFUSED
    assert node["id"] in ended.err
    assert someone.wadi("nodes", "drain", "node-99").code == Exit.NOT_FOUND
    assert someone.wadi("nodes", "add", str(tmp_path), "--option", "region").code == Exit.USAGE
