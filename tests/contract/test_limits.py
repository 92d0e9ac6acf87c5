"""Every route that a client may call only so often refuses the next call, and only to that client."""

import pytest

from tests.conftest import Database, Wadi
from tests.functions.people import Person, account, assert_problem
from tests.routes import ROUTES, path

LIMITED = [route for route, each in ROUTES.items() if each.limit]


def test_there_are_limits_and_each_counts_by_itself() -> None:
    assert LIMITED
    names = [limit.name for each in ROUTES.values() if (limit := each.limit)]
    assert len(names) == len(set(names)), "two routes of one name would share one count"


@pytest.mark.parametrize("route", LIMITED)
def test_a_call_too_many_is_refused_to_that_client_only(route: str, database: Database, wadi: Wadi) -> None:
    capability, token = ROUTES[route], account(database, "Ada").token
    assert capability.limit
    one, other = Person(token), Person(token)  # each has an address of its own
    where = path(route, {"videos": "unknown"})
    for _ in range(capability.limit.calls):
        assert one.post(capability.name, where).status_code == 400, "counted before the body is looked at"
    refused = one.post(capability.name, where)
    problem = assert_problem(refused, 429, "too-many-requests")
    assert 0 < problem["retry_after_s"] == int(refused.headers["Retry-After"]) <= capability.limit.per
    assert other.post(capability.name, where).status_code == 400
