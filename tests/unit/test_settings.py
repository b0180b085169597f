"""Settings that cannot be right are refused by name, with what to do."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from didomi_source.errors import ConfigurationError
from didomi_source.settings import Settings, environment_name, is_loopback

ACCESS = {"api_key": "key-1", "api_secret": "secret-1", "organization_id": "acme"}


def test_defaults_are_the_documented_ones() -> None:
    """Key, secret and organization are enough."""
    assert Settings(**ACCESS).as_arguments() == {
        **ACCESS, "export_ids": (), "base_url": "https://api.didomi.io/v1", "page_size": 99, "lookback_days": 2.0,
        "full_read_every_days": 7.0, "retry_seconds": 300.0, "answer_seconds": 30.0, "max_answer_bytes": 67_108_864,
        "trust_env": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"api_key": " "}, "setting sources.didomi.api_key is empty: set SOURCES__DIDOMI__API_KEY or add it to .dlt/secrets.toml"),
        ({"api_secret": ""}, "setting sources.didomi.api_secret is empty"),
        ({"organization_id": None}, "setting sources.didomi.organization_id is empty"),
        ({"export_ids": "a,b"}, 'setting sources.didomi.export_ids is not a list of ids: write it like ["id1", "id2"]'),
        ({"export_ids": ["a", ""]}, "setting sources.didomi.export_ids is not a list of ids"),
        ({"export_ids": [1]}, "setting sources.didomi.export_ids is not a list of ids"),
        ({"base_url": "api.didomi.io"}, "setting sources.didomi.base_url is not a web address: the default is https://api.didomi.io/v1"),
        ({"base_url": "ftp://api.didomi.io"}, "setting sources.didomi.base_url is not a web address"),
        ({"base_url": "https://api.didomi.io:port"}, "setting sources.didomi.base_url is not a web address"),
        ({"base_url": "https://me:pw@api.didomi.io"}, "setting sources.didomi.base_url carries credentials, a query or a fragment"),
        ({"base_url": "https://api.didomi.io/?a=1"}, "setting sources.didomi.base_url carries credentials, a query or a fragment"),
        ({"base_url": "http://api.didomi.io/v1"}, "setting sources.didomi.base_url is plain http (api.didomi.io): use https"),
        ({"base_url": "http://127.0.0.1.example.com"}, "setting sources.didomi.base_url is plain http"),
        ({"page_size": 0}, "setting sources.didomi.page_size is 0: choose 1 to 1000; the API wants less than 100"),
        ({"page_size": 1001}, "setting sources.didomi.page_size is 1001"),
        ({"lookback_days": -1}, "setting sources.didomi.lookback_days is -1: choose a number from 0 to 36500"),
        ({"full_read_every_days": 1e9}, "setting sources.didomi.full_read_every_days is 1000000000.0"),
        ({"retry_seconds": math.nan}, "setting sources.didomi.retry_seconds is nan: choose a number from 0 to 604800"),
        ({"answer_seconds": 0}, "setting sources.didomi.answer_seconds is 0: choose a number from 0.1 to 604800"),
        ({"max_answer_bytes": 10}, "setting sources.didomi.max_answer_bytes is 10: choose a number from 1024 to inf"),
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_right_is_named(setting: dict[str, Any], message: str) -> None:
    """Which one, what is wrong with it, and what to do."""
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}"):
        Settings(**{**ACCESS, **setting})


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8765/v1",
        "http://localhost",
        "http://api.localhost/v1",
        "http://[::1]:80",
        "https://api.eu.didomi.io/v1/",
    ],
)
def test_plain_http_is_for_this_machine(url: str) -> None:
    """Loopback may be plain; a slash at the end makes no difference."""
    assert Settings(**ACCESS, base_url=url).base_url == url.rstrip("/")


def test_an_export_named_twice_is_read_once() -> None:
    """The order stays."""
    assert Settings(**ACCESS, export_ids=["b", "a", "b"]).export_ids == ("b", "a")


def test_key_and_secret_are_not_shown() -> None:
    """Settings may stand in a log or a traceback."""
    shown = repr(Settings(**ACCESS))
    assert "acme" in shown
    assert "key-1" not in shown
    assert "secret-1" not in shown


def test_the_variable_of_a_setting() -> None:
    """As dlt reads it."""
    assert environment_name("api_key") == "SOURCES__DIDOMI__API_KEY"


@pytest.mark.parametrize(
    ("host", "expected"), [("127.9.9.9", True), ("::1", True), ("10.0.0.1", False), ("mylocalhost", False), ("", False)]
)
def test_loopback(host: str, expected: bool) -> None:
    """This machine, and no name that only looks like it."""
    assert is_loopback(host) == expected
