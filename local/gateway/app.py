"""The one door: finds the function for a request by istio/routes.yaml, as Istio's ingress gateway would."""

import logging
import os
import re
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

from local.activator.activator import Activator
from local.gateway import cors, problems
from local.gateway.paths import normal
from local.gateway.proxy import Exchange, apply, end_to_end
from local.manifests import Route
from local.manifests.routes import Match
from shared.errors import Problem

log = logging.getLogger("wadi.gateway")

_REQUEST_ID = re.compile(r"[\w.:/+=-]{1,128}")
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class Gateway:
    """`json_limit` is the size of the largest JSON body; other bodies (uploads) are the functions' own business."""

    def __init__(
        self,
        routes: Sequence[Route],
        activator: Activator,
        status: Callable[[], Awaitable[dict[str, Any]]],
        json_limit: int,
    ) -> None:
        self.routes = routes
        self.activator = activator
        self.status = status
        self.json_limit = json_limit

    def app(self) -> web.Application:
        app = web.Application(middlewares=[problems.as_problems])
        app.router.add_get("/healthz", self._health)
        app.router.add_get("/local/status", self._status)
        return app

    def add_catch_all(self, app: web.Application) -> None:
        """What no other handler takes goes to the functions; to be added last."""
        app.router.add_route("*", "/{path:.*}", self._pass_on)

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "up"})

    async def _status(self, request: web.Request) -> web.Response:
        """For this machine only; a proxy in front of us speaks for others, and says so."""
        if not _is_loopback(request.remote) or "X-Forwarded-For" in request.headers:
            raise Problem("not-found", "There is no such page.")
        return web.json_response(await self.status())

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        raw_path, _, query = request.raw_path.partition("?")
        path = normal(raw_path)
        if cors.is_preflight(request.method, request.headers):
            return self._preflight(request, path)
        route, match = self._find(request, request.method, path)
        self._check_size(request)
        answer = web.StreamResponse()
        if route.cors_policy:
            answer.headers.extend(cors.response_headers(route.cors_policy, request.headers.get("Origin", "")))
        target = _rewritten(path, route, match) + (f"?{query}" if query else "")
        headers = _forwarded(request, route)
        pool = self.activator.pools[route.service]
        limit = self.json_limit if _is_json(request) else None
        exchange = Exchange(
            request, pool, answer, timeout=route.timeout_seconds, body_limit=limit, change=route.headers.response
        )
        try:
            return await exchange.run(target, headers)
        except Problem as problem:
            problem.headers = {**dict(answer.headers), **problem.headers}  # a browser shall be able to read it
            raise

    def _find(self, request: web.Request, method: str, path: str) -> tuple[Route, Match]:
        """The first route that fits. Raises Problem."""
        for route in self.routes:
            match = route.matching(method, path, request.headers)
            if match:
                return route, match
        raise Problem("not-found", f"There is no route for {method} {path}.")

    def _preflight(self, request: web.Request, path: str) -> web.Response:
        """A browser asks about the method that it will use, so that is the one to find the route of."""
        route, _ = self._find(request, request.headers["Access-Control-Request-Method"], path)
        headers = cors.preflight_headers(route.cors_policy, request.headers["Origin"]) if route.cors_policy else {}
        return web.Response(status=200, headers=headers)

    def _check_size(self, request: web.Request) -> None:
        if _is_json(request) and (request.content_length or 0) > self.json_limit:
            raise Problem("too-large", f"The body is larger than {self.json_limit} bytes.")


def _is_json(request: web.Request) -> bool:
    return request.content_type == "application/json" or request.content_type.endswith("+json")


def _is_loopback(address: str | None) -> bool:
    return address is not None and ip_address(address).is_loopback


def _rewritten(path: str, route: Route, match: Match) -> str:
    """rewrite.uri takes the place of what was matched: all of the path, or its prefix."""
    if not route.rewrite.uri:
        return path
    if match.uri is not None and match.uri.prefix is not None:
        return route.rewrite.uri + path.removeprefix(match.uri.prefix)
    return route.rewrite.uri


def _forwarded(request: web.Request, route: Route) -> CIMultiDict[str]:
    """The request's headers as a function gets them. The last of X-Forwarded-For is the one that we saw ourselves."""
    headers = end_to_end(request.headers)
    earlier = headers.get("X-Forwarded-For")
    headers["X-Forwarded-For"] = f"{earlier}, {request.remote}" if earlier else str(request.remote)
    headers["X-Forwarded-Proto"] = request.scheme
    headers["X-Forwarded-Host"] = request.host
    if not _REQUEST_ID.fullmatch(headers.get("X-Request-Id", "")):
        headers["X-Request-Id"] = os.urandom(16).hex()
    if not _TRACEPARENT.fullmatch(headers.get("traceparent", "")):
        headers["traceparent"] = f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01"
    if route.rewrite.authority:
        headers["Host"] = route.rewrite.authority
    return apply(route.headers.request, headers)
