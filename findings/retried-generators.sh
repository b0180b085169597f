#!/usr/bin/env bash
# A retry decorator on a generator of pages: tenacity never retries it, stamina delivers the first pages again.
#
# Versions: tenacity 9.2.1, stamina 26.1.0, Python 3.11.
# Guess: stamina wraps tenacity, so both behave alike: either both refuse a generator function or both go on where it broke.
# Behaviour: page 2 of 3 answers 503 twice and then works. tenacity guards the call that makes the generator, which cannot
#   fail: the first 503 comes through, after one attempt of five. stamina runs the whole generator again on each attempt, so
#   that the rows of page 1 arrive three times, and the list ends without an error.
# Cost: a dlt resource or a Singer stream is such a generator. With the one library an outage of a second ends the run
#   although it "has retries"; after the change to the other one, each hiccup adds duplicates to append tables.
# Output seen:
#   tenacity: OSError('503') after 2 requests
#   stamina: page 1, page 1, page 1, page 2, page 3 after 7 requests
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq tenacity==9.2.1 stamina==26.1.0

cd "$folder"
venv/bin/python - <<'PYTHON'
import logging

import stamina
import tenacity

logging.disable(logging.CRITICAL)


class Api:
    def __init__(self):
        self.requests = 0
        self.failures_left = 2

    def get(self, page):
        self.requests += 1
        if page == 2 and self.failures_left:
            self.failures_left -= 1
            raise OSError("503")
        return f"page {page}"


def run(retry):
    api = Api()

    @retry
    def pages():
        for page in (1, 2, 3):
            yield api.get(page)

    try:
        result = ", ".join(pages())
    except OSError as error:
        result = repr(error)
    return f"{result} after {api.requests} requests"


seen = {
    "tenacity": run(tenacity.retry(stop=tenacity.stop_after_attempt(5), wait=tenacity.wait_none())),
    "stamina": run(stamina.retry(on=OSError, attempts=5, wait_initial=0, wait_jitter=0)),
}
for library, result in seen.items():
    print(f"{library}: {result}")
assert seen == {
    "tenacity": "OSError('503') after 2 requests",
    "stamina": "page 1, page 1, page 1, page 2, page 3 after 7 requests",
}, "the behaviour changed"
PYTHON
