"""Proxies and company certificates of the environment: used when asked for, named when they would help or do harm."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from didomi_sandbox import Sandbox, plain_store, serve
from didomi_source.api.client import DidomiClient
from didomi_source.errors import ConfigurationError, Unavailable
from didomi_source.settings import Settings
from support.certificates import self_signed
from support.warehouse import Start, arguments

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
TRUST = "SOURCES__DIDOMI__TRUST_ENV=true"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Nothing of the kind in the environment."""
    for name in (*PROXIES, *(name.lower() for name in PROXIES), *BUNDLES):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def log_in(server: Sandbox, **settings: Any) -> None:
    with closing(DidomiClient(Settings(**arguments(server, **{"retry_seconds": 0, **settings})))) as client:
        client.authenticate()


def error_of(server: Sandbox, **settings: Any) -> str:
    with pytest.raises(Unavailable) as failure:
        log_in(server, **settings)
    return str(failure.value)


def test_certificates_of_the_environment(environment, tmp_path) -> None:
    """Each variable that other programs read, with `trust_env`; without, the message names both."""
    certificate, key = self_signed(tmp_path)
    with serve(plain_store(1), tls=(certificate, key)) as server:
        own = f"; if your network has certificates of its own, name them in SSL_CERT_FILE and set {TRUST}"
        assert "no trusted connection: " in error_of(server)
        assert error_of(server).endswith(own)
        assert error_of(server, trust_env=True).endswith("; name your network's certificates in SSL_CERT_FILE")
        for name in BUNDLES[:3]:
            with environment.context() as patch:
                patch.setenv(name, str(certificate))
                assert error_of(server).endswith(own)
                log_in(server, trust_env=True, retry_seconds=60)


@pytest.mark.parametrize("name", BUNDLES[:3])
def test_certificates_that_cannot_be_read(environment, tmp_path, name) -> None:
    """A missing file, and one without a certificate: the variable is named, and nothing is tried again."""
    certificate, key = self_signed(tmp_path)
    empty = tmp_path / "empty.pem"
    empty.touch()
    with serve(plain_store(1), tls=(certificate, key)) as server:
        for path, reason in ((tmp_path / "gone.pem", "No such file or directory"), (empty, "no certificate in it")):
            environment.setenv(name, str(path))
            with pytest.raises(ConfigurationError) as failure:
                log_in(server, trust_env=True, retry_seconds=60)
            assert str(failure.value) == (
                f"the certificates of {name} cannot be read ({path}: {reason}): correct the variable"
            )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("socks5://user:hunter2@127.0.0.1:9", "HTTP_PROXY names a SOCKS proxy, which needs a package: pip install 'requests[socks]'"),
        ("http://user:hunter2@", "HTTP_PROXY is not the address of a proxy: write it like http://proxy.example:3128"),
        ("http://user:hunter2@host:port", "HTTP_PROXY is not the address of a proxy: write it like http://proxy.example:3128"),
        ("gopher://user:hunter2@host:1", "HTTP_PROXY is not the address of a proxy: write it like http://proxy.example:3128"),
    ],
)  # fmt: skip
def test_a_proxy_that_cannot_be_used(sandbox: Start, environment, value, message) -> None:
    """Its variable is named, and not its password; and nothing is tried again."""
    environment.setenv("HTTP_PROXY", value)
    with pytest.raises(ConfigurationError) as failure:
        log_in(sandbox(plain_store(1)), trust_env=True, retry_seconds=60)
    assert str(failure.value) == message


def test_a_proxy_that_does_not_answer(sandbox: Start, environment) -> None:
    """It is said that it is the proxy, and not the API."""
    environment.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    server = sandbox(plain_store(1))
    assert "no connection through the proxy of the environment: " in error_of(server, trust_env=True)


def test_a_proxy_that_is_not_used_is_named_where_it_would_help(environment) -> None:
    """When the API cannot be reached without it; and only where there is one."""
    with serve(plain_store(1)) as server:
        pass
    assert error_of(server).endswith("Connection refused")
    environment.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert error_of(server).endswith(f"; HTTP_PROXY is not used: set {TRUST} to go through that proxy")
    environment.setenv("NO_PROXY", "127.0.0.1")
    assert error_of(server).endswith("Connection refused")
