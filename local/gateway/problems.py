"""Errors of the gateway itself, as problem+json like those of the functions."""

import json
from collections.abc import Awaitable, Callable

from aiohttp import web

from shared.errors import Problem

_SLUGS = {404: "not-found", 405: "method-not-allowed", 413: "too-large"}


def answer(problem: Problem) -> web.Response:
    text = json.dumps(problem.body())
    return web.Response(
        status=problem.status, text=text, content_type="application/problem+json", headers=problem.headers
    )


@web.middleware
async def as_problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turns what handlers raise into answers; aiohttp's own errors are plain text otherwise."""
    try:
        return await handler(request)
    except Problem as problem:
        return answer(problem)
    except web.HTTPException as error:
        if error.status < 400 or error.status not in _SLUGS:
            raise
        return answer(Problem(_SLUGS[error.status], error.text or error.reason))
