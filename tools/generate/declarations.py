"""Whether a declared function can be served and documented: its parameters, its payloads and its route."""

import inspect
import re
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

from shared.runtime.capability import Capability, EventCapability, HttpCapability, PingCapability
from shared.runtime.context import Context
from shared.runtime.http import Accepted, Created, Encoded, Response
from tools.generate.errors import GenerateError, shown

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
TEMPLATE = re.compile(r"(/([\w.-]+|\{[a-z_]+\}))+", re.ASCII)


def check_declaration(file: Path, capability: Capability) -> None:
    """Raises GenerateError for a signature or a route that the runtime could not use."""
    hints = get_type_hints(capability.call)
    takes = [hints.get(name) for name in inspect.signature(capability.call).parameters]
    wrong = _wrong(capability, takes, hints.get("return", inspect.Signature.empty))
    if wrong:
        raise GenerateError(f"{shown(file)}: {wrong}")


def check_routes(found: Sequence[HttpCapability]) -> None:
    """Raises GenerateError for a route that two functions declare."""
    first: dict[tuple[str, str], HttpCapability] = {}
    for each in found:
        same = first.setdefault((each.route.method, each.route.pattern), each)
        if same is not each:
            raise GenerateError(
                f"{same.name} and {each.name} both answer {each.route.method} {each.route.template}: change one route."
            )


def _wrong(capability: Capability, takes: list[Any], answer: Any) -> str | None:
    """What is wrong with the declaration, in one sentence; None when nothing is."""
    name = capability.name
    match capability:
        case PingCapability():
            return None if takes == [Context] else f"declare {name}(context: Context)."
        case EventCapability(events=()):
            return None if takes == [Context] else f"declare {name}(context: Context), for events of any type."
        case EventCapability(events=events):
            accepted = _alternatives(takes[0]) if len(takes) == 2 and takes[1] is Context else ()
            if all(issubclass(event, accepted) for event in events):
                return None
            wanted = " | ".join(event.__name__ for event in events)
            return f"declare {name}(event: {wanted}, context: Context), as @event_function says."
        case HttpCapability():
            return _wrong_route(capability) or _wrong_request(capability, takes) or _wrong_answer(name, answer)


def _wrong_route(capability: HttpCapability) -> str | None:
    method, template = capability.route.method, capability.route.template
    if method in METHODS and TEMPLATE.fullmatch(template):
        return None
    text = f"{method} {template}".strip()
    return f'{text} is no route: write it as "GET /api/videos/{{id}}", with one of {", ".join(METHODS)}.'


def _wrong_request(capability: HttpCapability, takes: list[Any]) -> str | None:
    name = capability.name
    if takes not in ([Context], [capability.request, Context]):
        return f"declare {name}(request: <a Struct>, context: Context), or {name}(context: Context)."
    if capability.request is not None and not is_struct(capability.request):
        return f"the request of {name} must be a msgspec Struct."
    fields = [field.name for field in msgspec.structs.fields(capability.request)] if capability.request else []
    missing = [field for field in re.findall(r"\{(\w+)\}", capability.route.template) if field not in fields]
    if missing:
        where = capability.request.__name__ if capability.request else f"{name}, which takes no request"
        return f"the route has {{{missing[0]}}}, and there is no field {missing[0]} in {where}."
    return None


def _wrong_answer(name: str, answer: Any) -> str | None:
    inside = get_args(answer)[0] if get_origin(answer) in (Created, Accepted, Encoded) else answer
    if inside in (None, type(None), Response) or is_struct(inside):
        return None
    return f"say what {name} returns: a Struct, Created[…], Accepted[…] or Encoded[…] of one, Response, or None."


def _alternatives(hint: Any) -> tuple[type, ...]:
    found = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    return tuple(each for each in found if inspect.isclass(each))


def is_struct(kind: Any) -> bool:
    return inspect.isclass(kind) and issubclass(kind, msgspec.Struct)
