"""Opens an account, and logs in to it."""

from collections.abc import Callable

from msgspec import Struct

from shared.config import setting
from shared.identity import Role, accounts, login_limit, rules
from shared.identity.model import Tokens, User
from shared.identity.passwords import hash_password
from shared.identity.sessions import open_session
from shared.ids import new_id
from shared.runtime.function import ANYONE, Context, Created, PerClient, Problem, http_function


class RegisterRequest(Struct):
    """Without a name, others see the part of the address before the @."""

    email: str
    password: str
    name: str = ""


@http_function("POST /api/auth/register", access=ANYONE, limit=PerClient("register", 20, per=60))
def register(request: RegisterRequest, context: Context) -> Created[Tokens]:
    request = _checked(request)
    user = User(new_id(), request.email, request.name or request.email.partition("@")[0], Role(setting("DEFAULT_ROLE")))
    password_hash = hash_password(request.password)
    with context.transaction() as tx:
        if not accounts.create(tx, user, password_hash):
            raise Problem("email-taken", "There is an account with this e-mail address: log in instead.")
        login_limit.remember_network(tx, user.id, context.client)
        return Created(open_session(tx, user))


def _checked(request: RegisterRequest) -> RegisterRequest:
    """The request as it is to be stored. Raises Problem with every field that has to be changed."""
    errors: list[dict[str, str]] = []

    def check(field: str, rule: Callable[[], str]) -> str:
        try:
            return rule()
        except rules.Refused as refused:
            errors.append({"field": field, "message": str(refused)})
            return ""

    email = check("email", lambda: rules.email_address(request.email))
    password = check("password", lambda: rules.password(request.password, email))
    name = check("name", lambda: rules.display_name(request.name))
    if errors:
        raise Problem("invalid-request", " ".join(error["message"] for error in errors), errors=errors)
    return RegisterRequest(email, password, name)
