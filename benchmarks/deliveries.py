"""Count delivered files beside the peers, and check the bounds of issue 17: `make bench-deliveries`.

Each way runs in a process of its own over the same files, on one thread; CPU is user and system time of that process,
peak its largest resident memory above that of a process that imported the same and read nothing.
"""

from __future__ import annotations

# What the processes that are measured do not need is imported where it is used.
import json
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT), str(ROOT / "tests")]

SETS = {"users": ("users", 8, 50_000), "small": ("small", 4, 1_250_000)}
BLOCK = 256 * 1024
# name → (most of whose CPU, how much of it)
BOUNDS = {"duckdb": 0.35, "dlt": 0.1, "zlib": 1.5}
PEAK_MB, QUIET_CPU_SECONDS, SIDE_BY_SIDE = 40, 0.1, 0.25


def count_ours(folder: Path) -> int:
    from didomi_source.deliveries.counting import count_records

    return sum(count_records(_blocks(path)).records for path in sorted(folder.glob("*.gz")))


def count_zlib(folder: Path) -> int:
    """No count: the bytes, inflated."""
    import zlib

    for path in sorted(folder.glob("*.gz")):
        member = zlib.decompressobj(31)
        for block in _blocks(path):
            data = block
            while data:
                member.decompress(data, BLOCK)
                data = member.unconsumed_tail
    return 0


def count_duckdb(folder: Path) -> int:
    import duckdb

    with duckdb.connect(config={"threads": 1}) as connection:
        return connection.execute(f"select count(*) from read_json('{folder}/*.gz')").fetchone()[0]


def count_dlt(folder: Path) -> int:
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    from dlt.sources.filesystem import filesystem, read_jsonl

    return sum(1 for _ in filesystem(bucket_url=str(folder), file_glob="*.gz") | read_jsonl())


def count_nothing(_folder: Path) -> int:
    from didomi_source.deliveries import counting

    return len(counting.__name__) * 0


WAYS = {"ours": count_ours, "zlib": count_zlib, "duckdb": count_duckdb, "dlt": count_dlt, "idle": count_nothing}


def _blocks(path: Path):
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield block


def child(way: str, folder: str) -> None:
    import resource

    records = WAYS[way](Path(folder))
    used = resource.getrusage(resource.RUSAGE_SELF)
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(json.dumps({"records": records, "cpu": used.ru_utime + used.ru_stime, "mb": int(peak.split()[1]) / 1024}))


def measured(way: str, folder: Path) -> dict[str, float]:
    """The least of several: what else the machine does only adds to it, a fifth and more of half a second."""
    times = 3 if way == "dlt" else 9  # which takes seconds
    return min((_measured(way, folder) for _ in range(times)), key=lambda found: found["cpu"])


def _measured(way: str, folder: Path) -> dict[str, float]:
    import subprocess

    done = subprocess.run(
        [sys.executable, __file__, "--child", way, str(folder)], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def compare(name: str, folder: Path, records: int, held: list[tuple[str, float, float]]) -> None:
    idle = measured("idle", folder)
    found = {way: measured(way, folder) for way in ("zlib", "ours", "duckdb", "dlt")}
    size = sum(path.stat().st_size for path in folder.glob("*.gz"))
    print(f"\n{name}: {records:,} records, {size / 1e6:.0f} MB gzip\n  way      CPU s   peak MB   ours / it")
    for way, figures in found.items():
        ratio = found["ours"]["cpu"] / figures["cpu"]
        print(f"  {way:8} {figures['cpu']:5.2f}   {figures['mb'] - idle['mb']:7.0f}   {ratio:9.2f}")
        assert figures["records"] in (records, 0), (way, figures)
    held += [
        (f"{name}: CPU of {way}", found["ours"]["cpu"] / found[way]["cpu"], bound) for way, bound in BOUNDS.items()
    ]
    held.append((f"{name}: peak MB", found["ours"]["mb"] - idle["mb"], PEAK_MB))


def large_member(folder: Path, held: list[tuple[str, float, float]]) -> None:
    import delivery_files

    lines = delivery_files.write_large_member(folder / "large.json.gz", 2 * 10**9)
    found = measured("ours", folder)
    grown = found["mb"] - measured("idle", folder)["mb"]
    print(f"\na member of 2 GB: {found['cpu']:.2f} CPU s, {grown:.0f} MB")
    assert found["records"] == lines, (found, lines)
    held.append(("a member of 2 GB: peak MB", grown, PEAK_MB))


def on_s3(held: list[tuple[str, float, float]]) -> None:
    """A first and a quiet run over 3 exports x 7 days x 8 files, and with 50 ms of latency on 1 and 8 threads."""
    import urllib.request
    from datetime import date, timedelta

    from support.deliveries.lab import Loads, partition, users
    from support.deliveries.servers import S3Bucket, s3_server

    with s3_server() as server:
        bucket = S3Bucket(server, "didomi-exports-bench")
        for export_id in ("aB3xYz90", "cD4wVu81", "eF5tSr72"):
            for number in range(7):
                day = date(2026, 11, 20) + timedelta(days=number)
                bucket.put(partition(*[users(10)] * 8, export_id=export_id, day=day))
        loads = Loads()
        loads.run(bucket, **bucket.access)
        print(f"\n3 exports x 7 days x 8 files, first run: {server.counted()}")
        server.requests.clear()
        begun = time.process_time()
        loads.run(bucket, **bucket.access)
        quiet = time.process_time() - begun
        assert server.counted() == {"LIST": 1}
        begun = time.process_time()
        listing = f"{server.url}/{bucket.name}?list-type=2&prefix=data/"
        urllib.request.urlopen(urllib.request.Request(listing, headers={"User-Agent": "didomi-source"})).read()
        quiet -= time.process_time() - begun
        print(f"quiet run: 1 LIST, {quiet:.3f} CPU s without the server's own")
        held.append(("quiet run: CPU s", quiet, QUIET_CPU_SECONDS))
        server.pause = 0.05
        seconds = {}
        for threads in (1, 8):
            begun = time.monotonic()
            Loads().run(bucket, threads=threads, **bucket.access)
            seconds[threads] = time.monotonic() - begun
        print(f"168 files at 50 ms: {seconds[1]:.1f} s one after the other, {seconds[8]:.1f} s side by side")
        held.append(("side by side / one after the other", seconds[8] / seconds[1], SIDE_BY_SIDE))


def main() -> int:
    import argparse
    import tempfile

    import delivery_files

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="how much of the records, for a quick try")
    options = parser.parse_args()
    held: list[tuple[str, float, float]] = []
    with tempfile.TemporaryDirectory() as made:
        for name, (kind, files, count) in SETS.items():
            size = int(count * options.scale)
            for number in range(files):
                delivery_files.write(Path(made) / name / f"part-{number}.json.gz", kind, size, seed=number)
            compare(name, Path(made) / name, files * size, held)
        large_member(Path(made) / "large", held)
    on_s3(held)
    print("\nbound                                    found   at most")
    for what, found, bound in held:
        print(f"{what:38} {found:7.3f}   {bound:7.2f}{'' if found <= bound else '   EXCEEDED'}")
    return int(any(found > bound for _, found, bound in held))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:])
    else:
        raise SystemExit(main())
