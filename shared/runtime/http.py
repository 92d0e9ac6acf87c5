"""Requests into Structs, Structs into responses."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, get_origin, get_type_hints

import flask
import msgspec

from shared.config import integer
from shared.errors import Problem

Body = TypeVar("Body", bound=msgspec.Struct)

BODY_METHODS = {"POST", "PUT", "PATCH"}
_FIELD_AT = re.compile(r"^(?P<message>.*) - at `\$(?P<path>.*)`$", re.DOTALL)
_MISSING = re.compile(r"missing required field `(?P<name>[^`]+)`")


@dataclass
class Response:
    """An answer that is not JSON, or has headers of its own."""

    status: int
    body: bytes | Iterable[bytes] = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Created(Generic[Body]):
    """201 with a Struct."""

    body: Body


@dataclass
class Accepted(Generic[Body]):
    """202 with a Struct: the work goes on."""

    body: Body


@dataclass
class Encoded(Generic[Body]):
    """200 with a Struct that is JSON already."""

    json: bytes


@dataclass(frozen=True)
class Route:
    """A method and a path template: "GET /api/videos/{id}"."""

    method: str
    template: str

    @classmethod
    def parse(cls, text: str) -> "Route":
        method, _, template = text.partition(" ")
        return cls(method, template)

    @property
    def pattern(self) -> str:
        """The template as a regular expression (RE2 and Python) that matches the whole path."""
        return "".join(
            "[^/]+" if part.startswith("{") else re.escape(part).replace(r"\-", "-")
            for part in re.split(r"(\{\w+\})", self.template)
        )

    def match(self, path: str) -> dict[str, str] | None:
        """The fields of a path, or None when it is another."""
        names = re.findall(r"\{(\w+)\}", self.template)
        found = re.fullmatch(self.pattern.replace("[^/]+", "([^/]+)"), path)
        return dict(zip(names, found.groups(), strict=True)) if found else None


def read_request(kind: type[Any], request: flask.Request, fields: dict[str, str]) -> Any:
    """The request as a `kind`, a Struct: fields of the path, and of the JSON body or the query string.

    Raises Problem invalid-request with the field at fault, or too-large.
    """
    if request.method in BODY_METHODS:
        return _converted(kind, {**_json_body(request), **fields}, strict=True)
    return read_fields(kind, request, fields)


def read_fields(kind: type[Any], request: flask.Request, fields: dict[str, str]) -> Any:
    """The same from path and query string only; the body is left unread."""
    return _converted(kind, {**_query(kind, request), **fields}, strict=False)


def _converted(kind: type[Any], values: dict[str, Any], *, strict: bool) -> Any:
    for name, value in values.items():
        if _holds_nul(value):  # PostgreSQL's text holds every character but this one
            message = "The character U+0000 is not allowed."
            raise Problem("invalid-request", f"{name}: {message}", errors=[{"field": name, "message": message}])
    try:
        return msgspec.convert(values, kind, strict=strict)
    except msgspec.ValidationError as error:
        raise _invalid(error) from error


def _holds_nul(value: Any) -> bool:
    match value:
        case str():
            return "\0" in value
        case list():
            return any(_holds_nul(each) for each in value)
        case dict():
            return any(_holds_nul(each) for pair in value.items() for each in pair)
    return False


def _json_body(request: flask.Request) -> dict[str, Any]:
    limit = integer("MAX_BODY_BYTES")
    too_large = Problem("too-large", f"The body may have {limit} bytes at most.")
    if (request.content_length or 0) > limit:
        raise too_large
    body = request.stream.read(limit + 1)
    if len(body) > limit:
        raise too_large
    if not body.strip():
        return {}
    try:
        values = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem("invalid-request", f"The body is not valid JSON: {error}.") from error
    if not isinstance(values, dict):
        raise Problem("invalid-request", "The body must be a JSON object.")
    return values


def _query(kind: type, request: flask.Request) -> dict[str, Any]:
    lists = {name for name, hint in get_type_hints(kind).items() if get_origin(hint) is list}
    return {
        name: request.args.getlist(name) if name in lists else request.args[name]
        for name in request.args
        if name != "token"
    }


def _invalid(error: msgspec.ValidationError) -> Problem:
    text = str(error)
    at = _FIELD_AT.match(text)
    message, path = (at["message"], at["path"].lstrip(".")) if at else (text, "")
    missing = _MISSING.search(message)
    if missing:
        path = f"{path}.{missing['name']}".lstrip(".")
        message = "This field is required."
    detail = f"{path}: {message}" if path else message
    return Problem("invalid-request", detail, errors=[{"field": path, "message": message}])


def write_response(result: Any) -> flask.Response:
    """A function's result as a response."""
    match result:
        case None:
            return flask.Response(status=204)
        case Response():
            answer = flask.Response(result.body, result.status, content_type=result.content_type)
            answer.headers.update(result.headers)
            return answer
        case Created():
            return _json(201, result.body)
        case Accepted():
            return _json(202, result.body)
        case Encoded():
            return flask.Response(result.json, 200, content_type="application/json")
    return _json(200, result)


def write_problem(problem: Problem) -> flask.Response:
    body = msgspec.json.encode(problem.body())
    answer = flask.Response(body, problem.status, content_type="application/problem+json")
    answer.headers.update(problem.headers)
    return answer


def _json(status: int, body: msgspec.Struct) -> flask.Response:
    return flask.Response(msgspec.json.encode(body), status, content_type="application/json")
