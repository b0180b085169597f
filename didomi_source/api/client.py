"""The API's HTTP: log in, get pages, try again what may pass, and translate errors once."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import Any, TypeVar
from urllib.parse import urlencode, urljoin, urlsplit

import requests
import tenacity

from didomi_source.configuration import environment_name
from didomi_source.errors import (
    ApiError,
    AuthenticationError,
    BadRequest,
    Forbidden,
    NotFound,
    ProtocolError,
    ServerFailure,
    Unavailable,
)
from didomi_source.settings import Settings

from .answers import error_message, parse_envelope, parse_json, retry_after
from .auth import TokenCache
from .rate_limit import NotSent, RateLimiter
from .transport import exchange, new_session

logger = logging.getLogger(__name__)

LOGS_PATH = "/marketplace/exports/logs"
INTEGRATIONS_PATH = "/marketplace/integrations"

# A fault that does not pass is not worth minutes; a rate limit always passes, so only time ends that.
_ATTEMPTS = 5
_PROTOCOL_ATTEMPTS = 4
_REDIRECTS = 3
_OK = {200, 201}
_PASSING = {408, 425, 500, 502, 503, 504}
_TOO_MANY_REQUESTS = 429


_NOT_TAKEN = "it does not take the request: check organization_id, and lower page_size"
_REFUSALS: dict[int, tuple[type[ApiError], str]] = {
    400: (BadRequest, _NOT_TAKEN),
    422: (BadRequest, _NOT_TAKEN),
    403: (Forbidden, "give the API key the right to read this, or leave it out"),
    404: (NotFound, "check the export id, the organization id and base_url"),
}

T = TypeVar("T")


class Direction(int, Enum):
    """The order to ask for: by creation, then by id."""

    DESCENDING = -1
    ASCENDING = 1


class Postponed(Unavailable):
    """The server is busy: come back after so many seconds, if it says when."""

    def __init__(self, message: str, retry_after: float | None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RateLimited(Postponed):
    """429."""


class _NoLogin(Exception):
    """The login has failed for good: the request that needed it is not worth another try."""

    def __init__(self, error: ApiError | AuthenticationError) -> None:
        super().__init__()
        self.error = error


class DidomiClient:
    """A client for the parts of the Didomi API that this project reads; threads may share it.

    Args:
        settings: Where, as whom, and with which bounds.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._session = new_session(trust_env=settings.trust_env)
        self._limiter = RateLimiter()
        self._tokens = TokenCache(self._log_in)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def authenticate(self) -> None:
        """Log in now, so that wrong credentials show before anything else.

        Raises:
            AuthenticationError: The API refuses key and secret.
            ApiError: The API cannot be reached, or answers something else.
        """
        try:
            self._tokens.get()
        except _NoLogin as failure:
            raise failure.error from None

    @property
    def requests_sent(self) -> int:
        """How many requests were sent so far."""
        return self._limiter.sent

    def seconds_for(self, requests: int) -> float:
        """How long the rate limit makes so many requests take at least, if nobody else uses it."""
        return self._limiter.seconds_for(requests)

    @property
    def is_authenticated(self) -> bool:
        """Whether a login has worked."""
        return self._tokens.has_token

    def logs_page(
        self, export_id: str, skip: int, limit: int, direction: Direction | None
    ) -> tuple[list[Any], int | None]:
        """Get one page of an export's logs.

        Args:
            export_id: The export.
            skip: Offset of the first log.
            limit: Logs asked for; the server may send fewer, or more.
            direction: The order asked for, by creation and then by id; None asks for none.

        Returns:
            The logs as received, and the length of the whole list where the server says it.

        Raises:
            ApiError: See errors.py; the message names the export.

        Source: developers.didomi.io, batch export, logs (read 2026-11); `$sort` is a convention of the
        framework that the API shows.
        """
        query: dict[str, Any] = {"export_id": export_id, "$limit": limit, "$skip": skip}
        if direction is not None:
            query |= {"$sort[created_at]": int(direction), "$sort[id]": int(direction)}
        return self._page(LOGS_PATH, query, skip)

    def integrations_page(self, skip: int, limit: int) -> tuple[list[Any], int | None]:
        """Get one page of the organization's integrations, the exports among them.

        Source: a convention: the documented route creates them with POST (tutorials, read 2026-11).
        """
        return self._page(INTEGRATIONS_PATH, {"$limit": limit, "$skip": skip}, skip)

    # -- requests --------------------------------------------------------------------------------

    def _page(self, path: str, query: Mapping[str, Any], skip: int) -> tuple[list[Any], int | None]:
        query = {"organization_id": self._settings.organization_id, **query}
        url = f"{self._settings.base_url}{path}?{urlencode(query, safe='$[]')}"

        def get() -> tuple[list[Any], int | None]:
            return parse_envelope(self._get(url), skip)

        return self._try_again(get, f"GET {url}")

    def _get(self, url: str) -> object:
        refused: str | None = None
        renewals = 0
        while True:
            token = self._tokens.get(refused)
            answer = self._send(url, token)
            if answer is None:  # the token grew old while the request waited for its turn
                continue
            response, body = answer
            if response.status_code != requests.codes.unauthorized:
                return self._result(response, body)
            refused = token
            renewals += 1
            if renewals > self._tokens.renewals:
                msg = "the API refuses a token that it has just issued (401): is the API key still valid?"
                raise AuthenticationError(msg)

    def _send(self, url: str, token: str) -> tuple[requests.Response, bytes] | None:
        """Send a GET; None when the token grew old while the request waited for its turn."""
        for _ in range(_REDIRECTS + 1):
            request = requests.Request("GET", url, headers=_headers(Authorization=f"Bearer {token}"))
            answer = None
            with self._limiter.slot():
                if not self._tokens.is_current(token):
                    raise NotSent
                answer = self._exchange(request)
            if answer is None or not answer[0].is_redirect:
                return answer
            url = _redirected(url, answer[0].headers["Location"])
        raise ProtocolError(f"more than {_REDIRECTS} redirects")

    def _log_in(self) -> str:
        # A session of its own: nothing that logs or keeps requests ever sees the secret.
        url = f"{self._settings.base_url}/sessions"
        body = {"type": "api-key", "key": self._settings.api_key, "secret": self._settings.api_secret}

        def log_in() -> str:
            with new_session(trust_env=self._settings.trust_env) as session, self._limiter.slot():
                request = requests.Request("POST", url, headers=_headers(), json=body)
                response, answer = self._exchange(request, session)
            if response.is_redirect:
                raise AuthenticationError("the login answers with a redirect, which is not followed: correct base_url")
            if response.status_code in (400, 401, 403):
                raise AuthenticationError(
                    f"the API refuses the API key ({response.status_code}): check "
                    f"{environment_name('api_key')} and {environment_name('api_secret')}"
                )
            found = self._result(response, answer)
            token = found.get("access_token") if isinstance(found, dict) else None
            if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
                raise ProtocolError('the login answers without a usable "access_token"')
            return token

        try:
            return self._try_again(log_in, f"POST {url}")
        except (ApiError, AuthenticationError) as error:
            raise _NoLogin(error) from None

    def _exchange(
        self, request: requests.Request, session: requests.Session | None = None
    ) -> tuple[requests.Response, bytes]:
        response, body = exchange(
            session or self._session,
            request,
            seconds=self._settings.answer_seconds,
            max_bytes=self._settings.max_answer_bytes,
        )
        self._limiter.observe(response.headers)
        return response, body

    def _try_again(self, call: Callable[[], T], what: str) -> T:
        """Call until it works, fails for good, or the time is up; errors then say what was asked."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type((Unavailable, ProtocolError)),
            stop=self._is_hopeless,
            wait=_pause,
            before_sleep=lambda state: logger.warning("%s: %s; trying again", what, self._clean(str(_failure(state)))),
            reraise=True,
        )
        try:
            return retrying(call)
        except _NoLogin as failure:
            raise failure.error from None
        except (ApiError, AuthenticationError) as error:
            kind = Unavailable if isinstance(error, Postponed) else type(error)
            raise kind(f"{what}: {self._clean(str(error))}") from None

    def _is_hopeless(self, state: tenacity.RetryCallState) -> bool:
        # Time spent waiting for the answers of others or for a turn is no reason to give up.
        error, left = _failure(state), self._settings.retry_seconds - state.idle_for
        if isinstance(error, Postponed) and (error.retry_after or 0.0) > left:
            return True
        attempts = _PROTOCOL_ATTEMPTS if isinstance(error, ProtocolError) else _ATTEMPTS
        return not isinstance(error, RateLimited) and (state.attempt_number >= attempts or left <= 0)

    def _result(self, response: requests.Response, body: bytes) -> object:
        """The parsed JSON of a good answer; any other answer as an error."""
        status = response.status_code
        if status in _OK:
            return parse_json(body, response.headers.get("Content-Type", "none"))
        said = self._clean(error_message(body))
        if status == _TOO_MANY_REQUESTS:
            raise self._rate_limited(response.headers)
        if status in _PASSING or status >= 500:  # noqa: PLR2004 - server errors
            answer = f"the API answers {' '.join(filter(None, [str(status), said]))}"
            if status == 500:  # noqa: PLR2004 - neither a gateway nor overload
                raise ServerFailure(answer)
            wait = retry_after(response.headers.get("Retry-After"))
            raise Postponed(answer + _open_again(wait), wait)
        if status in _REFUSALS:
            error, advice = _REFUSALS[status]
            raise error(f"the API answers {' '.join(filter(None, [str(status), said]))}: {advice}")
        raise ProtocolError(f"expected 200, got {status} {said}")

    def _rate_limited(self, headers: Mapping[str, str]) -> RateLimited:
        wait = retry_after(headers.get("Retry-After"))
        if wait is not None and wait <= self._settings.retry_seconds:
            self._limiter.block(wait)
        return RateLimited(f"the organization's rate limit is used up (429){_open_again(wait)}", wait)

    def _clean(self, text: str) -> str:
        """Take key, secret and tokens out of a text that came from outside."""
        text = re.sub(r"[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}", "***", text)
        for secret in (self._settings.api_secret, self._settings.api_key, self._tokens.current):
            text = text.replace(secret, "***") if secret else text
        return text


def _pause(state: tenacity.RetryCallState) -> float:
    """Seconds until the next attempt: what the server orders, else 0.5, 1, 2, 4 … with jitter."""
    backoff = tenacity.wait_exponential_jitter(initial=0.5, max=16, jitter=0.5)(state)
    error = _failure(state)
    if isinstance(error, Postponed) and error.retry_after:
        return error.retry_after + backoff / 8
    return backoff


def _failure(state: tenacity.RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _headers(**more: str) -> dict[str, str]:
    return {"Accept": "application/json", "User-Agent": "didomi-source", **more}


def _open_again(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"; it is open again at {datetime.now(timezone.utc) + timedelta(seconds=seconds):%Y-%m-%d %H:%M UTC}"


def _redirected(url: str, location: str) -> str:
    """Where a redirect leads, if it stays on the host: the token must not go anywhere else."""
    old = urlsplit(url)
    try:
        new = urlsplit(urljoin(url, location))
        stays = (new.scheme, new.hostname, new.port) == (old.scheme, old.hostname, old.port)
    except ValueError:
        raise ProtocolError("the API redirects to what is no address: correct base_url") from None
    upgrades = (old.scheme, new.scheme) == ("http", "https") and new.hostname == old.hostname
    if not (stays or upgrades):
        msg = f"the API redirects to {new.scheme}://{new.hostname}, which is not followed: correct base_url"
        raise ProtocolError(msg)
    return new.geturl()
