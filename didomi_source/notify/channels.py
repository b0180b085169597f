"""The services that messages are sent to, by Apprise's URLs, which hold secrets and are never printed (extra `notify`).

Source: github.com/caronc/apprise/wiki (read 2026-11).
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from didomi_source.configuration import get_secret
from didomi_source.errors import ConfigurationError

from .message import UNLIMITED, Message, SizeLimit

SETTING = "notify.urls"


@dataclass(frozen=True)
class Channel:
    """A service that takes messages.

    Args:
        key: Its name in the ledger; holds no secret.
        name: Its name in output; holds no secret.
        service: Apprise's object for it.
        size: How long a message may be.
    """

    key: str
    name: str
    service: Any = field(repr=False, default=None)
    size: SizeLimit = UNLIMITED

    def send(self, message: Message) -> bool:
        """Send a message; returns whether the service accepted all of it.

        Returns once it is sent or refused: `Apprise.notify` would report a time-out while the message still goes out.
        """
        answer = self.service.notify(
            title=message.title,
            body=message.body,
            notify_type=message.kind,
            body_format="text",
            # A text that turns out longer than its limit is not refused; a mode of the URL is kept.
            overflow="split" if self.service.overflow_mode == "upstream" else None,
        )
        return bool(answer)  # also of a result object, which is true only when everything was accepted


NOBODY = Channel("", "nobody yet")


def configured() -> list[Channel]:
    """The channels of dlt's configuration.

    Raises:
        ConfigurationError: One of them is not known to Apprise, or Apprise is not installed.
    """
    urls = _urls()
    if not urls:
        return []
    try:
        from apprise import Apprise, AppriseAsset
    except ImportError:
        raise ConfigurationError("notifications need apprise: pip install 'didomi-source[notify]'") from None
    # Apprise logs URLs; its storage on disk is not needed.
    quiet = logging.getLogger("apprise")
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False
    asset = AppriseAsset(app_id="didomi", app_desc="Didomi exports", async_mode=False, storage_mode="memory")
    found, seen = [], Counter[str]()
    for number, url in enumerate(urls, 1):
        service = Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
        if service is None:
            msg = f"{SETTING}: number {number} of {len(urls)} is no address that Apprise knows; see its wiki"
            raise ConfigurationError(msg)
        # Apprise masks the secrets; the order distinguishes URLs that are equal when masked.
        shown = service.url(privacy=True)  # type: ignore[no-untyped-call]
        masked = hashlib.sha256(shown.encode()).hexdigest()[:16]
        seen[masked] += 1
        name = f"target {number} ({service.service_name})"
        found.append(Channel(f"{masked}-{seen[masked]}", name, service, _size(service)))
    return found


def _size(service: Any) -> SizeLimit:
    if service.overflow_mode == "split":  # the URL asks for all of it, in several messages
        return UNLIMITED
    is_joined = service.title_maxlen <= 0 or service.overflow_amalgamate_title
    return SizeLimit(service.title_maxlen, service.body_maxlen, is_joined, "text" not in service.notify_format)


def _urls() -> list[str]:
    value: Any = get_secret(SETTING)
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.strip().startswith("[") else value.split()
        except ValueError:
            value = {}
    if value is not None and not (isinstance(value, list) and all(isinstance(url, str) for url in value)):
        raise ConfigurationError(f'{SETTING} is not a list: write it like ["slack://…", "mailto://…"]')
    return [url.strip() for url in value or () if url.strip()]
