#!/usr/bin/env python3
"""Check that the audit in SQL and `wtcheck audit` come to the same, on one engine, for each directory.

    sql/compare.py --wtcheck target/release/wtcheck --engine spark fixtures/palite/*

An argument that ends in .mdb.zst is a compressed PALM environment (pip install zstandard). With --as-dumps each
PALite home is written as the table dumps of a page service first, and each file of these is a shard. Each is
exported (with --shards N in N shards), audited in SQL, and compared with `wtcheck audit --format json`:
trees, database, classes, orphans, keys of checkpoints. Prints a line for each directory.

exit codes:
  0   all are the same
  1   one differs
  2   the command line is wrong
  6   one could not be audited or exported, or the engine is not installed
"""

import argparse
import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import audit
from audit import Stop

TREE = ["uri", "table_id", "root_cookie", "published_size", "recomputed_size", "physical_size", "difference", "complete"]
DATABASE = ["published_size", "sum_of_published", "sum_of_recomputed", "buffer", "difference", "difference_from_recomputed"]
ORPHAN = ["table_id", "uri", "page_id", "lsn", "bytes", "reason"]
# Characters of a value on screen.
LONGEST = 200
KEY = ["lsn", "metadata_lsn", "keystore_lsn", "newest_key_before", "stale"]


def pick(row, names):
    return {name: row[name] for name in names}


def essence(result):
    """What both say, in one order."""
    trees = [{**pick(t, TREE), "pages": t["pages"]} for t in result["trees"]]
    orphans = sorted((pick(o, ORPHAN) for o in result["orphans"]), key=lambda o: (o["table_id"], o["page_id"], o["lsn"]))
    return {
        "trees": sorted(trees, key=lambda t: (t["uri"], t["table_id"])),
        "database": pick(result["database"], DATABASE),
        "versions": {name: sums for name, sums in sorted(result["versions"].items()) if sums["count"]},
        "orphans": orphans,
        "keys": sorted((pick(k, KEY) for k in result["keystore"]["checkpoints"]), key=lambda k: k["lsn"]),
    }


