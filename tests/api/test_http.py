"""What the client makes of HTTP: it tries again what may pass, ends what does not, and tells nobody's secrets."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from didomi_sandbox import Behaviour, Fault, RawJson, Sandbox, plain_store, serve
from didomi_sandbox.connections import drip, drip_head, gzip_bomb
from didomi_sandbox.kinds import envelope, gateway, redirect, refusal, too_many, too_many_until
from didomi_source.api.client import DidomiClient
from didomi_source.errors import (
    ApiError,
    AuthenticationError,
    BadRequest,
    ConfigurationError,
    DidomiError,
    Forbidden,
    NotFound,
    ProtocolError,
    Unavailable,
)
from didomi_source.reading.logs import read_items
from didomi_source.reading.pages import Page
from didomi_source.reading.paging import ListReader
from didomi_source.settings import Settings
from didomi_source.source import list_exports
from support.warehouse import EXPORT, Start, Warehouse, arguments

Connect = Callable[..., DidomiClient]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Makes clients for a sandbox, which are closed with the test."""
    clients = []

    def make(server: Sandbox, **settings: Any) -> DidomiClient:
        clients.append(DidomiClient(Settings(**arguments(server, **settings))))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Lets no time pass between two attempts, and tells how long each pause would have been."""
    slept: list[float] = []
    monkeypatch.setattr("tenacity.nap.time", SimpleNamespace(sleep=slept.append))
    return slept


def page(client: DidomiClient, skip: int = 0) -> list[str]:
    return [log["id"] for log in client.logs_page(EXPORT, skip, 99, None)[0]]


def logins(server: Sandbox) -> int:
    return sum(r.path.endswith("/sessions") for r in server.requests)


ALL = [f"log-{n:06d}" for n in range(5)]


# -- tokens --------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [{"api_key": "nobody"}, {"api_secret": "guess"}])
def test_wrong_credentials_are_named(sandbox: Start, connect: Connect, wrong: dict[str, str]) -> None:
    """A login that is refused says which settings to check, after one request, and nothing of their values."""
    server = sandbox()
    with pytest.raises(AuthenticationError) as caught:
        connect(server, **wrong).authenticate()
    assert str(caught.value) == (
        f"POST {server.base_url}/sessions: the API refuses the API key (400): "
        "check SOURCES__DIDOMI__API_KEY and SOURCES__DIDOMI__API_SECRET"
    )
    assert len(server.requests) == 1


def test_a_token_that_ends_in_mid_run_is_renewed(sandbox: Start, connect: Connect) -> None:
    """After a 401 the client logs in once more and asks again."""
    server = sandbox(plain_store(5))
    client = connect(server)
    client.authenticate()
    server.sessions.revoke()
    assert page(client) == ALL
    assert [r.status for r in server.requests] == [201, 401, 201, 200]


def test_a_token_that_is_never_taken_is_an_error(sandbox: Start, connect: Connect) -> None:
    """Tokens that are refused right after login end after one renewal, by name."""
    server = sandbox(plain_store(5), faults=[Fault(refusal(401))])
    with pytest.raises(AuthenticationError, match="refuses a token that it has just issued"):
        page(connect(server))
    assert [r.status for r in server.requests] == [201, 401, 201, 401]


def test_a_login_that_breaks_in_mid_run_is_not_tried_25_times(
    sandbox: Start, connect: Connect, pauses: list[float]
) -> None:
    """The attempts of a login are not multiplied by those of the request that needs it."""
    server = sandbox(plain_store(5))
    client = connect(server)
    client.authenticate()
    server.sessions.revoke()
    server.faults = [Fault("gateway_502", on="login")]
    with pytest.raises(Unavailable, match="^POST .*/sessions: the API answers 502"):
        page(client)
    assert logins(server) == 1 + 5


@pytest.mark.parametrize(
    "kind",
    [
        "session_without_token",
        "session_null_token",
        "session_empty_token",
        "session_object_token",
        "session_token_with_newline",
    ],
)
def test_a_session_without_a_usable_token_is_an_error(
    sandbox: Start, connect: Connect, pauses: list[float], kind: str
) -> None:
    """What is no token is never sent as one."""
    server = sandbox(faults=[Fault(kind, on="login")])
    with pytest.raises(ProtocolError, match='without a usable "access_token"'):
        connect(server).authenticate()
    assert {r.path for r in server.requests} == {"/v1/sessions"}


# -- what passes, and what does not --------------------------------------------------------------

PASSING = [
    "gateway_500", "gateway_502", "gateway_503", "gateway_504", "429_zero", "429_missing", "429_garbage",
    "429_negative", "429_fraction", "reset", "closed", "reset_mid_body", "short_body", "unfinished_chunks",
    "truncated_json", "malformed_json", "trailing_garbage", "html", "html_as_json", "empty", "no_content", "null",
    "string", "number", "empty_object", "empty_array", "error_with_200", "short_gzip", "not_gzip", "data_missing",
    "data_null", "data_object", "data_string", "bare_array", "empty_page", "total_negative", "total_text",
    "total_float", "skip_wrong", "skip_text",
]  # fmt: skip


@pytest.mark.parametrize("kind", PASSING)
def test_what_may_pass_is_tried_again(sandbox: Start, connect: Connect, pauses: list[float], kind: str) -> None:
    """A fault that strikes once costs one more request and no log."""
    server = sandbox(plain_store(5), faults=[Fault(kind, nth=1)])
    assert page(connect(server)) == ALL
    assert sum(server.list_requests.values()) == 2


def test_a_slow_answer_is_no_reason_to_give_up(sandbox: Start, connect: Connect) -> None:
    """Only pauses count against `retry_seconds`: a request that waited long for its turn gets a second try."""
    server = sandbox(plain_store(5), faults=[Fault("hang", nth=1)])
    assert page(connect(server, answer_seconds=1, retry_seconds=0.5)) == ALL


@pytest.mark.parametrize(
    "kind", ["byte_order_mark", "total_null", "total_missing", "skip_missing", "limit_wrong", "limit_zero"]
)
def test_what_does_not_matter_is_taken(sandbox: Start, connect: Connect, kind: str) -> None:
    """An envelope that lacks what is not needed is a good answer."""
    server = sandbox(plain_store(5), faults=[Fault(kind)])
    assert page(connect(server)) == ALL
    assert sum(server.list_requests.values()) == 1


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "-Infinity"])
def test_a_number_that_is_not_finite_comes_as_text(sandbox: Start, connect: Connect, number: str) -> None:
    """Then it differs from null and from any other such number wherever logs are compared; numbers beside it stay."""
    store = plain_store(1)
    store.add_logs(
        [{**store.logs()[0], "id": "odd", "metrics": {"users": RawJson(number)}, "ratio": 0.5, "null": None}]
    )
    logs, _ = connect(sandbox(store)).logs_page(EXPORT, 0, 99, None)
    (odd,) = (log for log in logs if log["id"] == "odd")
    assert (odd["metrics"], odd["ratio"], odd["null"]) == ({"users": number}, 0.5, None)


@pytest.mark.parametrize(
    ("kind", "error", "said"),
    [
        ("gateway_503", Unavailable, "the API answers 503"),
        ("reset", Unavailable, "no connection, or it broke"),
        ("truncated_json", ProtocolError, "expected JSON, got"),
        ("html", ProtocolError, "bytes that do not parse (Content-Type: text/html; charset=utf-8)"),
        ("no_content", ProtocolError, "expected 200, got 204"),
        ("bare_array", ProtocolError, 'expected an object with a list "data", got a list'),
        ("data_null", ProtocolError, 'expected a list "data", got null'),
        ("data_missing", ProtocolError, 'expected a list "data", got none'),
        ("total_text", ProtocolError, "expected \"total\" to be a number of 0 or more, got '5'"),
        ("skip_wrong", ProtocolError, "asked for the page at 0, got the page at 1"),
        ("empty_page", ProtocolError, "the page at 0 is empty, though the list is said to hold 5"),
    ],
)
def test_what_does_not_pass_is_named(
    sandbox: Start, connect: Connect, pauses: list[float], kind: str, error: type[ApiError], said: str
) -> None:
    """A fault that stays ends after five attempts at most, with the URL and what was wrong, within 35 seconds."""
    server = sandbox(plain_store(5), faults=[Fault(kind)])
    with pytest.raises(error) as caught:
        page(connect(server, retry_seconds=300))
    assert said in str(caught.value)
    assert f"GET {server.base_url}/marketplace/exports/logs?organization_id=acme&export_id={EXPORT}" in str(
        caught.value
    )
    assert sum(server.list_requests.values()) == (5 if error is Unavailable else 4)
    assert sum(pauses) < 35
    assert pauses == sorted(pauses)


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (400, BadRequest, "lower page_size"),
        (403, Forbidden, "give the API key the right to read this, or leave it out"),
        (404, NotFound, "check the export id"),
    ],
)
def test_a_refusal_is_not_tried_again(
    sandbox: Start, connect: Connect, status: int, error: type[ApiError], said: str
) -> None:
    """400, 403 and 404 are errors at once, and say what to do."""
    server = sandbox(plain_store(5), faults=[Fault(refusal(status, "Because"))])
    with pytest.raises(error) as caught:
        page(connect(server))
    assert f"the API answers {status} (" in str(caught.value)
    assert "Because" in str(caught.value)
    assert said in str(caught.value)
    assert sum(server.list_requests.values()) == 1


# -- rate limit ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [too_many("seconds", "1"), too_many_until(2)])
def test_retry_after_is_waited_for(sandbox: Start, connect: Connect, kind: Any) -> None:
    """A 429 with a moment to come back, in seconds or as a date, is tried again then and not before."""
    server = sandbox(plain_store(5), faults=[Fault(kind, nth=1)])
    assert page(connect(server)) == ALL
    first, second = (r.time for r in server.requests if r.is_list)
    assert 0.9 <= second - first <= 3.0


def test_retry_after_of_a_server_that_is_down_is_waited_for(sandbox: Start, connect: Connect) -> None:
    """A 503 with one is not tried five times before the server can be up again."""
    server = sandbox(plain_store(5), faults=[Fault(gateway(503, retry_after="2"), nth=1)])
    assert page(connect(server)) == ALL
    first, second = (r.time for r in server.requests if r.is_list)
    assert 1.9 <= second - first <= 4.0


def test_a_server_that_is_down_for_long_ends_at_once(sandbox: Start, connect: Connect, pauses: list[float]) -> None:
    server = sandbox(plain_store(5), faults=[Fault(gateway(503, retry_after="86400"))])
    tomorrow = datetime.now(timezone.utc) + timedelta(days=1)
    with pytest.raises(Unavailable, match=f"503; it is open again at {tomorrow:%Y-%m-%d}"):
        page(connect(server, retry_seconds=300))
    assert (pauses, sum(server.list_requests.values())) == ([], 1)


def test_without_time_for_pauses_nothing_is_tried_again(sandbox: Start, connect: Connect) -> None:
    server = sandbox(plain_store(5), faults=[Fault(gateway(502))])
    with pytest.raises(Unavailable, match="502"):
        page(connect(server, retry_seconds=0))
    assert sum(server.list_requests.values()) == 1


def test_retry_after_holds_for_all_threads(sandbox: Start, connect: Connect) -> None:
    """While one request waits for the rate limit, no other one is sent."""
    server = sandbox(plain_store(5), faults=[Fault(too_many("seconds", "1"), nth=1)])
    client = connect(server)
    with ThreadPoolExecutor() as pool:
        refused = pool.submit(page, client)
        while not any(r.is_list for r in server.requests):
            time.sleep(0.01)
        time.sleep(0.2)
        assert page(client) == refused.result() == ALL
    first, *later = (r.time for r in server.requests if r.is_list)
    assert [when - first >= 0.9 for when in later] == [True, True]


def test_a_long_retry_after_ends_at_once(sandbox: Start, connect: Connect, pauses: list[float]) -> None:
    """A wait beyond the budget is an error that says when to come back."""
    server = sandbox(plain_store(5), faults=[Fault("429_day")])
    with pytest.raises(Unavailable) as caught:
        page(connect(server, retry_seconds=300))
    tomorrow = datetime.now(timezone.utc) + timedelta(days=1)
    assert f"open again at {tomorrow:%Y-%m-%d}" in str(caught.value)
    assert (pauses, sum(server.list_requests.values())) == ([], 1)


@pytest.mark.parametrize("value", ["1764500000000", "9" * 400, "Fri, 31 Dec 9999 23:59:59 -2300", "²", "soon"])
def test_a_retry_after_beyond_any_calendar_is_an_error_like_others(
    sandbox: Start, connect: Connect, pauses: list[float], value: str
) -> None:
    """Milliseconds since 1970, for one; what is no number is no order."""
    server = sandbox(plain_store(5), faults=[Fault(too_many("value", value))])
    with pytest.raises(Unavailable, match="rate limit is used up"):
        page(connect(server, retry_seconds=1))


def test_many_429_are_outwaited(sandbox: Start, connect: Connect, pauses: list[float]) -> None:
    """A rate limit passes: only the time allowed ends the attempts, not their number."""
    server = sandbox(plain_store(5), faults=[Fault("429_missing", first=12)])
    assert page(connect(server, retry_seconds=300)) == ALL
    assert sum(server.list_requests.values()) == 13


# -- deadlines and bounds ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    ["hang", "hang_after_head", "hang_mid_body", drip(0.02), drip_head(0.02)],
    ids=lambda k: getattr(k, "name", k),
)
@pytest.mark.parametrize("route", ["logs", "login"])
def test_an_answer_that_never_ends_is_ended(sandbox: Start, connect: Connect, kind: Any, route: str) -> None:
    """Whatever stalls or drips, a request ends at its deadline."""
    server = sandbox(plain_store(5), faults=[Fault(kind, on=route)])
    started = time.monotonic()
    with pytest.raises(Unavailable, match="no complete answer within 0.5 s"):
        page(connect(server, answer_seconds=0.5, retry_seconds=0))
    assert time.monotonic() - started < 3.0


def test_an_answer_that_unpacks_to_a_gigabyte_is_refused(sandbox: Start, connect: Connect, pauses: list[float]) -> None:
    """A small body that unpacks beyond the bound is an error that says what to lower."""
    server = sandbox(plain_store(5), faults=[Fault(gzip_bomb(1024))])
    with pytest.raises(ProtocolError, match="larger than 2 MiB: lower page_size"):
        page(connect(server, max_answer_bytes=2 * 2**20))


@pytest.mark.parametrize(
    ("behaviour", "fault", "most"),
    [
        (Behaviour(rate_limit=(10_000, 1), page_cap=50), "skip_ignored_quietly", 120),
        (Behaviour(rate_limit=(10_000, 1), page_cap=50, envelope="data_alone"), "skip_ignored_quietly", 10),
        (Behaviour(rate_limit=(10_000, 1), page_cap=50), "skip_ignored", 10),
        (Behaviour(rate_limit=(10_000, 1), page_cap=50, sort="ignored"), "endless_repeats", 200),
        (Behaviour(rate_limit=(10_000, 1), page_cap=50), "endless_fresh", 100),
        (Behaviour(rate_limit=(10_000, 1), page_cap=50, sort="rejected"), "endless_fresh", 100),
        (Behaviour(rate_limit=(10_000, 1), page_cap=50), envelope("total_huge", "total", 10**30), 100),
    ],
)
def test_a_list_without_an_end_is_left(
    sandbox: Start, connect: Connect, pauses: list[float], behaviour: Behaviour, fault: Any, most: int
) -> None:
    """A server that ignores $skip or never ends its list is found out within a budget of pages."""
    server = sandbox(plain_store(230), behaviour, [Fault(fault)])
    client = connect(server)
    client._limiter.observe({"RateLimit-Policy": "1000000;w=1"})

    def fetch(skip: int, limit: int, direction: Any) -> Page:
        items, total = client.logs_page(EXPORT, skip, limit, direction)
        return Page(read_items(items, EXPORT), total)

    with pytest.raises(ProtocolError):
        list(ListReader(fetch, 99).read())
    assert sum(server.list_requests.values()) <= most


# -- where credentials go ------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_login_is_never_redirected(sandbox: Start, connect: Connect, status: int) -> None:
    """Key and secret go to the configured address alone."""
    elsewhere = sandbox()
    kind = redirect(f"{elsewhere.base_url}/sessions", status)
    server = sandbox(faults=[Fault(kind, on="login")])
    with pytest.raises(AuthenticationError, match="redirect, which is not followed: correct base_url"):
        connect(server).authenticate()
    assert elsewhere.requests == []


def test_a_token_never_goes_to_another_host(sandbox: Start, connect: Connect, pauses: list[float]) -> None:
    """A redirect to another host or port is an error; nothing is sent there."""
    elsewhere = sandbox(plain_store(5))
    server = sandbox(faults=[Fault(redirect(f"{elsewhere.base_url}/marketplace/exports/logs"))])
    with pytest.raises(ProtocolError, match="the API redirects to http://127.0.0.1, which is not followed"):
        page(connect(server))
    assert elsewhere.requests == []


@pytest.mark.parametrize("location", ["http://[broken", "http://127.0.0.1:port/x", "ftp://127.0.0.1/", "//["])
def test_a_redirect_to_nonsense_is_an_error(
    sandbox: Start, connect: Connect, pauses: list[float], location: str
) -> None:
    """A Location that is no address ends in a named error."""
    server = sandbox(faults=[Fault(redirect(location))])
    with pytest.raises(ProtocolError, match="the API redirects to"):
        page(connect(server))


def test_a_redirect_on_the_same_host_is_followed(sandbox: Start, connect: Connect) -> None:
    """A redirect that stays is followed with the token, a few times."""
    server = sandbox(plain_store(5), faults=[Fault("redirect_same_host", first=2)])
    assert page(connect(server)) == ALL


def test_redirects_do_not_go_round_for_ever(sandbox: Start, connect: Connect, pauses: list[float]) -> None:
    """A loop of redirects is an error."""
    server = sandbox(plain_store(5), faults=[Fault("redirect_same_host")])
    with pytest.raises(ProtocolError, match="more than 3 redirects"):
        page(connect(server))


def test_the_environment_is_left_alone(
    sandbox: Start, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a proxy nor a .netrc entry of the environment is used unless asked for."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    server = sandbox(plain_store(5))
    assert page(connect(server)) == ALL
    assert server.requests[-1].headers["authorization"].startswith("Bearer ")
    with pytest.raises(Unavailable):
        connect(server, trust_env=True, retry_seconds=0).authenticate()


SECRETS = {"api_key": "MARKER-key-MARKER", "api_secret": "MARKER-secret-MARKER"}


TELLING = [
    "gateway_502", "429_day", "reset", "hang", "html", "error_with_200", "redirect_other_host", "redirect_nowhere",
    refusal(400, "no {api_secret} for {token}"), refusal(401, "{token} is bad"), refusal(403, "{api_key} may not"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("route", "kind"),
    [*product(["login", "logs"], TELLING), ("logs", envelope("total_token", "total", "{token}"))],
    ids=lambda k: getattr(k, "name", k),
)
def test_no_message_tells_a_secret(
    caplog: pytest.LogCaptureFixture, connect: Connect, pauses: list[float], kind: Any, route: str
) -> None:
    """Key, secret and token are in no error and no log line of any level, even when the API repeats them."""
    caplog.set_level(logging.DEBUG)
    with serve(plain_store(5), Behaviour(rate_limit=(10_000, 1))) as server:
        server.api_key, server.api_secret = SECRETS.values()
        token = server.sessions.issue(3600)
        server.sessions.issue = lambda *_: token
        server.faults = [Fault(_echoing(kind, token), on=route)]
        client = connect(server, answer_seconds=0.3, retry_seconds=0.5)
        with pytest.raises(DidomiError) as caught:
            page(client)
    told = f"{caught.value!r} {caught.value.__cause__!r} {client.__dict__} {caplog.text}"
    assert [secret for secret in (*SECRETS.values(), token) if secret in told] == []


def _echoing(kind: Any, token: str) -> Any:
    if isinstance(kind, str):
        return kind

    def play(scene: Any, answer: Any) -> Any:
        made = kind.play(scene, answer)
        for name, value in {**SECRETS, "token": token}.items():
            made.body = made.body.replace(f"{{{name}}}".encode(), value.encode())
            made.envelope = {
                k: v.replace(f"{{{name}}}", value) if isinstance(v, str) else v for k, v in made.envelope.items()
            }
        return made

    return replace(kind, play=play)


# -- which exports -------------------------------------------------------------------------------


@pytest.mark.parametrize("access", ["forbidden", "missing"])
def test_exports_that_cannot_be_listed_have_to_be_named(sandbox: Start, connect: Connect, access: str) -> None:
    """Where the list of exports is refused, the message says how to name them."""
    server = sandbox(plain_store(1), Behaviour(integrations=access, rate_limit=(10_000, 1)))
    client = connect(server)
    with pytest.raises(ConfigurationError, match="name them in SOURCES__DIDOMI__EXPORT_IDS"):
        list_exports(client, client._settings)


def test_an_organization_without_exports_is_a_mistake(sandbox: Start, connect: Connect) -> None:
    """No export at all is an error that says which settings to check."""
    client = connect(sandbox())
    with pytest.raises(ConfigurationError, match="no export that this API key can see: check SOURCES__DIDOMI__ORG"):
        list_exports(client, client._settings)


def test_many_exports_are_all_found(sandbox: Start, connect: Connect) -> None:
    """The list of exports is read over all its pages, also without a total."""
    for shape in ("full", "data_alone"):
        server = sandbox(plain_store(0), Behaviour(page_cap=20, envelope=shape, rate_limit=(10_000, 1)))
        names = {server.store.add_export(name=str(n)) for n in range(70)}
        client = connect(server)
        assert {row["id"] for row in list_exports(client, client._settings)} == names | {EXPORT}


def test_wrong_credentials_load_nothing(sandbox: Start, warehouse: Warehouse) -> None:
    """A run with wrong credentials fails with our error inside, and leaves no rows."""
    with pytest.raises(Exception, match="refuses the API key") as caught:
        warehouse.load(sandbox(plain_store(1)), api_secret="guess")
    error: BaseException | None = caught.value
    while error is not None and not isinstance(error, AuthenticationError):
        error = error.__cause__ or error.__context__
    assert error is not None
    assert "guess" not in str(caught.value)
