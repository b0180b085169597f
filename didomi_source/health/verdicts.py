"""The verdicts on a delivery, with the words and the urgency of each."""

from __future__ import annotations

from .states import Facts, Severity, State


class Verdict(State):
    """The values of `didomi__deliveries.verdict`: the wrong ones first, each group in the order of the mart's rules.

    Whether a delivery is wrong is what the mart says: where each run of its day failed, none is; one that is not
    comparable is, where nothing came or an older one of its export was as claimed.
    """

    UNREADABLE = "unreadable", Facts(Severity.BAD, "a file could not be read, and is tried again", "?")
    CORRUPT = "corrupt", Facts(Severity.BAD, "a file is cut, damaged, empty, not gzip or not JSON", "✕")
    MISSING = "missing", Facts(Severity.BAD, "a run completed, and no files came", "✕")
    NO_SUCCESS = "no_success", Facts(
        Severity.BAD, "files came, and no _SUCCESS", "✕", "without _SUCCESS", now="is without _SUCCESS"
    )  # fmt: skip
    SHORT = "short", Facts(Severity.BAD, "fewer records than claimed", "✕")
    MORE = "more", Facts(Severity.BAD, "more records than claimed", "✕", "more than claimed")
    NOT_CHECKED = "not_checked", Facts(Severity.UNJUDGED, "nothing, or not all of it, was listed in time")
    ARRIVING = "arriving", Facts(Severity.UNJUDGED, "not complete or not counted yet", "…")
    UNANNOUNCED = "unannounced", Facts(Severity.UNJUDGED, "files, and no run of that day")
    DELIVERED_ALTHOUGH_FAILED = "delivered_although_failed", Facts(
        Severity.UNJUDGED, "complete files, though each run of the day failed"
    )  # fmt: skip
    UNCLAIMED = "unclaimed", Facts(Severity.UNJUDGED, "the log claims no number")
    NOT_COMPARABLE = "not_comparable", Facts(Severity.UNJUDGED, "no count of late has matched")
    AS_CLAIMED = "as_claimed", Facts(Severity.HEALTHY, "as many records as claimed", "✓")

    @classmethod
    def _missing_(cls, value: object) -> Verdict | None:
        """Take a value of newer models."""
        return cls.unlisted(value, Facts(Severity.UNJUDGED, "this version does not know it"))
