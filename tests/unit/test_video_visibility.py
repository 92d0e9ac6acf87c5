"""Who may see a video: the check of a row and the SQL of each rule agree, and the functions go by them."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import MessageSent, VideoReady
from shared.db import Transaction, transaction
from shared.identity import Principal, Role
from shared.ids import new_id
from shared.videos.row import VideoRow
from shared.videos.state import State, Visibility
from shared.videos.visibility import LISTED, LISTED_AS_OWN, MAY_CHANGE, MAY_FIND, MAY_WATCH, Rule
from tests.conftest import Database
from tests.films.rows import ready_video
from tests.functions.people import Person, account, assert_problem, say
from tests.functions.waking import deliver

pytestmark = pytest.mark.usefixtures("database", "wadi")

RULES = {
    "may watch": MAY_WATCH,
    "may change": MAY_CHANGE,
    "may find": MAY_FIND,
    "listed": LISTED,
    "listed as own": LISTED_AS_OWN,
}
VIEWERS = [None, *(Principal(user, role) for user in ("ada", "bob") for role in Role)]

Made = tuple[str, Visibility, State]  # its owner, and the rest

identifiers = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=12)
owners = st.sampled_from(["ada", "bob"]) | identifiers
videos = st.tuples(owners, st.sampled_from(Visibility), st.sampled_from(State))
viewers = st.none() | st.builds(Principal, owners, st.sampled_from(Role))


@contextmanager
def these(made: list[Made]) -> Iterator[tuple[Transaction, list[VideoRow]]]:
    """Nothing but these videos, until the end of the block."""
    with suppress(_RollBack), transaction() as tx:
        tx.execute("delete from video")
        for owner, visibility, state in made:
            tx.execute(
                "insert into video (id, owner_id, title, visibility, state, deleted_at)"
                " values (%s, %s, 'A film', %s, %s, case when %s then now() end)",
                (new_id(), owner, visibility, state, state is State.DELETED),
            )
        yield tx, tx.all(VideoRow, "select * from video")
        raise _RollBack


class _RollBack(Exception):
    pass


def selected(tx: Transaction, rule: Rule, viewer: Principal | None) -> set[str]:
    return set(tx.values(str, f"select id from video where {rule.sql}", rule.params(viewer)))


def allowed(rows: list[VideoRow], rule: Rule, viewer: Principal | None) -> set[str]:
    return {row.id for row in rows if rule.allows(row, viewer)}


@given(st.lists(videos, max_size=8), viewers, st.sampled_from(list(RULES)))
def test_the_check_and_the_sql_agree_on_any_videos(made: list[Made], viewer: Principal | None, name: str) -> None:
    with these(made) as (tx, rows):
        assert selected(tx, RULES[name], viewer) == allowed(rows, RULES[name], viewer)


def test_they_agree_for_every_role_visibility_state_and_owner() -> None:
    with these(list(itertools.product(("ada", "bob"), Visibility, State))) as (tx, rows):
        assert len(rows) == 2 * 2 * 7
        for rule, viewer in itertools.product(RULES.values(), VIEWERS):
            assert selected(tx, rule, viewer) == allowed(rows, rule, viewer)


@pytest.mark.parametrize(
    ("name", "who"),
    [
        ("may watch", {"anyone": "public", "owner": "all", "admin": "all"}),
        ("may change", {"anyone": "none", "owner": "all", "admin": "all"}),
        ("may find", {"anyone": "public", "owner": "all", "admin": "public"}),
        ("listed", {"anyone": "public", "owner": "public", "admin": "public"}),
        ("listed as own", {"anyone": "none", "owner": "all", "admin": "none"}),
    ],
)
@pytest.mark.parametrize("state", list(State))
def test_what_each_rule_allows(name: str, who: dict[str, str], state: State) -> None:
    callers: list[tuple[str, Principal | None]] = [("anyone", None), ("admin", Principal("bob", Role.ADMIN))]
    for role in set(Role) - {Role.ADMIN}:
        callers += [("anyone", Principal("bob", role)), ("owner", Principal("ada", role))]
    with these([("ada", visibility, state) for visibility in Visibility]) as (_, rows):
        for kind, viewer in callers:
            seen = {row.visibility for row in rows if RULES[name].allows(row, viewer)}
            watchable = state in ("playable", "ready")
            there = state != "deleted" and (name != "listed" or watchable)
            expected = {"all": {"public", "private"}, "public": {"public"}, "none": set()}[who[kind]]
            assert seen == (expected if there else set())


def opens(person: Person, video: str) -> bool:
    """Whether they get it by its id, which is the same from every function."""
    path = f"/api/videos/{video}"
    answers = [
        person.get("get_video", path),
        person.get("video_status", f"{path}/status"),
        person.get("list_segments", f"{path}/segments"),
        person.get("list_messages", f"{path}/messages"),
    ]
    (status,) = {answer.status_code for answer in answers}
    if status != 200:
        assert_problem(answers[0], 404, "not-found")
    return status == 200


def meets(person: Person, video: str) -> set[str]:
    """Where they come across it."""
    pages = {
        "list": person.get("list_videos", "/api/videos"),
        "own list": person.get("list_videos", "/api/videos", owner="me"),
        "search": person.get("search", "/api/search", q="numbat"),
    }
    return {name for name, page in pages.items() if video in page.text}


@pytest.mark.parametrize(
    ("who", "opened", "met"),
    [
        ("owner", True, {"own list", "search"}),
        ("admin", True, set()),
        ("other", False, set()),
        ("anyone", False, set()),
    ],
)
def test_an_administrator_opens_a_private_video_but_comes_across_none(
    database: Database, who: str, opened: bool, met: set[str]
) -> None:
    ada = account(database, "Ada")
    video = ready_video(database, ada, "Numbat", visibility="private")
    said = say(ada, video, "numbat indeed")
    assert deliver("index_video", VideoReady(video)).status_code == 204
    assert deliver("index_message", MessageSent(video, said["id"])).status_code == 204
    people = {"owner": ada, "anyone": Person(), "other": account(database, "Eve")}
    people["admin"] = account(database, "Root", Role.ADMIN)
    assert opens(people[who], video) is opened
    assert meets(people[who], video) == met
