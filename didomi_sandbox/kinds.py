"""The kinds of faults: statuses, bodies, envelopes and pages; connections and payloads have their own modules."""

from __future__ import annotations

import gzip
import json
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from .answers import Answer, error_answer, error_body
from .connections import CONNECTION_KINDS
from .encoding import RawJson, encode
from .faults import Kind
from .payloads import PAYLOAD_KINDS
from .query import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from .faults import Scene

_HTML = "text/html; charset=utf-8"
_PAGE = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center><hr>nginx</body></html>"
_PHRASES = {
    500: "500 Internal Server Error",
    502: "502 Bad Gateway",
    503: "503 Service Temporarily Unavailable",
    504: "504 Gateway Time-out",
}
_MESSAGES = {
    400: "Invalid authentication information",
    401: "jwt expired",
    403: "You cannot access this resource",
    404: "Page not found",
}
_NO_VALUE = object()


# -- statuses: they stand in for the answer ---------------------------------


def gateway(status: int, *, retry_after: str | None = None) -> Kind:
    """An HTML answer of a gateway in front of the API: 500, 502, 503 or 504."""

    def play(_: Scene, __: Answer) -> Answer:
        headers = {"Content-Type": _HTML, **({"Retry-After": retry_after} if retry_after is not None else {})}
        return Answer(status, headers, _PAGE.format(_PHRASES[status]).encode(), from_gateway=True)

    return Kind(f"gateway_{status}", play, replaces=True)


def refusal(status: int, message: str | None = None) -> Kind:
    """An error in the API's own form (400, 401, 403, 404 or 500), with the usual message unless one is given."""
    said = message or _MESSAGES.get(status, "Error")
    return Kind(f"refusal_{status}", lambda _, __: error_answer(status, said), replaces=True)


def too_many(name: str, retry_after: str | Callable[[], str] | None) -> Kind:
    """429 without the `RateLimit` headers; `retry_after` is the header, or makes it; None for no such header."""

    def play(_: Scene, __: Answer) -> Answer:
        answer = error_answer(429, "Too many requests, please try again later.")
        answer.from_gateway = True
        if retry_after is not None:
            answer.headers["Retry-After"] = retry_after if isinstance(retry_after, str) else retry_after()
        return answer

    return Kind(name, play, replaces=True)


def too_many_until(seconds: float) -> Kind:
    """429 with `Retry-After` as an HTTP date, so many seconds from now."""
    return too_many("429_date", lambda: formatdate(time.time() + seconds, usegmt=True))


def redirect(location: str, status: int = 302, *, name: str = "redirect") -> Kind:
    """A redirect to a location, in which `{host}` is that of the request and `{target}` its path and query."""

    def play(scene: Scene, _: Answer) -> Answer:
        sent = scene.request
        target = f"{sent.path}?{sent.query}" if sent.query else sent.path
        where = location.replace("{host}", sent.headers.get("host", "")).replace("{target}", target)
        return Answer(status, {"Location": where, "Content-Type": _HTML}, b"Moved", from_gateway=True)

    return Kind(name, play, replaces=True)


_STATUS_KINDS = (
    *(gateway(status) for status in _PHRASES),
    *(refusal(status) for status in _MESSAGES),
    too_many("429_seconds", "1"),
    too_many("429_zero", "0"),
    too_many("429_missing", None),
    too_many("429_day", "86400"),
    too_many("429_negative", "-5"),
    too_many("429_garbage", "soon"),
    too_many("429_fraction", "0.5"),
    too_many_until(2),
    redirect("https://{host}{target}", 301, name="redirect_https"),
    redirect("http://{host}{target}", 302, name="redirect_same_host"),
    redirect("http://elsewhere.invalid{target}", 307, name="redirect_other_host"),
    redirect("", 302, name="redirect_nowhere"),
)


# -- bodies: they spoil a good answer ---------------------------------------


def body(name: str, change: Callable[[bytes], bytes] | bytes, content_type: str | None = None) -> Kind:
    """Other bytes as the body: those given, or a function of the good ones."""

    def play(_: Scene, answer: Answer) -> Answer:
        changed = change if isinstance(change, bytes) else change(answer.payload())
        return answer.with_body(changed, content_type=content_type)

    return Kind(name, play)


def document(name: str, change: Callable[[Any], object]) -> Kind:
    """Another JSON document as the body: a function of the good one, parsed."""
    return body(name, lambda payload: encode(change(json.loads(payload))))


def _no_content(_: Scene, answer: Answer) -> Answer:
    answer.status = 204
    return answer.with_body(b"")


