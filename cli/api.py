"""The platform's REST API: one request, one answer or one error with words.

A login that is about to expire is renewed before it is used, and one that was refused is renewed once.
"""

import base64
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from cli.credentials import Credentials, Login
from cli.errors import LOGIN_HINT, CliError, ServerProblem, Unreachable
from cli.exits import Exit
from cli.model import Tokens
from cli.paths import is_loopback

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

# What an S3 server says of a part, in XML, as the status and the slug that the platform's own object server would give.
S3_PROBLEMS = {
    "BadDigest": (400, "checksum-mismatch"),
    "XAmzContentChecksumMismatch": (400, "checksum-mismatch"),
    "IncompleteBody": (503, "unavailable"),
    "RequestTimeout": (503, "unavailable"),
    "NoSuchUpload": (410, "gone"),
}


class Api:
    def __init__(self, server: str, credentials: Credentials) -> None:
        import httpx

        self.server = server
        self._credentials = credentials
        self._fixed_token = os.environ.get("WADI_TOKEN") or None
        self._renewing = threading.Lock()
        # A proxy is not asked for the way to this very machine.
        self.http = httpx.Client(
            timeout=httpx.Timeout(60, connect=5), trust_env=not is_loopback(server), headers={"user-agent": "wadi-cli"}
        )

    def close(self) -> None:
        self.http.close()

    def url(self, path: str) -> str:
        """An absolute URL: a path begins at the server, whose own URL may have one."""
        return f"{self.server}{path}" if path.startswith("/") else path

    # Requests

    def get(self, path: str, type: type[T], **params: Any) -> T:
        return self._send("GET", path, type, params={k: v for k, v in params.items() if v is not None}, login=None)

    def post(self, path: str, type: type[T], body: Any = None, *, login: bool | None = True) -> T:
        return self._send("POST", path, type, json=msgspec.to_builtins(body), login=login)

    def ask(self, path: str) -> None:
        """A POST that has no body and no answer."""
        self._send("POST", path, None, login=True)

    def has_page(self, url: str) -> bool:
        """Whether there is something to be seen at a URL."""
        try:
            with reaching(self.server):
                return self.http.head(url).status_code == 200
        except Unreachable:
            return False

    def delete(self, path: str) -> None:
        self._send("DELETE", path, None, login=True)

    def patch(self, path: str, type: type[T], body: Any) -> T:
        return self._send("PATCH", path, type, json=msgspec.to_builtins(body), login=True)

    def take_away(self, path: str, type: type[T], **params: Any) -> T:
        """A DELETE whose work goes on, with what there is to be told of it."""
        return self._send("DELETE", path, type, params=params, login=True)

    def _send(
        self, method: str, path: str, type: type[T] | None, *, login: bool | None, params: Any = None, json: Any = None
    ) -> T:
        """`login`: True, it must be there; None, it is used when it is there; False, it is left out."""
        token = None if login is False else self.token(required=login is True)
        response = self._try(method, path, token, params, json)
        if response.status_code == 401 and token and not self._fixed_token:
            token = self._renew(token)
            response = self._try(method, path, token, params, json)
        if response.is_error:
            raise problem_of(response)
        if type is None or response.status_code == 204:
            return None  # type: ignore[return-value]
        try:
            return msgspec.json.decode(response.content, type=type)
        except msgspec.MsgspecError as error:
            raise CliError(
                f"{self.url(path)} gave an answer that is not Wadi's: {error}.",
                hint="Is another program listening there?",
            ) from None

    def _try(self, method: str, path: str, token: str | None, params: Any, json: Any) -> "httpx.Response":
        with reaching(self.server):
            return self.http.request(method, self.url(path), params=params, json=json, headers=bearer(token))

    # Login

    def token(self, *, required: bool = False) -> str | None:
        """An access token that works for a while, renewed when needed."""
        if self._fixed_token:
            return self._fixed_token
        login = self._credentials.get(self.server)
        if login is None:
            if required:
                raise CliError(f"You are not logged in to {self.server}.", Exit.NOT_LOGGED_IN, hint=LOGIN_HINT)
            return None
        return login.access_token if login.is_fresh else self._renew(login.access_token)

    def account(self) -> str:
        """Whose uploads we may take up: the id of the user; of a token that does not tell it, the token."""
        if login := None if self._fixed_token else self._credentials.get(self.server):
            return login.user.id
        token = self.token(required=True) or ""
        try:
            return str(msgspec.json.decode(_base64url(token.split(".")[1]), type=dict[str, Any])["sub"])
        except (IndexError, KeyError, ValueError):
            return token

    def _renew(self, old_token: str) -> str:
        with self._renewing, self._credentials.lock():
            login = self._credentials.get(self.server)
            if login and login.access_token != old_token and login.is_fresh:
                return login.access_token  # another wadi was faster
            if login is None:
                raise expired(self.server)
            body = {"refresh_token": login.refresh_token}
            response = self._try("POST", "/api/auth/refresh", None, None, body)
            if response.status_code in (400, 401, 403):
                raise expired(self.server)
            if response.is_error:
                raise problem_of(response)
            login = Login.of(msgspec.json.decode(response.content, type=Tokens))
            self._credentials.put_locked(self.server, login)
            return login.access_token


def _base64url(text: str) -> bytes:
    """Raises ValueError."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def bearer(token: str | None) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"} if token else {}


def expired(server: str) -> CliError:
    return CliError(f"Your login to {server} has expired.", Exit.NOT_LOGGED_IN, hint=LOGIN_HINT)


@contextmanager
def reaching(server: str) -> Iterator[None]:
    """Turns httpx's many ways not to get through into one error with words."""
    import httpx

    try:
        yield
    except httpx.ConnectError:
        hint = "Start the platform with: wadi up" if is_loopback(server) else "Is the address right (WADI_URL)?"
        raise Unreachable(f"Nothing answers at {server}.", hint=hint) from None
    except httpx.TimeoutException:
        raise Unreachable(f"{server} took too long to answer.") from None
    except httpx.TransportError as error:
        raise Unreachable(f"The connection to {server} broke: {error or type(error).__name__}.") from None


def problem_of(response: "httpx.Response") -> ServerProblem:
    """The error that an answer tells of: problem+json, or whatever a proxy in between made of it."""
    try:
        body = msgspec.json.decode(response.read(), type=dict[str, Any])
    except msgspec.MsgspecError:
        body = {}
    if not body and (code := re.search(rb"<Code>(\w+)</Code>", response.content)):
        return _s3_problem(response.status_code, code[1].decode(), response.text)
    detail = body.get("detail") or body.get("title") or f"The server answered {response.status_code}."
    slug = str(body.get("type", "")).rpartition("/")[2]
    try:
        retry_after = float(response.headers["retry-after"])
    except (KeyError, ValueError):
        retry_after = None
    return ServerProblem(response.status_code, slug, str(detail), body, retry_after)


def _s3_problem(status: int, code: str, text: str) -> ServerProblem:
    status, slug = S3_PROBLEMS.get(code, (status, code))
    said = re.search(r"<Message>([^<]+)</Message>", text)
    return ServerProblem(status, slug, f"The object store answered {code}: {said[1] if said else ''}", {}, None)
