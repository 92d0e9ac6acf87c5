"""docs/access.md: who may call what, from the access that each function declares."""

from shared.runtime.access import Access
from shared.runtime.capability import HttpCapability
from tools.generate.capabilities import domain_of, http_capabilities
from tools.generate.errors import GenerateError

# What each caller gets: ok (whatever the function then answers), 401 or 403. `forged`: a token that claims ADMIN and is
# signed by somebody else. Written out, and not derived from the code that lets callers in: the tests hold the two to
# one another.
CALLERS = ("none", "USER", "CREATOR", "ENTERPRISE", "ADMIN", "forged")
OUTCOMES = {
    Access.ANYONE: ("ok", "ok", "ok", "ok", "ok", "ok"),
    Access.PUBLIC: ("ok", "ok", "ok", "ok", "ok", "401"),
    Access.USER: ("401", "ok", "ok", "ok", "ok", "401"),
    Access.CREATOR: ("401", "403", "ok", "ok", "ok", "401"),
    Access.OWNER: ("401", "403", "ok", "ok", "ok", "401"),
    Access.ADMIN: ("401", "403", "403", "403", "ok", "401"),
}
# What somebody with the role gets of a thing that is another's, by whether others may see it. An ADMIN always gets ok.
OF_OTHERS = {
    Access.PUBLIC: {"public": "ok", "private": "404"},
    Access.USER: {"public": "ok", "private": "404"},
    Access.OWNER: {"public": "404", "private": "404"},
}
OWNED = ("/api/videos/{id}", "/api/segments/{id}", "/api/uploads/{id}")  # paths of things that have an owner

HEAD = """\
# Who may call what
This page is made from the `access` of each function by `./task generate`.
A change of it is a change of who may do what: look at its diff.

- `ok`: the function decides. `401`: a valid access token is needed. `403`: the role does not suffice.
- `none`: without a token. `forged`: with a token that claims ADMIN and was signed by somebody else.
- `another's`: with a role that suffices, of a thing that belongs to somebody else.
  The first is of a public thing, the second of a private one. `404`: it is not there for this caller.
  The owner and an ADMIN get `ok`. A segment is as public as its video; an upload is private.
"""


def access() -> str:
    by_domain: dict[str, list[HttpCapability]] = {}
    for each in http_capabilities():
        by_domain.setdefault(domain_of(each.name), []).append(each)
    return HEAD + "".join(_table(domain, by_domain[domain]) for domain in sorted(by_domain))


def expected() -> dict[tuple[str, str], str]:
    """The outcome of each route and caller."""
    return {
        (f"{each.route.method} {each.route.template}", caller): outcome
        for each in http_capabilities()
        for caller, outcome in zip(CALLERS, OUTCOMES[each.access], strict=True)
    }


def expected_of_others() -> dict[tuple[str, str], str]:
    """The outcome of each route of a thing with an owner, for a thing of another that is public or private.

    Raises GenerateError for a route whose access says nothing of owners where there are some, or the other way round.
    """
    found = {}
    for each in http_capabilities():
        name, route = each.name, f"{each.route.method} {each.route.template}"
        owned = each.route.template.startswith(OWNED)
        if owned and each.access not in (*OF_OTHERS, Access.ADMIN):
            raise GenerateError(f"{name}: what {route} is about has an owner: make it PUBLIC, USER, OWNER or ADMIN.")
        if not owned and each.access is Access.OWNER:
            raise GenerateError(f"{name}: {route} is OWNER, but of no thing in OWNED of tools/generate/access.py.")
        if owned and each.access is not Access.ADMIN:
            found.update({(route, visibility): outcome for visibility, outcome in OF_OTHERS[each.access].items()})
    return found


def _table(domain: str, found: list[HttpCapability]) -> str:
    columns = ("route", "access", *CALLERS, "another's")
    rows = [columns, ("---",) * len(columns), *(_row(each) for each in found)]
    return f"\n## {domain}\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(each: HttpCapability) -> tuple[str, ...]:
    route, others = f"{each.route.method} {each.route.template}", expected_of_others()
    of_others = [others[route, visibility] for visibility in ("public", "private") if (route, visibility) in others]
    return (f"`{route}`", each.access.name, *OUTCOMES[each.access], ", ".join(of_others))
