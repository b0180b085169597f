"""A setting is described once, in the class `Settings`; whatever shows it is written from there."""

from __future__ import annotations

from inspect import signature

import dlt
import pytest
from settings_pages import ROOT, described, pages, secrets

from didomi_source import didomi_source
from didomi_source.settings import Settings


@pytest.mark.parametrize("page", [page for page, _ in pages()], ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_shows_the_settings_as_they_are(page):
    """`make settings` would change nothing, and each setting is there."""
    assert page.read_text() == dict(pages())[page]
    shown = secrets() if page.name == "example.secrets.toml" else Settings().keys() - secrets()
    assert [name for name in shown if name not in page.read_text()] == []


def test_the_source_takes_each_setting_and_describes_it_alike():
    """Names, order, defaults and descriptions of its arguments are those of the settings."""
    taken = {name: argument.default for name, argument in signature(didomi_source).parameters.items()}
    assert (taken.pop("request"), taken.pop("reading")) == (None, None)
    assert list(taken) == list(Settings())
    configured = {"api_key": dlt.secrets.value, "api_secret": dlt.secrets.value, "organization_id": dlt.config.value}
    assert taken == {**Settings(), **configured, "export_ids": None}
    told = described(didomi_source)
    assert told.pop("request")
    assert told.pop("reading")
    assert told == described(Settings)
