"""A tap of the Meltano SDK, as its template lays it out."""

from __future__ import annotations

import os
from functools import cached_property

import requests
from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import BearerTokenAuthenticator
from singer_sdk.pagination import BaseOffsetPaginator

URL = os.environ["BENCH_URL"] + "/v1"
PAGE_SIZE = 1000


class Paginator(BaseOffsetPaginator):
    def has_more(self, response: requests.Response) -> bool:
        page = response.json()
        return page["skip"] + len(page["data"]) < page["total"]


class ExportLogs(RESTStream):
    name = "export_logs"
    url_base = URL
    path = "/marketplace/exports/logs"
    records_jsonpath = "$.data[*]"
    primary_keys = ("id",)
    schema = th.PropertiesList(
        th.Property("id", th.StringType, required=True),
        th.Property("export_id", th.StringType),
        th.Property("organization_id", th.StringType),
        th.Property("status", th.StringType),
        th.Property("config", th.ObjectType(th.Property("frequency", th.StringType))),
        th.Property("metrics", th.ObjectType(th.Property("users", th.IntegerType))),
        th.Property("result", th.StringType),
        th.Property("created_at", th.DateTimeType),
        th.Property("updated_at", th.DateTimeType),
    ).to_dict()

    @cached_property
    def authenticator(self) -> BearerTokenAuthenticator:
        login = requests.post(f"{URL}/sessions", json={"type": "api-key", "key": "key", "secret": "secret"}, timeout=30)
        return BearerTokenAuthenticator(token=login.json()["access_token"])

    def get_new_paginator(self) -> Paginator:
        return Paginator(start_value=0, page_size=PAGE_SIZE)

    def get_url_params(self, context, next_page_token):  # noqa: ARG002
        return {
            "organization_id": "org-1",
            "export_id": "export-1",
            "$limit": PAGE_SIZE,
            "$skip": next_page_token or 0,
        }


class TapDidomi(Tap):
    name = "tap-didomi"
    config_jsonschema = th.PropertiesList().to_dict()

    def discover_streams(self) -> list[ExportLogs]:
        return [ExportLogs(self)]


if __name__ == "__main__":
    TapDidomi.cli()
