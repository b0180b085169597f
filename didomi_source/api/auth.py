"""One access token for all threads, renewed before it expires or when the API refuses it.

Source: developers.didomi.io, authentication (read 2026-11): `POST /sessions` answers a JWT that lives
one hour; an older copy of the page says 24 hours, so the token's own `exp` counts where it has one.
"""

from __future__ import annotations

import base64
import binascii
import json
import threading
import time
from collections.abc import Callable

DEFAULT_LIFE_SECONDS = 3600.0
# Renewed this long before its end, so that it does not expire on the way.
_MARGIN_SECONDS = 60.0


class TokenCache:
    """Holds the current token and asks for a new one when it is needed.

    Args:
        login: Trades key and secret for an access token.
        clock: Seconds that only ever go forward.
    """

    def __init__(self, login: Callable[[], str], clock: Callable[[], float] = time.monotonic) -> None:
        self._login = login
        self._clock = clock
        self._lock = threading.Lock()
        self._token: str | None = None
        self._life = DEFAULT_LIFE_SECONDS
        self._renew_at = 0.0

    def get(self, refused: str | None = None) -> str:
        """The token to send now.

        Args:
            refused: A token that the API has just answered 401 to; it is not handed out again.

        Returns:
            An access token. Threads that come with the same refused token share one login.
        """
        with self._lock:
            if self._token is None or self._token == refused or self._clock() >= self._renew_at:
                asked_at = self._clock()
                self._token = self._login()
                self._life = _life_seconds(self._token)
                self._renew_at = asked_at + max(self._life - _MARGIN_SECONDS, self._life * 0.8)
            return self._token

    def is_current(self, token: str) -> bool:
        """Whether a token is still the one to send: it may have grown old while its sender waited."""
        return token == self._token and self._clock() < self._renew_at

    @property
    def current(self) -> str | None:
        """The token that was issued last, to keep it out of messages."""
        return self._token

    @property
    def has_token(self) -> bool:
        """Whether a login has worked."""
        return self._token is not None

    @property
    def renewals(self) -> int:
        """How often one request may answer 401 with a new token: a token of seconds dies on the way."""
        return 1 if self._life >= _MARGIN_SECONDS else 5


def _life_seconds(token: str) -> float:
    """How long a token lives from now: `exp - iat` of its payload, an hour when it does not say."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        life = float(claims["exp"]) - float(claims["iat"])
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return DEFAULT_LIFE_SECONDS
    return life if 0 < life < DEFAULT_LIFE_SECONDS else DEFAULT_LIFE_SECONDS
