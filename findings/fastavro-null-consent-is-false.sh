#!/usr/bin/env bash
# fastavro writes null and texts into a boolean field: an unknown consent becomes false, and "false" becomes true.
#
# Versions: fastavro 1.13.1, avro 1.12.1, Python 3.11.
# Guess: a value that is no boolean raises, as None does in a string or a long, and as the avro package has it.
# Behaviour: the field is a plain boolean. None is written as false, "false" as true, 2 as true: no error, no warning. An
#   absent key does raise, and so does None in a long, but 2.7 becomes 2 there. A misspelt key is dropped and the right
#   field gets its default. A time without a zone counts as the machine's local time, so that one program writes other
#   instants in a container. `strict=True` refuses the misspelt key only, `validator=True` the values only.
# Cost: a consent that was never asked for is stored as refused, and a refusal that came as text out of a CSV as given. The
#   file is valid Avro, so that no reader can tell.
# Output seen:
#   boolean None: fastavro False, strict False, validator ValidationError, avro AvroTypeException
#   boolean absent: fastavro ValueError, strict ValueError, validator ValidationError, avro AvroTypeException
#   boolean 'false': fastavro True, strict True, validator ValidationError, avro AvroTypeException
#   boolean 2: fastavro True, strict True, validator ValidationError, avro AvroTypeException
#   long None: fastavro TypeError, strict TypeError, validator ValidationError, avro AvroTypeException
#   long 2.7: fastavro 2, strict 2, validator ValidationError, avro AvroTypeException
#   string None: fastavro TypeError, strict TypeError, validator ValidationError, avro AvroTypeException
#   misspelt, default 'unknown': fastavro unknown, strict ValueError, validator unknown, avro AvroTypeException
#   12:00 without a zone at UTC-5: fastavro 2026-11-01 17:00:00+00:00, strict 2026-11-01 17:00:00+00:00, validator 2026-11-01 17:00:00+00:00, avro AvroTypeException
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq fastavro==1.13.1 avro==1.12.1

cd "$folder"
TZ=EST5 venv/bin/python - <<'PYTHON'
import datetime
import io
import json

import avro.datafile
import avro.errors
import avro.io
import avro.schema
import fastavro

NAIVE = datetime.datetime(2026, 11, 1, 12)


def schema(kind, **field):
    return {"type": "record", "name": "log", "fields": [{"name": "v", "type": kind, **field}]}


def by_fastavro(kind, record, field, options):
    file = io.BytesIO()
    try:
        fastavro.writer(file, schema(kind, **field), [record], **options)
    except (TypeError, ValueError, fastavro.validation.ValidationError) as error:
        return type(error).__name__
    file.seek(0)
    [stored] = fastavro.reader(file)
    return str(stored["v"])


def by_avro(kind, record, field):
    parsed = avro.schema.parse(json.dumps(schema(kind, **field)))
    try:
        avro.io.DatumWriter(parsed).write(record, avro.io.BinaryEncoder(io.BytesIO()))
    except avro.errors.AvroException as error:
        return type(error).__name__
    return "written"


def line(title, kind, record, **field):
    results = {
        "fastavro": by_fastavro(kind, record, field, {}),
        "strict": by_fastavro(kind, record, field, {"strict": True}),
        "validator": by_fastavro(kind, record, field, {"validator": True}),
        "avro": by_avro(kind, record, field),
    }
    return f"{title}: {', '.join(f'{way} {result}' for way, result in results.items())}"


TIME = {"type": "long", "logicalType": "timestamp-micros"}
seen = [
    line("boolean None", "boolean", {"v": None}),
    line("boolean absent", "boolean", {}),
    line("boolean 'false'", "boolean", {"v": "false"}),
    line("boolean 2", "boolean", {"v": 2}),
    line("long None", "long", {"v": None}),
    line("long 2.7", "long", {"v": 2.7}),
    line("string None", "string", {"v": None}),
    line("misspelt, default 'unknown'", "string", {"V": "given"}, default="unknown"),
    line("12:00 without a zone at UTC-5", TIME, {"v": NAIVE}),
]
print(*seen, sep="\n")
assert seen == [
    "boolean None: fastavro False, strict False, validator ValidationError, avro AvroTypeException",
    "boolean absent: fastavro ValueError, strict ValueError, validator ValidationError, avro AvroTypeException",
    "boolean 'false': fastavro True, strict True, validator ValidationError, avro AvroTypeException",
    "boolean 2: fastavro True, strict True, validator ValidationError, avro AvroTypeException",
    "long None: fastavro TypeError, strict TypeError, validator ValidationError, avro AvroTypeException",
    "long 2.7: fastavro 2, strict 2, validator ValidationError, avro AvroTypeException",
    "string None: fastavro TypeError, strict TypeError, validator ValidationError, avro AvroTypeException",
    "misspelt, default 'unknown': fastavro unknown, strict ValueError, validator unknown, avro AvroTypeException",
    "12:00 without a zone at UTC-5: fastavro 2026-11-01 17:00:00+00:00, strict 2026-11-01 17:00:00+00:00, "
    "validator 2026-11-01 17:00:00+00:00, avro AvroTypeException",
], "the behaviour changed"
PYTHON
