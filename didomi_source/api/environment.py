"""Proxies and certificates of the environment: used with `trust_env`, and named where they would help or do harm."""

from __future__ import annotations

import importlib.util
import os
import ssl
from pathlib import Path
from typing import Any

import requests
from requests.exceptions import ProxyError, SSLError
from requests.utils import get_environ_proxies, select_proxy
from urllib3.exceptions import LocationValueError
from urllib3.util import Url, parse_url

from didomi_source.configuration import environment_name
from didomi_source.errors import ConfigurationError

# requests reads the first two; Python itself and other programs the others.
_BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
_SCHEMES = (None, "http", "https", "socks4", "socks4a", "socks5", "socks5h")


def settings_for(session: requests.Session, url: str) -> dict[str, Any]:
    """The proxies and certificates for a request, as arguments of `Session.send`.

    Raises:
        ConfigurationError: The proxy cannot be used; it names the variables, and not their values, which may hold a
            password.
    """
    options: dict[str, Any] = dict(session.merge_environment_settings(url, {}, True, None, None))
    if session.trust_env and options["verify"] is True:
        options["verify"] = next(filter(None, map(os.environ.get, _BUNDLES)), True)
    if proxy := select_proxy(url, options["proxies"]):
        _check_proxy(proxy)
    return options


def _check_proxy(proxy: str) -> None:
    names = " or ".join(_variables())
    try:
        address = parse_url(proxy)
    except LocationValueError:
        address = Url()
    if not address.host or address.scheme not in _SCHEMES:
        raise ConfigurationError(f"{names} is not the address of a proxy: write it like http://proxy.example:3128")
    if str(address.scheme).startswith("socks") and importlib.util.find_spec("socks") is None:
        raise ConfigurationError(f"{names} names a SOCKS proxy, which needs a package: pip install 'requests[socks]'")


def refuse_bundle(bundle: Any) -> None:
    """Refuse certificates that cannot be read, after an error: trying again would not help.

    Args:
        bundle: A file or folder of certificates; true for those of requests.

    Raises:
        ConfigurationError: It names the variable and the path.
    """
    if isinstance(bundle, str) and (reason := _fault_of(Path(bundle))):
        names = [name for name in _BUNDLES if os.environ.get(name) == bundle]
        msg = f"the certificates of {' and '.join(names)} cannot be read ({bundle}: {reason}): correct the variable"
        raise ConfigurationError(msg)


def hint(error: Exception, session: requests.Session, url: str) -> str:
    """How `trust_env` could help after an error; empty if it could not."""
    setting = f"{environment_name('trust_env')}=true"
    if isinstance(error, SSLError):
        if session.trust_env:
            return "" if any(map(os.environ.get, _BUNDLES)) else "; name your network's certificates in SSL_CERT_FILE"
        return f"; if your network has certificates of its own, name them in SSL_CERT_FILE and set {setting}"
    is_refused = isinstance(error, requests.ConnectionError) and not isinstance(error, ProxyError)
    if is_refused and not session.trust_env and get_environ_proxies(url):
        return f"; {' or '.join(_variables())} is not used: set {setting} to go through that proxy"
    return ""


def _variables() -> list[str]:
    """The variables that name a proxy for HTTPS or for everything."""
    names = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
    return [name for name in names if os.environ.get(name)]


def _fault_of(bundle: Path) -> str:
    """Why a file or folder of certificates cannot be used; empty if it can."""
    try:
        if not bundle.is_dir():
            ssl.create_default_context(cafile=str(bundle))
    except ssl.SSLError:
        return "no certificate in it"
    except OSError as error:
        return str(error.strerror)
    return ""
