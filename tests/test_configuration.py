"""Settings files and secret stores that are broken end in one line with file, line and the next step."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from didomi_source.configuration import _broken_file, unquote_environment, unquoted

ROOT = Path(__file__).parents[1]
GOOD = '[sources.didomi]\napi_key = "hunter2"\n'
BROKEN = {
    "no quotes": (b"[sources.didomi]\napi_key = hunter2\n", ', line 2: is not TOML: write it like name = "value", with the quotes'),
    "no end": (b'[sources.didomi]\napi_key = "hunter2', ', line 2: is not TOML: write it like name = "value", with the quotes'),
    "curly quotes": (
        "[sources.didomi]\n\napi_key = “hunter2”\n".encode(),
        ', line 3: has typographic quotes: write straight ones, like name = "value"',
    ),
    "twice": (f'{GOOD}ids = [\n  "a",\n]\napi_key = "hunter3"\nx = 1\n'.encode(), ", line 6: has a name that was set before: keep one of the two"),
    "table twice": (f"{GOOD}[sources.didomi]\nx = 1\n".encode(), ", line 3: has a name that was set before: keep one of the two"),
    "table again": (b"a.b = 1\n[a]\nc = 1\n", ", line 2: has a name that was set before: keep one of the two"),
    "BOM": (GOOD.encode("utf-8-sig"), ", line 1: begins with a byte order mark: save it as UTF-8 without one (without BOM)"),
    "UTF-16": (GOOD.encode("utf-16"), " is UTF-16: save it as UTF-8"),
    "Latin-1": (f"{GOOD}# clé\n".encode("latin-1"), ", line 3: is not UTF-8: save the file as UTF-8"),
}  # fmt: skip


def printed(code, folder, **environment):
    """What a process of its own prints in a folder."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "RUNTIME__DLTHUB_TELEMETRY": "false", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


# Reads the configuration in each of several environments, twice.
READ = """
import os
from didomi_source.configuration import providers
from didomi_source.errors import ConfigurationError
for environment in CASES:
    os.environ.update(environment)
    for _ in range(2):
        try:
            providers()
        except ConfigurationError as error:
            print(error)
    for name in environment:
        del os.environ[name]
"""


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_settings_file_is_named_with_its_line(tmp_path, monkeypatch, kind):
    """And what to do; nothing of what stands in it, which may be a secret."""
    monkeypatch.chdir(tmp_path)
    content, problem = BROKEN[kind]
    Path("secrets.toml").write_bytes(content)
    Path("good.toml").write_text(GOOD)
    message = _broken_file("secrets.toml", ["missing.toml", "good.toml", "secrets.toml"])
    assert message == f"settings file secrets.toml{problem}"


def test_a_file_that_dlt_alone_can_find_is_named():
    """Colab and Streamlit have secrets of their own."""
    assert _broken_file("secrets.toml", []) == "settings in secrets.toml cannot be read: check its syntax"


def test_a_broken_file_is_told_each_time(tmp_path):
    """Before dlt has read anything, and again."""
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt/config.toml").write_text("x = y")
    message = 'settings file .dlt/config.toml, line 1: is not TOML: write it like name = "value", with the quotes'
    assert printed(READ.replace("CASES", "[{}]"), tmp_path) == [message, message]


@pytest.mark.parametrize("name", ["config.toml", "secrets.toml"])
@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to("nowhere"), os.mkfifo])
def test_what_is_no_file_is_not_passed_over(tmp_path, name, make):
    """Docker makes a folder of a file that it is to mount and that is not there; dlt would read none."""
    (tmp_path / ".dlt").mkdir()
    make(tmp_path / ".dlt" / name)
    message = f"settings file .dlt/{name} is a folder, a link to nothing or no plain file: put the file itself there"
    assert printed(READ.replace("CASES", "[{}]"), tmp_path) == [message, message]


