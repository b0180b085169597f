"""Settings that cannot be right are refused by name, with what to do."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from didomi_source.configuration import environment_name
from didomi_source.errors import ConfigurationError
from didomi_source.settings import Settings, is_loopback, load_settings

ACCESS = {"api_key": "key-1", "api_secret": "secret-1", "organization_id": "acme"}


def test_defaults_are_the_documented_ones() -> None:
    """Key, secret and organization are enough."""
    assert dict(Settings(**ACCESS)) == {
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
        ({"export_ids": '{"a": 1}'}, 'setting sources.didomi.export_ids is not a list of ids: write it like ["id1", "id2"]'),
        ({"export_ids": "[a"}, "setting sources.didomi.export_ids is not a list of ids"),
        ({"export_ids": ["a", ""]}, "setting sources.didomi.export_ids is not a list of ids"),
        ({"export_ids": [1]}, "setting sources.didomi.export_ids is not a list of ids"),
        ({"export_ids": ["a b"]}, "setting sources.didomi.export_ids is not an id ('a b'): write it without quotes, brackets and blanks"),
        ({"export_ids": ['["id1"', '"id2"]']}, "setting sources.didomi.export_ids is not an id ('[\"id1\"')"),
        ({"organization_id": "\u201cacme\u201d"}, "setting sources.didomi.organization_id is not an id ('\u201cacme\u201d')"),
        ({"organization_id": "ac\nme"}, r"setting sources.didomi.organization_id is not an id ('ac\nme')"),
        ({"organization_id": "acme\udcff"}, r"setting sources.didomi.organization_id is not an id ('acme\udcff')"),
        ({"api_key": "\ufeffkey-1"}, ("setting sources.didomi.api_key holds a line end, a byte order mark or another character that no key has: "
         "copy it again; a file that it is read from has to be plain text")),
        ({"api_key": "key\n1"}, "setting sources.didomi.api_key holds a line end"),
        ({"api_secret": "secret-1\u200b"}, "setting sources.didomi.api_secret holds a line end"),
        ({"api_secret": "\u201csecret-1\u201d"}, "setting sources.didomi.api_secret holds a line end"),
        ({"base_url": "https://api.didomi.io/v1 /"}, "setting sources.didomi.base_url is not a web address"),
        ({"base_url": "https://api.didomi.io/\tv1"}, "setting sources.didomi.base_url is not a web address"),
        ({"base_url": "https://api.didomi.io/v1\u200b"}, "setting sources.didomi.base_url is not a web address"),
        ({"base_url": "https://api..didomi.io/v1"}, "setting sources.didomi.base_url is not a web address"),
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


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ('["id1", "id2"]', ("id1", "id2")),
        ('\'["id1", "id2"]\'', ("id1", "id2")),
        ("id1, id2,\n", ("id1", "id2")),
        ("'id1'", ("id1",)),
        ("12345", ("12345",)),
        (" ", ()),
        ([" id1\n", "id1"], ("id1",)),
    ],
)
def test_ids_may_be_a_text(given: Any, expected: tuple[str, ...]) -> None:
    """As the environment has them, and with the quotes that an env file keeps."""
    assert Settings(**ACCESS, export_ids=given).export_ids == expected


def test_blanks_line_ends_and_quotes_around_a_value_are_removed() -> None:
    """As a pasted or mounted key has them, or one of an env file."""
    settings = Settings(" key-1\n", "'secret-1'\r\n", '"acme"', base_url="'https://api.example/v1/'\n")
    assert [*settings.values()][:5] == ["key-1", "secret-1", "acme", (), "https://api.example/v1"]


def configured(monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
    for name, value in {**ACCESS, **settings}.items():
        monkeypatch.setenv(environment_name(name), value)


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """With their types, and without the quotes of an env file; exports that are asked for come first."""
    configured(monkeypatch, page_size="'50'", lookback_days="3", trust_env='"true"', export_ids="'[\"id1\"]'")
    assert load_settings() == {**Settings(**ACCESS, export_ids=["id1"]), "page_size": 50, "lookback_days": 3.0, "trust_env": True}  # fmt: skip
    assert load_settings(["id2", "id2"]).export_ids == ("id2",)
    with pytest.raises(ConfigurationError, match=r"export_ids is not an id \('id 3'\)"):
        load_settings(["id 3"])


def test_variables_of_others_are_not_taken_for_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """dlt by itself would read API_KEY and BASE_URL as well, and send the key to wherever that leads."""
    configured(monkeypatch)
    for name, value in {"BASE_URL": "https://other.example", "SOURCES__BASE_URL": "https://other.example", "PAGE_SIZE": "7"}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    assert load_settings() == Settings(**ACCESS)
    monkeypatch.setenv("API_KEY", "key-2")
    monkeypatch.delenv("SOURCES__DIDOMI__API_KEY")
    with pytest.raises(ConfigurationError, match="^not configured: SOURCES__DIDOMI__API_KEY "):
        load_settings()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"page_size": "many"}, "setting sources.didomi.page_size is not a whole number: 'many'"),
        ({"page_size": "2.5"}, "setting sources.didomi.page_size is not a whole number: '2.5'"),
        ({"retry_seconds": "1,5"}, "setting sources.didomi.retry_seconds is not a number: '1,5'"),
        ({"trust_env": "perhaps"}, "setting sources.didomi.trust_env is not true or false: 'perhaps'"),
        ({"page_size": "5000"}, "setting sources.didomi.page_size is 5000: choose 1 to 1000; the API wants less than 100"),
        ({"api_key": "", "organization_id": "''"}, ("not configured: SOURCES__DIDOMI__API_KEY, SOURCES__DIDOMI__ORGANIZATION_ID "
         "(environment variables, or [sources.didomi] in .dlt/secrets.toml)")),
    ],
)  # fmt: skip
def test_a_variable_that_cannot_be_right_is_named(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], message: str
) -> None:
    """With its setting's name, and all that are missing at once."""
    configured(monkeypatch, **settings)
    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        load_settings()


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
