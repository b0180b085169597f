#!/usr/bin/env bash
# An object of S3 that is replaced while it is read: Arrow, obstore, Polars and awswrangler go on in the new one, and join both.
#
# Versions: pyarrow 26.0.1, obstore 0.12.1, polars 2.1.0, awswrangler 3.17.1 (with pyarrow 25.0.1), s3fs 2026.9.0,
#   smart-open 9.0.2, pandas 3.1.1, boto3 1.43.117, Python 3.11.
# Guess: S3 replaces an object at once and consistently, so that who has opened it reads the old one to its end or gets an
#   error: each answer has an ETag, and If-Match exists for this.
# Behaviour: these four read an object in ranges, one request each, as the consumer comes along. None sends If-Match or looks
#   at the ETag of the answers. After the replacement they take the next range from the new object, and end at the length of
#   the old one. Where a record has one length in both, or is cut where a line ends, nothing is odd. s3fs, and
#   so pandas, sends If-Match and raises; smart_open has one request. I found no word of it in the documentation.
# Cost: "today's log", written anew each hour under one name, is the usual export. A reader that loads as it reads, slowly, now
#   and then gets some users twice and some not at all, a count that neither version had, and the next run is right. A gzip
#   file would show it by its checksum; JSON lines and CSV do not.
# Output seen (200,000 lines are replaced by 201,000 after the first range; lines that arrive of each):
#   pyarrow      17773 + 182227       ranges, no condition
#   obstore      17773 + 182227       ranges, no condition
#   polars       4443 + 195557        ranges, no condition
#   awswrangler  88863 + 111137       ranges, no condition
#   s3fs         raises OSError       ranges, If-Match
#   pandas       raises OSError       ranges, If-Match
#   smart_open   200000 + 0           one request, no condition
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq pyarrow==26.0.1 obstore==0.12.1 polars==2.1.0 s3fs==2026.9.0 smart-open==9.0.2 \
    pandas==3.1.1 aiobotocore==3.10.0 boto3==1.43.117 botocore==1.43.117
python3 -m venv "$folder/wrangler"
"$folder/wrangler/bin/pip" install -qq awswrangler==3.17.1 pyarrow==25.0.1

cd "$folder"
export AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x AWS_DEFAULT_REGION=us-east-1 AWS_EC2_METADATA_DISABLED=true
cat > program.py <<'PYTHON'
import http.server
import os
import re
import sys
import threading

LINES = 200_000
COUNTS = [LINES, LINES + 1_000]
VERSIONS = [
    b"".join(b'{"export":%d,"user":"u%06d","consent":true,"more":"----"}\n' % (version, user) for user in range(count))
    for version, count in enumerate(COUNTS, 1)
]


class Bucket(http.server.BaseHTTPRequestHandler):
    """As much of S3 as it takes to read the object `bucket/log.jsonl`, which is replaced after some answers."""

    protocol_version = "HTTP/1.1"
    after = answered = 0
    conditions = []

    def log_message(self, *_):
        pass

    def answer(self, code, body=b"", **headers):
        self.send_response(code)
        for name, value in {"Content-Length": len(body), **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_HEAD(self):
        kind = type(self)
        version = int(kind.answered >= kind.after)
        body, tag = VERSIONS[version], f'"{version}"'
        if "list-type" in self.path:
            text = f"<Contents><Key>log.jsonl</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>{tag}</ETag>"
            text += f"<Size>{len(body)}</Size></Contents><IsTruncated>false</IsTruncated>"
            self.answer(200, f"<ListBucketResult>{text}</ListBucketResult>".encode(), Content_Type="application/xml")
            return
        if not re.fullmatch(r"/bucket/log\.jsonl(\?.*)?", self.path):
            self.answer(404)
            return
        if self.command == "GET":
            kind.conditions.append(self.headers.get("If-Match"))
        if self.headers.get("If-Match", tag).strip('"') != tag.strip('"'):
            self.answer(412, b"<Error><Code>PreconditionFailed</Code><Message>changed</Message></Error>")
            return
        head = {"ETag": tag, "Last_Modified": f"Thu, 01 Jan 2026 0{version}:00:00 GMT", "Accept_Ranges": "bytes"}
        if self.headers.get("Range") is None:
            kind.answered += self.command == "GET"
            self.answer(200, body, **head)
            return
        first, last = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers["Range"]).groups()
        part = body[int(first) : int(last or len(body)) + 1]
        kind.answered += self.command == "GET"
        span = f"bytes {first}-{int(first) + len(part) - 1}/{len(body)}"
        self.answer(206, part, Content_Range=span, **head)

    do_GET = do_HEAD


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
threading.Thread(target=server.serve_forever, daemon=True).start()
place = f"127.0.0.1:{server.server_address[1]}"
endpoint = f"http://{place}"
options = {"aws_endpoint_url": endpoint, "aws_region": "us-east-1", "aws_allow_http": "true"}
options |= {"aws_access_key_id": "x", "aws_secret_access_key": "x"}