ACCOUNT = "PROVIDERS__GOOGLE_SECRETS__CREDENTIALS__"
REMEDY = "check network and credentials, or switch the store off ([providers] in .dlt/config.toml); other settings are in [runtime]"
STORES = [
    ({"PROVIDERS__ENABLE_AWS_SECRETS": "true"},
     ("the secret store is not configured: set PROVIDERS__AWS_SECRETS__CREDENTIALS__AWS_ACCESS_KEY_ID, "
     "PROVIDERS__AWS_SECRETS__CREDENTIALS__AWS_SECRET_ACCESS_KEY")),
    ({"PROVIDERS__ENABLE_GOOGLE_SECRETS": "true"},
     f"the secret store is not configured: set {ACCOUNT}PROJECT_ID, {ACCOUNT}PRIVATE_KEY, {ACCOUNT}CLIENT_EMAIL"),
    ({"PROVIDERS__ENABLE_GOOGLE_SECRETS": "true", **{ACCOUNT + n: "x" for n in ("PROJECT_ID", "PRIVATE_KEY", "CLIENT_EMAIL")}},
     "the secret store, or what else dlt's settings name, is not installed: pip install 'google-api-python-client'"),
    ({"PROVIDERS__ENABLE_AWS_SECRETS": "perhaps"}, "setting enable_aws_secrets is not a bool: correct or remove it"),
    ({"PROVIDERS__ENABLE_AWS_SECRETS": "true", "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_MAX_ATTEMPTS": "1",
      "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "eu-west-1"},
     ("the secret store, or a setting of dlt's, cannot be used (EndpointConnectionError: Could not connect to the endpoint URL: "
     f'"http://127.0.0.1:1/"): {REMEDY}')),
    ({"RUNTIME__LOG_LEVEL": "loud"}, f"the secret store, or a setting of dlt's, cannot be used (ValueError: Unknown level: 'loud'): {REMEDY}"),
]  # fmt: skip


def test_a_secret_store_that_cannot_be_used_is_told_each_time(tmp_path):
    """Without credentials, package or network; dlt would go on without it from the second time on."""
    cases = [environment for environment, _ in STORES]
    assert printed(READ.replace("CASES", repr(cases)), tmp_path, AWS_EC2_METADATA_DISABLED="true") == [
        message for _, message in STORES for _ in range(2)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("'a'", "a"), ('"a"', "a"), (" 'a \n'\r\n", "a"), ("'a\"", "'a\""), ("'", "'"), ("''", ""), ("it's", "it's")],
)
def test_one_pair_of_matching_quotes_is_removed(text, expected):
    """With blanks and line ends on both sides of it."""
    assert unquoted(text) == expected


def test_variables_lose_quotes_and_line_ends(monkeypatch):
    """As an env file or a mounted secret has them. Those of this project; another program's keep theirs."""
    given = {"SOURCES__DIDOMI__PAGE_SIZE": "'50'", "DIDOMI_DATASET": '"raw"', "NOTIFY__URLS": "'[\"a\"]'",
             "SOURCES__OTHER__KEY": "'a'", "SOURCES__DIDOMI__API_KEY": "plain",
             "SOURCES__DIDOMI__DELIVERIES__BUCKET_URL": "s3://b\n", "DESTINATION__DUCKDB__CREDENTIALS": " duckdb:///x\r\n"}  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    unquote_environment()
    assert {name: os.environ[name] for name in given} == {
        "SOURCES__DIDOMI__PAGE_SIZE": "50", "DIDOMI_DATASET": "raw", "NOTIFY__URLS": '["a"]',
        "SOURCES__OTHER__KEY": "'a'", "SOURCES__DIDOMI__API_KEY": "plain",
        "SOURCES__DIDOMI__DELIVERIES__BUCKET_URL": "s3://b", "DESTINATION__DUCKDB__CREDENTIALS": "duckdb:///x",
    }  # fmt: skip
