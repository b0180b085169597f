"""The API's routes."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from . import faults
from . import query as queries
from .answers import Answer, Refused, WireResponse, error_answer, json_answer, list_answer
from .reading import Page, Reader
from .recorder import Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request as HttpRequest

    from .sandbox import Sandbox
    from .store import Collection

_NOT_FOUND = "Page not found"


class Exchange:
    """One request, recorded."""

    def __init__(self, sandbox: Sandbox, route: faults.Route, http: HttpRequest, body: bytes) -> None:
        self.sandbox, self.route = sandbox, route
        self.behaviour = sandbox.behaviour
        query = http.url.query
        self.request = Request(
            method=http.method,
            path=http.url.path,
            query=query,
            params=dict(parse_qsl(query, keep_blank_values=True)),
            headers=dict(http.headers),
            body=body,
            time=sandbox.clock.now(),
        )
        sandbox.record(self.request)

    def login(self) -> dict[str, Any]:
        """The body of a login, empty when it is no JSON object."""
        if "json" not in self.request.headers.get("content-type", ""):
            return {}
        try:
            login = json.loads(self.request.body)
        except ValueError:
            return {}
        return login if isinstance(login, dict) else {}

    def authorize(self) -> None:
        """Check the token, and that the query names its organization.

        Raises:
            Refused: There is no valid token, or the query names no or another organization.
        """
        self.sandbox.sessions.check(self.request.headers.get("authorization"))
        asked = self.request.params.get("organization_id")
        if asked is None:
            raise Refused(400, "Missing organization_id")
        if asked != self.sandbox.organization_id:
            raise Refused(403, "You cannot access this organization")


class Api:
    """Answers requests from a sandbox, whose store, behaviour and faults may be replaced between two requests.

    Args:
        sandbox: The sandbox.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._reader = Reader()

    def application(self) -> Starlette:
        """The ASGI application."""
        routes = [
            self._route("/v1/sessions", "login", self._login, method="POST"),
            self._route("/v1/marketplace/exports/logs", "logs", self._logs),
            self._route("/v1/marketplace/integrations", "integrations", self._integrations),
        ]
        errors = {404: self._error(404, _NOT_FOUND), 405: self._error(405, "This method is not supported")}
        app = Starlette(routes=routes, exception_handlers=errors)
        app.router.redirect_slashes = False
        return app

    def _route(
        self, path: str, route: faults.Route, handle: Callable[[Exchange], Answer], method: str = "GET"
    ) -> Route:
        async def endpoint(http: HttpRequest) -> Response:
            return await self._answer(http, route, handle)

        return Route(path, endpoint, methods=[method])

    def _error(self, status: int, message: str) -> Any:
        async def endpoint(http: HttpRequest, _: Exception) -> Response:
            return await self._answer(http, "other", lambda _: error_answer(status, message))

        return endpoint

    # -- from request to response -------------------------------------------

    async def _answer(self, http: HttpRequest, route: faults.Route, handle: Callable[[Exchange], Answer]) -> Response:
        exchange = Exchange(self._sandbox, route, http, await http.body())
        if exchange.behaviour.latency:
            await asyncio.sleep(exchange.behaviour.latency)
        answer = self._limited(exchange, handle)
        exchange.request.status = answer.status if answer.has_status else None
        if answer.send is not None:
            return WireResponse(answer)
        accepts_gzip = "gzip" in exchange.request.headers.get("accept-encoding", "")
        body = answer.compress() if accepts_gzip else answer.payload()
        return Response(body, answer.status, answer.headers)

    def _limited(self, exchange: Exchange, handle: Callable[[Exchange], Answer]) -> Answer:
        verdict = self._sandbox.limiter.check(exchange.request.time, exchange.behaviour)
        if verdict.allowed:
            answer = self._faulty(exchange, handle)
        else:
            answer = error_answer(429, "Too many requests, please try again later.")
        if not answer.from_gateway:
            answer.headers = {**verdict.headers, **answer.headers}
        return answer

    def _faulty(self, exchange: Exchange, handle: Callable[[Exchange], Answer]) -> Answer:
        answer = self._play(exchange, Answer(200), replacing=True)
        if answer is not None:
            return answer
        try:
            answer = handle(exchange)
        except Refused as refusal:
            answer = error_answer(refusal.status, str(refusal))
        if answer.status >= HTTPStatus.BAD_REQUEST:
            return answer
        return self._play(exchange, answer, replacing=False) or answer

    def _play(self, exchange: Exchange, answer: Answer, *, replacing: bool) -> Answer | None:
        """The answer after the faults that the request meets, or None when it meets none."""
        request = exchange.request
        met = self._sandbox.fault_rules.meet(exchange.route, request.params.get("export_id"), replacing=replacing)
        for kind in met[:1] if replacing else met:
            request.fault += (kind.name,)
            is_list = answer.items is not None and exchange.route == "logs"
            scene = faults.Scene(request, self._rereader(exchange) if is_list else None)
            answer = kind.play(scene, answer)
        return answer if met else None

    def _rereader(self, exchange: Exchange) -> Callable[[int, int], list[bytes]]:
        def read(limit: int, skip: int) -> list[bytes]:
            query = replace(queries.parse(exchange.request.query), limit=limit, skip=skip)
            return self._list(exchange, self._read(exchange, "logs", query)).items or []

        return read

    # -- routes -------------------------------------------------------------

    @staticmethod
    def _login(exchange: Exchange) -> Answer:
        login, sandbox = exchange.login(), exchange.sandbox
        sent = [login.get(name) for name in ("type", "key", "secret")]
        if sent != ["api-key", sandbox.api_key, sandbox.api_secret]:
            return error_answer(400, "Invalid authentication information")
        token = sandbox.sessions.issue(exchange.behaviour.token_life)
        return json_answer({"type": "api-key", "key": sandbox.api_key, "access_token": token}, 201)

    def _integrations(self, exchange: Exchange) -> Answer:
        exchange.authorize()
        if exchange.behaviour.integrations == "forbidden":
            raise Refused(403, "You cannot access this resource")
        if exchange.behaviour.integrations == "missing":
            raise Refused(404, _NOT_FOUND)
        return self._list(exchange, self._read(exchange, "exports", queries.parse(exchange.request.query)))

    def _logs(self, exchange: Exchange) -> Answer:
        exchange.authorize()
        _check_export(exchange)
        exchange.sandbox.lists_read += 1
        if exchange.behaviour.on_request is not None:
            exchange.behaviour.on_request(exchange.sandbox.store, exchange.sandbox.lists_read)
        return self._list(exchange, self._read(exchange, "logs", queries.parse(exchange.request.query)))

    # -- lists --------------------------------------------------------------

    def _read(self, exchange: Exchange, collection: Collection, query: queries.Query) -> Page:
        sandbox = exchange.sandbox
        return self._reader.page(sandbox.store, collection, query, exchange.behaviour, sandbox.random)

    @staticmethod
    def _list(exchange: Exchange, page: Page) -> Answer:
        full = {"total": page.total, "limit": page.limit, "skip": page.skip}
        return list_answer(full if exchange.behaviour.envelope == "full" else {}, page.items)


def _check_export(exchange: Exchange) -> None:
    export_id, behaviour = exchange.request.params.get("export_id"), exchange.behaviour
    if export_id in behaviour.forbidden_exports:
        raise Refused(403, "You cannot access this export")
    if export_id in behaviour.missing_exports:
        raise Refused(404, f"No record found for id '{export_id}'")