def of_bytes(file):
    text = b""
    while part := file.read(1_000_000):
        text += bytes(part)
    return [text.count(b'"export":%d' % version) for version in (1, 2)]


def of_values(values):
    values = list(values)
    return [values.count(version) for version in (1, 2)]


def pyarrow_():
    import pyarrow.fs
    import pyarrow.json

    system = pyarrow.fs.S3FileSystem(endpoint_override=place, scheme="http", access_key="x", secret_key="x")
    return of_values(pyarrow.json.read_json(system.open_input_stream("bucket/log.jsonl"))["export"].to_pylist())


def obstore_():
    import obstore
    from obstore.store import S3Store

    store = S3Store("bucket", endpoint=endpoint, region="us-east-1", client_options={"allow_http": True})
    return of_bytes(obstore.open_reader(store, "log.jsonl"))


def polars_():
    import polars

    return of_values(polars.scan_ndjson("s3://bucket/log.jsonl", storage_options=options).collect()["export"].to_list())


def awswrangler_():
    import awswrangler

    awswrangler.config.s3_endpoint_url = endpoint
    chunks = awswrangler.s3.read_json("s3://bucket/log.jsonl", lines=True, chunksize=20_000)
    return of_values(value for chunk in chunks for value in chunk["export"])


def s3fs_():
    import s3fs

    return of_bytes(s3fs.S3FileSystem(endpoint_url=endpoint, default_block_size=1_000_000).open("bucket/log.jsonl"))


def pandas_():
    import pandas

    where = {"endpoint_url": endpoint, "default_block_size": 1_000_000}
    chunks = pandas.read_json("s3://bucket/log.jsonl", lines=True, chunksize=20_000, storage_options=where)
    return of_values(value for chunk in chunks for value in chunk["export"])


def smart_open_():
    import boto3
    import smart_open

    client = boto3.client("s3", endpoint_url=endpoint)
    return of_bytes(smart_open.open("s3://bucket/log.jsonl", "rb", transport_params={"client": client}))


for argument in sys.argv[1:]:
    name, after = argument.split(":")
    Bucket.after, Bucket.answered, Bucket.conditions = int(after), 0, []
    try:
        found = "{} + {}".format(*globals()[f"{name}_"]())
    except OSError as error:
        found = f"raises {type(error).__name__}"
    condition = "If-Match" if any(Bucket.conditions) else "no condition"
    requests = "one request" if len(Bucket.conditions) == 1 else "ranges"
    print(f"{name:12} {found:20} {requests}, {condition}", flush=True)
os._exit(0)
PYTHON
venv/bin/python program.py pyarrow:1 obstore:1 polars:2 2>log.txt >seen.txt || { tail -n 30 log.txt; exit 1; }
wrangler/bin/python program.py awswrangler:1 2>log.txt >>seen.txt || { tail -n 30 log.txt; exit 1; }
venv/bin/python program.py s3fs:1 pandas:1 smart_open:1 2>log.txt >>seen.txt || { tail -n 30 log.txt; exit 1; }
cat seen.txt
diff seen.txt - <<'TEXT' || { echo "the behaviour changed"; exit 1; }
pyarrow      17773 + 182227       ranges, no condition
obstore      17773 + 182227       ranges, no condition
polars       4443 + 195557        ranges, no condition
awswrangler  88863 + 111137       ranges, no condition
s3fs         raises OSError       ranges, If-Match
pandas       raises OSError       ranges, If-Match
smart_open   200000 + 0           one request, no condition
TEXT
