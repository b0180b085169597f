"""What a bucket's refusal means, and what to do about it; nothing of its text but codes is repeated."""

from __future__ import annotations

import re

from .settings import SECTION
from .stores import StoreRefused

_CODE = re.compile(r"<Code>(\w+)</Code>")
_STATUS = re.compile(r"status code: (\d{3})")
_REGION = re.compile(r"(?:expecting '|<Region>|x-amz-bucket-region: )([a-z0-9-]+)")
_CREDENTIALS = f"check {SECTION}.credentials"
_RIGHTS = {
    "s3": {"list": "s3:ListBucket", "get": "s3:GetObject", "write": "s3:PutObject, s3:GetObject and s3:DeleteObject"},
    "gs": {
        "list": "storage.objects.list",
        "get": "storage.objects.get",
        "write": "storage.objects.create, storage.objects.get and storage.objects.delete",
    },
}
_ADVICE = {
    "InvalidAccessKeyId": f"the access key is unknown: {_CREDENTIALS}",
    "SignatureDoesNotMatch": f"the signature is wrong: {_CREDENTIALS} (the secret key, without blanks around it)",
    "RequestTimeTooSkewed": "the clock of this machine is wrong: set it",
    "ExpiredToken": f"the session token has expired: renew it, or set {SECTION}.role_arn so that it is renewed",
    "InvalidToken": f"the session token is not valid: {_CREDENTIALS}",
    "NoSuchBucket": f"there is no such bucket: check {SECTION}.bucket_url",
    "SlowDown": "the store asks for fewer requests: run later",
    "ServiceUnavailable": "the store is not available: run later",
    "InternalError": "the store failed: run later",
    "401": f"the store does not accept the credentials: {_CREDENTIALS}",
    "404": f"there is no such bucket: check {SECTION}.bucket_url",
    "429": "the store asks for fewer requests: run later",
    "500": "the store failed: run later",
    "503": "the store is not available: run later",
}
_VERBS = {"list": "listing the files", "get": "reading a file", "write": "writing to the archive"}
_REGION_CODES = {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
_REDIRECT = "redirect without LOCATION"  # all that obstore tells of an answer 301 or 307
_REJECTED = f"the store does not take the request: check {SECTION}.bucket_url, and the region in its credentials"


def refusal(text: str, url: str, action: str, *, requester_pays: bool) -> StoreRefused:
    """Make an error with the next step of what a store answered.

    Args:
        text: What obstore reports; it can hold whole answers, and so is searched only.
        url: The bucket.
        action: `list`, `get` or `write`.
        requester_pays: Whether this account offered to pay.

    Returns:
        The error to raise.
    """
    code, status = _found(_CODE, text), _found(_STATUS, text)
    named = " ".join(filter(None, [status, code])) or ("redirect" if _REDIRECT in text else "no answer")
    if code in _REGION_CODES or _REDIRECT in text:
        advice = _region_advice(text)
    elif code not in _ADVICE and status == "403":
        advice = _forbidden(url, action, requester_pays=requester_pays)
    else:
        advice = _ADVICE.get(code) or _ADVICE.get(status) or (_REJECTED if status else _without_answer(text))
    return StoreRefused(f"{url}: {_VERBS[action]} failed ({named}): {advice}")


def _found(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return str(match[1]) if match else ""


def _region_advice(text: str) -> str:
    region = _found(_REGION, text)
    return f"set {SECTION}.credentials.region_name to {region or 'the region of the bucket'}"


def _without_answer(text: str) -> str:
    if "credential" in text.lower() or "metadata" in text.lower():
        return f"no credentials are found: {_CREDENTIALS}"
    return "the store cannot be reached: check the network, the proxy and the endpoint, or run again"


def _forbidden(url: str, action: str, *, requester_pays: bool) -> str:
    protocol, _, path = url.partition("://")
    right = _RIGHTS[protocol][action]
    if protocol == "gs":
        return f"the service account needs {right} on the bucket: grant it, or renew {SECTION}.credentials"
    if action == "write":
        return f"the credentials need {right} on the archive: check {SECTION}.archive_credentials"
    role = f"{path.partition('/')[0]}-role"
    payer = "" if requester_pays else f"; a bucket with Requester Pays needs {SECTION}.requester_pays = true"
    return f"the credentials need {right}: Didomi's bucket is read by the role {role}, set {SECTION}.role_arn{payer}"