def differences(ours, theirs, path=""):
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted({*ours, *theirs}):
            yield from differences(ours.get(key), theirs.get(key), f"{path}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for at, (a, b) in enumerate(zip(ours, theirs)):
            yield from differences(a, b, f"{path}[{at}]")
    elif ours != theirs:
        both = [json.dumps(value) for value in (ours, theirs)]
        yield "{}: audit {}, SQL {}".format(path, *(v if len(v) <= LONGEST else f"{v[:LONGEST]}…" for v in both))


def unpacked(packed, temp):
    """A home with a compressed environment as its page log."""
    try:
        import zstandard
    except ImportError:
        line = f"{packed}: the module zstandard is not installed: python3 -m pip install zstandard"
        raise Stop(audit.INCOMPLETE, line) from None

    data = Path(temp, "home", "kv_home", "data.mdb")
    data.parent.mkdir(parents=True)
    with open(packed, "rb") as source, data.open("wb") as target:
        zstandard.ZstdDecompressor().copy_stream(source, target)
    return str(Path(temp, "home"))


# Tables that each shard of dumps needs beside its own: turtle pages, shared metadata, keys.
HEADS = (1, 2, 9, 10, 26)


def as_dumps(home, temp):
    """A PALite home as dumps, a table each, with its newest completion record."""
    kv_home, out = Path(temp, "copy"), Path(temp, "dumps")
    shutil.copytree(Path(home, "kv_home"), kv_home)
    out.mkdir()
    pages = {}
    for file in sorted(kv_home.glob("pages_*.db")):
        with sqlite3.connect(file) as db:
            sql = "SELECT table_id, page_id, lsn, backlink_lsn, base_lsn, flags, page_data FROM pages"
            for table, page, lsn, backlink, base, flags, data in db.execute(sql):
                kind = 2 if flags & 0x10000 else 0 if flags & 2 else 1
                numbers = {"flags": kind, "table_id": table, "page_id": page, "backlink_lsn": backlink, "base_lsn": base}
                metadata = {name: {"val": {"LongVal": number}} for name, number in numbers.items()}
                entry = {"lsn": {"domain_id": 1, "lsn": lsn}, "metadata": metadata, "entry": list(data or b"")}
                pages.setdefault(table, {}).setdefault(page, []).append(entry)
    for table, lines in pages.items():
        text = "".join(json.dumps({"page_id": page, "entries": entries}) + "\n" for page, entries in lines.items())
        Path(out, f"table_{table}.jsonl").write_text(text)
    with sqlite3.connect(kv_home / "checkpoints.db") as db:
        records = [text.decode() for (text,) in db.execute("SELECT checkpoint_metadata FROM checkpoints ORDER BY lsn")]
    Path(out, "completion.txt").write_text(records[-1])
    return str(out)


def exports(args, home, out, table):
    """The command lines that export a directory, shard by shard."""
    base = [args.wtcheck, "export", "--out", out, "--no-progress", "--format", args.format, *table]
    text = Path(home, "completion.txt")
    if not text.exists():
        return [[*base, "--shard", f"{n}/{args.shards}", home] for n in range(1, args.shards + 1)]
    dumps = sorted(Path(home).glob("table_*"))
    heads = [dump for dump in dumps if dump.name in [f"table_{table}.jsonl" for table in HEADS]]
    beside = [word for head in heads for word in ("--heads", head)]
    meta = ["--checkpoint-meta", text.read_text().strip()]
    return [[*base, *meta, *beside, "--shard", f"{n}/{len(dumps)}", dump] for n, dump in enumerate(dumps, 1)]


def ran(command):
    """A program that was run, with what it wrote."""
    try:
        return subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        raise Stop(audit.INCOMPLETE, f"{command[0]}: {error.strerror}; name the program with --wtcheck") from None


def failed(home, verb, done):
    """A program that could not do what was asked of it; its last line says why."""
    lines = done.stderr.strip().splitlines()
    why = lines[-1] if lines else f"exit code {done.returncode}"
    return Stop(audit.INCOMPLETE, f"{home}: {verb} failed: {why}")


def check(args, home):
    """The differences of one directory."""
    if home.endswith(".mdb.zst"):
        with tempfile.TemporaryDirectory(prefix="wtcheck-compare-") as temp:
            return check(args, unpacked(home, temp))
    if args.as_dumps and Path(home, "kv_home").exists():
        with tempfile.TemporaryDirectory(prefix="wtcheck-compare-") as temp:
            return check(args, as_dumps(home, temp))
    table = [] if args.table is None else ["--table", args.table]
    command = [args.wtcheck, "audit", "--format", "json", "--no-progress", home, *table]
    if Path(home, "completion.txt").exists():
        command += ["--checkpoint-meta", Path(home, "completion.txt").read_text().strip()]
    done = ran(command)
    if done.returncode not in (0, 1, 6):
        raise failed(home, "audit", done)
    ours = json.loads(done.stdout)
    if "error" in ours:
        raise failed(home, "audit", done)
    if ours.get("checkpoint") is None:
        return None
    # The local files beside a page log are audited as well, and not exported.
    local = {f"file:{f['file']}" for f in (ours.get("local") or {}).get("files", [])}
    ours["trees"] = [t for t in ours["trees"] if t["uri"] not in local]
    with tempfile.TemporaryDirectory(prefix="wtcheck-compare-") as temp:
        out = Path(temp, "out")
        for command in exports(args, home, out, table):
            done = ran(command)
            if done.returncode not in (0, 6):
                raise failed(home, "export", done)
        theirs, _, _ = audit.run(out, args.engine, Path(temp, "work") if args.engine == "spark" else None)
        theirs = json.loads(json.dumps(theirs))
    return list(differences(essence(ours), essence(theirs)))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("homes", nargs="+", help="data directories")
    parser.add_argument("--wtcheck", default="wtcheck", help="the program")
    parser.add_argument("--engine", choices=["duckdb", "spark"], default="duckdb")
    parser.add_argument("--as-dumps", action="store_true", help="PALite homes as dumps of a page service")
    parser.add_argument("--shards", type=int, default=1)
    parser.add_argument("--table", metavar="GLOB", help="these trees only")
    parser.add_argument("--format", choices=["table", "jsonl"], default="table", help="table: Parquet")
    return parser.parse_args()


def compared(args):
    """Compare all directories; answers how many differ."""
    bad = 0
    for home in args.homes:
        found = check(args, home)
        if found is None:
            print(f"{home}: no checkpoint can be used, nothing to compare")
        elif found:
            bad += 1
            print(f"{home}: {len(found)} differences")
            for line in found[:20]:
                print(f"  {line}")
        else:
            print(f"{home}: the same")
        sys.stdout.flush()
    return bad


def main():
    args = arguments()
    try:
        return 1 if compared(args) else 0
    except Stop as why:
        code, line = why.code, str(why)
    except OSError as error:
        code, line = audit.INCOMPLETE, f"{error.filename or ''}: {error.strerror or error}".removeprefix(": ")
    except KeyboardInterrupt:
        return 130
    print(f"compare.py: {line}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
