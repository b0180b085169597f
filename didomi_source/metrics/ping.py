"""A dead man's switch: a service that raises an alarm when it is not called in time.

Source: healthchecks.io/docs/http_api (read 2026-11): `<url>/start`, `<url>` and `<url>/fail`, by POST; what is sent
with it is kept as a log.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from urllib.parse import urlsplit, urlunsplit

from didomi_source.configuration import get_secret
from didomi_source.errors import ConfigurationError, RunLocked

from . import WAIT_SECONDS, Outcome

logger = logging.getLogger(__name__)

SETTING = "notify.ping_url"
_START_TIMEOUT = (5, 10)  # in the background
_END_TIMEOUT = WAIT_SECONDS
_PAUSES = (0.0, 0.3, 0.6)  # before each try at the end, in seconds
_BODY_LENGTH = 10_000


def configured_url() -> str | None:
    """The URL of dlt's configuration."""
    found: object = get_secret(SETTING)
    return str(found) if found else None


class Ping:
    """Calls the service.

    Args:
        url: Its URL for this schedule; whoever knows it can call it, so it is told to nobody.

    Raises:
        ConfigurationError: It is not a web address.
    """

    def __init__(self, url: str) -> None:
        try:
            self._parts = urlsplit(url)
            valid = self._parts.scheme in ("http", "https") and bool(self._parts.hostname)
        except ValueError:
            valid = False
        if not valid:
            msg = f"--ping-url, or {SETTING}, is not a web address: write it like https://hc-ping.com/your-uuid"
            raise ConfigurationError(msg)
        self.name = f"the ping to {self._parts.hostname}"
        self._start: threading.Thread | None = None

    def step(self, text: str) -> None:  # noqa: ARG002 - a `Watcher`
        """Call `/start` with the first step, in the background."""
        if self._start is None:
            self._start = threading.Thread(target=self._call, args=("/start", _START_TIMEOUT), daemon=True)
            self._start.start()

    def ended(self, outcome: Outcome) -> None:
        """Call with the outcome; a run that found another one at work calls nothing."""
        if isinstance(outcome.error, RunLocked):
            return
        if self._start is not None:
            self._start.join(WAIT_SECONDS / 2)  # so that the service receives both in their order
        self._call("/fail" if outcome.exit_code else "", _END_TIMEOUT, "\n".join(outcome.failures), _PAUSES)

    def _call(
        self, ending: str, timeout: float | tuple[float, float], body: str = "", pauses: Sequence[float] = (0.0,)
    ) -> None:
        import requests

        # A query stays behind the path.
        url = urlunsplit(self._parts._replace(path=self._parts.path.rstrip("/") + ending))
        why = ""
        for pause in pauses:
            time.sleep(pause)
            try:
                answer = requests.post(url, data=body[:_BODY_LENGTH].encode(), timeout=timeout)
            except requests.RequestException as error:
                why = type(error).__name__  # its text holds the URL
                continue
            if answer.ok:
                return
            why = f"it answered {answer.status_code}"
        logger.warning("%s failed (%s); the run is not affected", self.name, why)
