"""Access tokens: JSON Web Tokens that expire."""

from __future__ import annotations

import math
import secrets
import uuid
from typing import TYPE_CHECKING

import jwt

from .answers import Refused

if TYPE_CHECKING:
    from .clock import Clock

_ALGORITHM = "HS256"


class Sessions:
    """Issues and checks tokens, with a signing key of its own.

    Args:
        clock: The time that tokens expire by.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._expiries: dict[str, float] = {}

    def issue(self, organization: str, life: float) -> str:
        """A token for an organization, valid for `life` seconds."""
        now = self._clock.now()
        token_id = uuid.uuid4().hex
        # The token itself can hold whole seconds only.
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
        """Invalidate all tokens."""
        self._expiries.clear()

    def organization(self, authorization: str | None) -> str:
        """The organization of an `Authorization` header.

        Raises:
            Refused: There is none, or its token is malformed, forged, revoked or expired.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refused(401, "No auth token")
        try:
            claims = jwt.decode(
                token.strip(), self._key, [_ALGORITHM], options={"verify_exp": False, "verify_iat": False}
            )
        except jwt.InvalidSignatureError as error:
            raise Refused(401, "invalid signature") from error
        except jwt.InvalidTokenError as error:
            raise Refused(401, "jwt malformed") from error
        if self._expiries.get(claims["jti"], 0) <= self._clock.now():
            raise Refused(401, "jwt expired")
        return str(claims["organization_id"])
