"""Access tokens: JSON Web Tokens that expire, checked by a list of those that were issued."""

from __future__ import annotations

import base64
import json
import math
import secrets
from typing import TYPE_CHECKING

from .answers import Refused

if TYPE_CHECKING:
    from .clock import Clock


class Sessions:
    """Issues and checks tokens.

    Args:
        clock: The time that tokens expire by.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._expiries: dict[str, float] = {}

    def issue(self, life: float) -> str:
        """A token that is valid for `life` seconds."""
        now = self._clock.now()
        claims = {"iat": int(now), "exp": math.ceil(now + life)}  # whole seconds, as the format wants
        parts = [b'{"alg":"HS256","typ":"JWT"}', json.dumps(claims).encode(), secrets.token_bytes(32)]
        token = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
        self._expiries[token] = now + life
        return token

    def revoke(self) -> None:
        """Invalidate all tokens."""
        self._expiries.clear()

    def check(self, authorization: str | None) -> None:
        """Check an `Authorization` header.

        Raises:
            Refused: There is none, or its token is unknown, revoked or expired.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refused(401, "No auth token")
        expiry = self._expiries.get(token.strip())
        if expiry is None:
            raise Refused(401, "invalid signature")
        if expiry <= self._clock.now():
            raise Refused(401, "jwt expired")
