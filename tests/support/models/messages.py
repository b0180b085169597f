"""What S3, Google Cloud Storage and schedulers say when an export fails: by kind, each line one failure seen twice or more."""

from __future__ import annotations

SAME_FAILURE: dict[str, list[tuple[str, ...]]] = {
    "access_denied": [
        (
            (
                "Access Denied (Service: Amazon S3; Status Code: 403; Error Code: AccessDenied; Request ID: 4442587FB7D0A2F9; "
                "S3 Extended Request ID: MzRISOwyjmnup7F31A0A2F9/JypPGXLhsOVFGcJaaO/KWhRAqKOpIEEp=)"
            ),
            (
                "Access Denied (Service: Amazon S3; Status Code: 403; Error Code: AccessDenied; Request ID: 79104EXAMPLEB723; "
                "S3 Extended Request ID: IOWQ4fDEXAMPLEQM/ey+N9WgVhSnQ6JEXAMPLEZb7hSQDASK/Jd1vEXAMPLEa3Km=)"
            ),
        ),
        (
            "User: arn:aws:sts::123456789012:assumed-role/didomi/i-0abc is not authorized to perform: s3:PutObject",
            "User: arn:aws:sts::210987654321:assumed-role/export/i-77ff is not authorized to perform: s3:PutObject",
        ),
        (
            "didomi@acme-1.iam.gserviceaccount.com does not have storage.objects.create access to the Google Cloud Storage object.",
            "didomi@acme-22.iam.gserviceaccount.com does not have storage.objects.create access to the Google Cloud Storage object.",
        ),
        ("InvalidAccessKeyId: The AWS Access Key Id you provided does not exist in our records.",),
        ("SignatureDoesNotMatch: check your key and signing method",),
        ("ExpiredToken: The provided token has expired.",),
        ("Unable to locate credentials",),
        ("403 Forbidden", "401 Forbidden"),
        ("upload failed with status code: 403",),
    ],
    "bucket_missing": [
        (
            "NoSuchBucket: The specified bucket does not exist, see https://docs.example.com/e/17?request=4711#top",
            "NoSuchBucket: The specified bucket does not exist, see https://docs.example.com/e/18?request=9",
        ),
        ("404 Not Found: Bucket acme-17", "404 Not Found: Bucket acme-9"),
        ("The destination bucket is missing",),
    ],
    "timeout": [
        (
            "Query timed out at 2026-03-03T06:00:00.123Z after 1,800.5 s",
            "Query timed out at Wed, 04 Mar 2026 06:00:00 after 900 s",
            "Query timed out at March 4, 2026 06:00 after 12 s",
            "Query timed out at 04/Mar/2026:06:00:00 after 3 s",
            "Query timed out at 2026-03-03 after 5 s",
        ),
        (
            "Tue Mar 3 06:00:00 UTC 2026: deadline exceeded",
            "Mon Dec 14 06:10:09 UTC 2026: deadline exceeded",
        ),
        ("connection to 10.0.0.1:443 timed out", "connection to 172.16.254.3:8443 timed out"),
        ("Query exceeded its time limit of 3600 s", "Query exceeded its time limit of 60 s"),
        ("Gateway Time-out",),
    ],
    "quota": [
        (
            "Quota exceeded for project 1e4f7c66-5c5b-4b7e-9d0e-1f4f3c9a7d11: 1,000.5 of 1,000",
            "Quota exceeded for project 9bd00ccb-aaaa-bbbb-cccc-ddddddddddd1: 7 of 5",
        ),
        ("SlowDown: Please reduce your request rate.",),
        ("rateLimitExceeded",),
        ("RESOURCE_EXHAUSTED",),
        ("HTTP 429",),
    ],
    "internal": [
        ("Internal error: executor lost (exit 137)", "Internal error: executor lost (exit 1)"),
        ("503 Service Unavailable", "502 Service Unavailable"),
        (
            "Job aborted: java.lang.OutOfMemoryError out of memory at 0x7ffeefbff5c8",
            "Job aborted: java.lang.OutOfMemoryError out of memory at 0x1",
        ),
        ("Connection reset by peer",),
    ],
    "other": [
        ("Job failed.",),
        ("  Überlauf in Zeile 12, 'quoted' \"twice\" ", "Überlauf in Zeile 7, 'quoted' \"twice\""),
        ("decode 12 failed", "decode 7 failed"),
        ("marker 12 failed",),
    ],
}
ALL = [message for groups in SAME_FAILURE.values() for group in groups for message in group]
