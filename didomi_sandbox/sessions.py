"""Access tokens: real JSON Web Tokens that expire."""

from __future__ import annotations

import math
import secrets
import uuid
from typing import TYPE_CHECKING

import jwt

if TYPE_CHECKING:
    from .clock import Clock

_ALGORITHM = "HS256"


class NotAuthenticatedError(Exception):
    """A request without a valid token; the message is what the API says."""


class Sessions:
    """Issues tokens, and tells whose a token is; the key that signs them is new for each server."""

    def __init__(self, clock: Clock) -> None:
        """Make a signing key.

        Args:
            clock: The time that tokens expire by.
        """
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._expiries: dict[str, float] = {}

    def issue(self, organization: str, life: float) -> str:
        """Return a token for an organization that is valid for `life` seconds."""
        now = self._clock.now()
        token_id = uuid.uuid4().hex
        # The token itself can name whole seconds only.
        self._expiries[token_id] = now + life
        claims = {
            "jti": token_id,
            "sub": uuid.uuid4().hex[:8],
            "organization_id": organization,
            "iat": int(now),
            "exp": math.ceil(now + life),
        }
        return jwt.encode(claims, self._key, _ALGORITHM)

    def revoke(self) -> None:
        """End all tokens at once."""
        self._expiries.clear()

    def organization(self, authorization: str | None) -> str:
        """Return the organization of an ``Authorization`` header.

        Raises:
            NotAuthenticatedError: There is none, or its token is malformed, forged, ended or expired.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            message = "No auth token"
            raise NotAuthenticatedError(message)
        try:
            claims = jwt.decode(
                token.strip(), self._key, [_ALGORITHM], options={"verify_exp": False, "verify_iat": False}
            )
        except jwt.InvalidSignatureError as error:
            message = "invalid signature"
            raise NotAuthenticatedError(message) from error
        except jwt.InvalidTokenError as error:
            message = "jwt malformed"
            raise NotAuthenticatedError(message) from error
        if self._expiries.get(claims["jti"], 0) <= self._clock.now():
            message = "jwt expired"
            raise NotAuthenticatedError(message)
        return str(claims["organization_id"])