def _short_gzip(_: Scene, answer: Answer) -> Answer:
    packed = gzip.compress(answer.payload(), mtime=0)
    answer.headers["Content-Encoding"] = "gzip"
    return answer.with_body(packed[: len(packed) // 2])


def _not_gzip(_: Scene, answer: Answer) -> Answer:
    answer.headers["Content-Encoding"] = "gzip"
    return answer.with_body(answer.payload())


_BODY_KINDS = (
    body("truncated_json", lambda payload: payload[: len(payload) * 2 // 3]),
    body("malformed_json", lambda payload: payload.replace(b":", b"=", 1)),
    body("trailing_garbage", lambda payload: payload + payload[-20:]),
    body("byte_order_mark", lambda payload: b"\xef\xbb\xbf" + payload),
    body("html", f"{_PAGE.format('Maintenance')}".encode(), _HTML),
    body("html_as_json", f"{_PAGE.format('Maintenance')}".encode()),
    body("empty", b""),
    Kind("no_content", _no_content),
    body("null", b"null"),
    body("string", b'"ok"'),
    body("number", b"42"),
    body("empty_object", b"{}"),
    body("empty_array", b"[]"),
    document("error_with_200", lambda _: error_body(500, "Internal error")),
    Kind("short_gzip", _short_gzip),
    Kind("not_gzip", _not_gzip),
    document("session_without_token", lambda page: {k: v for k, v in page.items() if k != "access_token"}),
    document("session_null_token", lambda page: {**page, "access_token": None}),
    document("session_empty_token", lambda page: {**page, "access_token": ""}),
    document("session_object_token", lambda page: {**page, "access_token": {"token": page.get("access_token")}}),
    document("session_token_with_newline", lambda page: {**page, "access_token": "a\r\nX-Injected: yes"}),
)


# -- envelopes: they spoil a good list --------------------------------------


def envelope(name: str, field: str, value: object) -> Kind:
    """Another value, or a function of the good one, of an envelope's field, if it is there; `_NO_VALUE` removes it."""

    def play(_: Scene, answer: Answer) -> Answer:
        if field in answer.envelope:
            good = answer.envelope.pop(field) if value is _NO_VALUE else answer.envelope[field]
            if value is not _NO_VALUE:
                answer.envelope[field] = value(good) if callable(value) else value
        return answer

    return Kind(name, play)


def data(name: str, change: Callable[[list[bytes]], object]) -> Kind:
    """Another value in the place of `data`: a function of the encoded items; `_NO_VALUE` removes the field."""

    def play(_: Scene, answer: Answer) -> Answer:
        if answer.items is None:
            return answer
        value = change(answer.items)
        fields = answer.envelope if value is _NO_VALUE else {**answer.envelope, "data": value}
        return answer.with_body(encode(fields))

    return Kind(name, play)


def _bare_array(_: Scene, answer: Answer) -> Answer:
    return answer if answer.items is None else answer.with_body(b"[" + b",".join(answer.items) + b"]")


def _empty_page(_: Scene, answer: Answer) -> Answer:
    answer.items = [] if answer.items is not None else None
    return answer


_ENVELOPE_KINDS = (
    envelope("total_low", "total", lambda total: total // 2),
    envelope("total_high", "total", lambda total: total + 250),
    envelope("total_zero", "total", 0),
    envelope("total_negative", "total", -1),
    envelope("total_text", "total", str),
    envelope("total_null", "total", None),
    envelope("total_float", "total", lambda total: total + 0.5),
    envelope("total_huge", "total", 10**30),
    envelope("total_missing", "total", _NO_VALUE),
    envelope("skip_wrong", "skip", lambda skip: skip + 1),
    envelope("skip_text", "skip", str),
    envelope("skip_missing", "skip", _NO_VALUE),
    envelope("limit_wrong", "limit", lambda limit: limit * 2 + 1),
    envelope("limit_zero", "limit", 0),
    envelope("limit_missing", "limit", _NO_VALUE),
    data("data_missing", lambda _: _NO_VALUE),
    data("data_null", lambda _: None),
    data("data_object", lambda items: {str(n): RawJson(item.decode()) for n, item in enumerate(items)}),
    data("data_string", lambda items: f"{len(items)} logs"),
    data("data_nested", lambda items: [[RawJson(item.decode()) for item in items]]),
    Kind("bare_array", _bare_array),
    Kind("empty_page", _empty_page),
)


# -- paging: they give another page than the one asked for ------------------


def _page_kind(name: str, other: Callable[[Scene, Answer, int, int], list[bytes]]) -> Kind:
    """The items of another page; `other` gets the limit and the skip asked for."""

    def play(scene: Scene, answer: Answer) -> Answer:
        if scene.read is not None and answer.items is not None:
            query = parse(scene.request.query)
            answer.items = other(scene, answer, 10 if query.limit is None else query.limit, query.skip)
        return answer

    return Kind(name, play)


def _read(scene: Scene, limit: int, skip: int) -> list[bytes]:
    return scene.read(limit, skip) if scene.read is not None else []


def _unskipped(scene: Scene, answer: Answer, limit: int, _: int) -> list[bytes]:
    if "skip" in answer.envelope:
        answer.envelope["skip"] = 0
    return _read(scene, limit, 0)


def _around(scene: Scene, answer: Answer, limit: int, skip: int) -> list[bytes]:
    """A list that starts again at its end, and whose `total` is far too high."""
    length = int(answer.envelope.get("total", 0)) or 1
    if "total" in answer.envelope:
        answer.envelope["total"] = max(10**6, skip * 2)
    return _read(scene, limit, skip % length)


def _fresh(scene: Scene, answer: Answer, limit: int, skip: int) -> list[bytes]:
    """A list that always has another full page of new logs."""
    if "total" in answer.envelope:
        answer.envelope["total"] = skip + 10 * limit
    patterns = _read(scene, limit, 0)
    logs = [json.loads(patterns[n % len(patterns)]) for n in range(limit)] if patterns else []
    return [encode({**log, "id": f"endless-{skip + n}"}) for n, log in enumerate(logs)]


_PAGING_KINDS = (
    _page_kind("skip_ignored", _unskipped),
    _page_kind("skip_ignored_quietly", lambda scene, _, limit, __: _read(scene, limit, 0)),
    _page_kind("page_repeated", lambda scene, _, limit, skip: _read(scene, limit, max(0, skip - limit))),
    _page_kind("page_skipped", lambda scene, _, limit, skip: _read(scene, limit, skip + limit)),
    _page_kind("endless_repeats", _around),
    _page_kind("endless_fresh", _fresh),
)

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (*CONNECTION_KINDS, *_STATUS_KINDS, *_BODY_KINDS, *_ENVELOPE_KINDS, *_PAGING_KINDS, *PAYLOAD_KINDS)
}
"""The kinds that have a name, with their usual arguments."""
