"""What can go wrong, as a tree; each message says what happened, where, and what to do next.

DidomiError                      exit 1
├── ConfigurationError           exit 78: a setting is missing or cannot be right
│   └── AuthenticationError      exit 78: the API refuses key and secret
├── RunLocked                    exit 75: another run is at work
├── DestinationError             the warehouse cannot be opened, read or written
│   └── TableMissing             a table is not there, or not with all its columns
├── DiskFull                     there is no room for what a run has to keep until it ends
├── DeliveryError                the delivered files, or their archive, cannot be listed, read or written
├── ModelsFailed                 dbt could not build the models, or a data test failed
└── ApiError                     the API answered, but not with what was asked for
    ├── BadRequest               400 or 422: it does not take the request
    ├── Forbidden                403: this key may not read that
    ├── NotFound                 404: there is no such thing
    ├── ProtocolError            the answer is not of the documented shape
    ├── Unavailable              no sound answer within the time allowed
    │   └── ServerFailure        500: it fails at the request
    └── NeverSettled             the list kept moving while it was read
"""

from __future__ import annotations


class DidomiError(Exception):
    """Base of every error that this package raises on purpose."""

    exit_code = 1


class ConfigurationError(DidomiError):
    """A setting is missing or cannot be right."""

    exit_code = 78


class AuthenticationError(ConfigurationError):
    """The API refuses key and secret, or a token made from them."""


class RunLocked(DidomiError):
    """Another run is at work on the same pipeline."""

    exit_code = 75


class DestinationError(DidomiError):
    """The warehouse cannot be opened, read or written."""


class DiskFull(DidomiError):
    """There is no room for what a run has to keep until it ends."""


class TableMissing(DestinationError):
    """A table is not there, or not with all its columns."""


class ModelsFailed(DidomiError):
    """The models could not be built, or one of their data tests failed."""


class DeliveryError(DidomiError):
    """The delivered files, or their archive, cannot be listed, read or written."""


class ApiError(DidomiError):
    """The API answered, but not with what was asked for."""


class BadRequest(ApiError):
    """400 or 422: the API does not take the request."""


class Forbidden(ApiError):
    """403: this key may not read what was asked for."""


class NotFound(ApiError):
    """404: what was asked for does not exist, or not for this organization."""


class ProtocolError(ApiError):
    """The answer is not of the documented shape."""


class Unavailable(ApiError):
    """No sound answer came within the time allowed."""


class ServerFailure(Unavailable):
    """500: the API fails at the request, each time."""


class NeverSettled(ApiError):
    """The list kept moving while it was read, so that it cannot be called complete."""
