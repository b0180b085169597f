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
from .reading import Page, Reader, Wanted, hidden_fields
from .recorder import Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request as HttpRequest

    from .sandbox import Sandbox
    from .store import Record

_ANONYMOUS = "anonymous"
_NOT_FOUND = "Page not found"


class Exchange:
    """One request, recorded, and the organization that sent it."""

    def __init__(self, sandbox: Sandbox, route: faults.Route, http: HttpRequest, body: bytes) -> None:
        self.sandbox, self.route = sandbox, route
        self.behaviour = sandbox.behaviour
        self.query = http.url.query
        self.request = Request(
            method=http.method,
            path=http.url.path,
            query=self.query,
            params=dict(parse_qsl(self.query, keep_blank_values=True)),
            headers=dict(http.headers),
            body=body,
            time=sandbox.clock.now(),
        )
        sandbox.record(self.request)
        self._refusal: Refused | None = None
        self._identify()

    def _identify(self) -> None:
        if self.route == "login":
            login = self.login()
            self.request.organization = self.sandbox.store.organization_of(login.get("key"), login.get("secret"))
            return
        try:
            self.request.organization = self.sandbox.sessions.organization(self.request.headers.get("authorization"))
        except Refused as refusal:
            self._refusal = refusal

    def login(self) -> dict[str, Any]:
        """The body of a login, empty when it is no JSON object."""
        if "json" not in self.request.headers.get("content-type", ""):
            return {}
        try:
            login = json.loads(self.request.body)
        except ValueError:
            return {}
        return login if isinstance(login, dict) else {}

    def organization(self) -> str:
        """The organization of the token, which the query has to name.

        Raises:
            Refused: There is no valid token, or the query names no or another organization.
        """
        if self._refusal is not None:
            raise self._refusal
        asked = self.request.params.get("organization_id")
        if asked is None:
            raise Refused(400, "Missing organization_id")
        if asked != self.request.organization:
            raise Refused(403, "You cannot access this organization")
        return asked


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
        organization = exchange.request.organization or _ANONYMOUS
        verdict = self._sandbox.limiter.check(organization, exchange.request.time, exchange.behaviour)
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
            scene = faults.Scene(
                params=request.params,
                host=request.headers.get("host", ""),
                target=request.path + (f"?{request.query}" if request.query else ""),
                read=self._rereader(exchange) if answer.items is not None and exchange.route == "logs" else None,
            )
            answer = kind.play(scene, answer)
        return answer if met else None

    def _rereader(self, exchange: Exchange) -> Callable[[int, int], list[bytes]]:
        def read(limit: int, skip: int) -> list[bytes]:
            query = replace(queries.parse(exchange.query), limit=limit, skip=skip)
            return self._list(exchange, self._read_logs(exchange, query)).items or []

        return read

    # -- routes -------------------------------------------------------------

    @staticmethod
    def _login(exchange: Exchange) -> Answer:
        login, organization = exchange.login(), exchange.request.organization
        if login.get("type") != "api-key" or organization is None:
            return error_answer(400, "Invalid authentication information")
        token = exchange.sandbox.sessions.issue(organization, exchange.behaviour.token_life)
        return json_answer({"type": "api-key", "key": login["key"], "access_token": token}, 201)

    def _integrations(self, exchange: Exchange) -> Answer:
        organization = exchange.organization()
        if exchange.behaviour.integrations == "forbidden":
            raise Refused(403, "You cannot access this resource")
        if exchange.behaviour.integrations == "missing":
            raise Refused(404, _NOT_FOUND)
        wanted = Wanted("exports", queries.parse(exchange.query), _of(organization), organization)
        return self._list(exchange, self._read(exchange, wanted))

    def _logs(self, exchange: Exchange) -> Answer:
        _check_export(exchange)
        exchange.sandbox.lists_read += 1
        if exchange.behaviour.on_request is not None:
            exchange.behaviour.on_request(exchange.sandbox.store, exchange.sandbox.lists_read)
        return self._list(exchange, self._read_logs(exchange, queries.parse(exchange.query)))

    # -- lists --------------------------------------------------------------

    def _read_logs(self, exchange: Exchange, query: queries.Query) -> Page:
        organization = exchange.organization()
        closed = exchange.behaviour.forbidden_exports | exchange.behaviour.missing_exports
        return self._read(exchange, Wanted("logs", query, _of(organization, closed), (organization, closed)))

    def _read(self, exchange: Exchange, wanted: Wanted) -> Page:
        sandbox = exchange.sandbox
        return self._reader.page(sandbox.store, wanted, exchange.behaviour, sandbox.random)

    @staticmethod
    def _list(exchange: Exchange, page: Page) -> Answer:
        hidden = hidden_fields(exchange.behaviour) if exchange.route == "logs" else ()
        items = [entry.encoded(hidden) for entry in page.entries]
        if exchange.behaviour.envelope != "full":
            return list_answer({}, items)
        return list_answer({"total": page.total, "limit": page.limit, "skip": page.skip}, items)


def _check_export(exchange: Exchange) -> None:
    exchange.organization()
    export_id, behaviour = exchange.request.params.get("export_id"), exchange.behaviour
    if export_id in behaviour.forbidden_exports:
        raise Refused(403, "You cannot access this export")
    if export_id in behaviour.missing_exports:
        raise Refused(404, f"No record found for id '{export_id}'")


def _of(organization: str, closed: frozenset[str] = frozenset()) -> Callable[[Record], bool]:
    return lambda record: (
        record.get("organization_id") == organization and (not closed or record.get("export_id") not in closed)
    )
