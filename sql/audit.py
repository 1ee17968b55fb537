#!/usr/bin/env python3
"""Audit in SQL the tables that `wtcheck export` wrote, on DuckDB or on Spark.

Reads OUT, the directory that `wtcheck export DIR --out OUT` made, with all its
shards. Prints a verdict, what is wrong, what is lost, what to type next, and
tables; with --format json one document for programs: trees, database, versions,
orphans, keystore, as `wtcheck audit --format json` names them, and of the export
what it lacks.

It compares numbers: which pages are reached, sizes, checksums, keys. It does not
look into the cells of pages, and does not say what explains a difference:
`wtcheck audit DIR` does.
"""

import signal

if __name__ == "__main__" and signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
    # Until there is something to be tidied up, a signal simply ends it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import contextlib
import json
import os
import re
import shlex
import shutil
import sys
import tempfile
import time
from pathlib import Path

# The modules beside this one may lie where nothing is to be written.
sys.dont_write_bytecode = True

from layout import columns, escape
from report import report
from verdict import BUG, INCOMPLETE, REFUSED, USAGE, judge

HERE = Path(__file__).resolve().parent
EPILOG = """\
examples:
  sql/audit.py OUT
  sql/audit.py OUT --format json > audit.json
  sql/audit.py OUT --engine spark
  spark-submit sql/audit.py hdfs:///OUT --engine spark --work hdfs:///steps

engines:
  duckdb  python3 -m pip install duckdb
  spark   on this machine: python3 -m pip install pyspark, and Java 17

exit codes, as those of wtcheck audit:
  0   clean, as far as numbers tell
  1   findings: at least one warning or error
  2   the command line is wrong
  3   refused: shards are missing, do not belong together, or were written by a
      later version
  6   not enough could be read to judge, OUT is not an export, or the engine is
      not installed
  70  a bug in audit.py
If interrupted, it ends with the signal itself, which a shell shows as 130
(Ctrl-C) or 143 (SIGTERM).
"""
TABLES = ["versions", "edges", "roots", "keystore", "completions"]
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
# More levels than any tree has, and more rounds than any page has versions, are a mistake.
MOST_LEVELS = 65
MOST_ROUNDS = 10000


class Stop(Exception):
    """Why there is no audit: a line for people, and the exit code."""

    def __init__(self, code, line):
        super().__init__(line)
        self.code = code


class Interrupted(BaseException):
    """A signal came; what is temporary is removed on the way out."""

    # The last one: engines make an error of their own of it.
    by = None


@contextlib.contextmanager
def waiting():
    """A signal waits: modules of C++ do not survive one while they are loaded, and what is made must be known."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def first_line(error):
    """What an engine says, without the trace behind it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # Java's words stand below those of the bridge, behind the name of a class.
    if len(lines) > 1 and lines[0].startswith("An error occurred while calling"):
        lines = [re.sub(r"^: [\w.$]+: ", "", lines[1])]
    return escape(lines[0]) if lines else type(error).__name__


def query(name, **parameters):
    text = (HERE / f"{name}.sql").read_text()
    for key, value in parameters.items():
        text = text.replace("${" + key + "}", value)
    left = re.search(r"\$\{\w+\}", re.sub(r"--.*", "", text))
    if left:
        raise ValueError(f"{name}.sql: no value for {left.group()}")
    return text


class Duck:
    """An embedded engine: one process, tables in memory or in a file."""

    def __init__(self, work, _steps):
        try:
            with waiting():
                import duckdb
        except ImportError:
            line = "the module duckdb is not installed: python3 -m pip install duckdb"
            raise Stop(INCOMPLETE, line) from None
        self.errors = (duckdb.Error,)
        Path(work).mkdir(parents=True, exist_ok=True)
        try:
            self.db = duckdb.connect(str(Path(work) / "audit.duckdb"))
        except duckdb.Error as error:
            raise Stop(INCOMPLETE, f"{work}: DuckDB cannot work here: {first_line(error)}") from None
        self.db.execute("SET preserve_insertion_order=false")

    def texts(self, pattern):
        quoted = pattern.replace("'", "''")
        return [row["content"] for row in self.rows(f"SELECT content FROM read_text('{quoted}')")]

    def open(self, out, encoding):
        read = {"parquet": "read_parquet", "jsonl": "read_json"}[encoding]
        for table in TABLES:
            files = f"{out}/{table}/*/*.{encoding}".replace("'", "''")
            more = ""
            if encoding == "jsonl":
                # Without rows there is nothing to tell types from; the manifest's reader knows them.
                columns = ", ".join(f"'{n}': '{t}'" for n, t in schema(table).items())
                more = f", format='newline_delimited', columns={{{columns}}}"
            self.db.execute(f"CREATE OR REPLACE VIEW {table} AS SELECT * FROM {read}('{files}'{more})")

    def store(self, name, sql):
        self.db.execute(f"CREATE OR REPLACE TABLE {name} AS {sql}")

    def view(self, name, sql):
        self.db.execute(f"CREATE OR REPLACE VIEW {name} AS {sql}")

    def rows(self, sql):
        cursor = self.db.execute(sql)
        names = [d[0] for d in cursor.description]
        return [dict(zip(names, row)) for row in cursor.fetchall()]

    def moved(self):
        return {}

    def close(self):
        self.db.close()


class Spark:
    """A cluster, or its stand-in in local mode. Each step is stored as Parquet under the work directory."""

    def __init__(self, work, steps):
        try:
            with waiting():
                from py4j.protocol import Py4JError
                from pyspark.errors import PySparkException
                from pyspark.sql import SparkSession
        except ImportError:
            line = "the module pyspark is not installed: python3 -m pip install pyspark (and a Java 17 runtime)"
            raise Stop(INCOMPLETE, line) from None
        self.errors = (PySparkException, Py4JError)
        self.events = None
        builder = SparkSession.builder.appName("wtcheck audit")
        local = "SPARK_ENV_LOADED" not in os.environ and not os.environ.get("MASTER")
        if local:
            # Started by hand: a small machine needs no two hundred partitions.
            builder = (
                builder.master("local[*]")
                .config("spark.sql.shuffle.partitions", os.environ.get("WTCHECK_PARTITIONS", "4"))
                .config("spark.ui.enabled", "false")
                .config("spark.ui.showConsoleProgress", "false")
                .config("spark.driver.bindAddress", "127.0.0.1")
                .config("spark.driver.host", "127.0.0.1")
                .config("spark.driver.memory", os.environ.get("WTCHECK_DRIVER_MEMORY", "4g"))
                .config("spark.sql.warehouse.dir", str(Path(work) / "warehouse"))
            )
            if steps:
                # What each step sends between machines is in the log of events.
                Path(work).mkdir(parents=True, exist_ok=True)
                self.events = Path(tempfile.mkdtemp(prefix="events-", dir=Path(work).resolve()))
                builder = (
                    builder.config("spark.eventLog.enabled", "true")
                    .config("spark.eventLog.dir", self.events.as_uri())
                    .config("spark.eventLog.compress", "false")
                    .config("spark.eventLog.rolling.enabled", "false")
                )
        try:
            self.spark = builder.getOrCreate()
        except (*self.errors, OSError) as error:
            line = f"Spark did not start: {first_line(error)}; is a Java 17 runtime installed?"
            raise Stop(INCOMPLETE, line) from None
        # Of a cluster its own logs are wanted; here an error is told at the end.
        self.spark.sparkContext.setLogLevel("FATAL" if local else "ERROR")
        self.work = work
        self.count = 0

    def texts(self, pattern):
        from py4j.protocol import Py4JJavaError

        try:
            return self.spark.sparkContext.wholeTextFiles(pattern).values().collect()
        except Py4JJavaError as error:
            if "InvalidInputException" in str(error):
                return []
            raise

    def open(self, out, encoding):
        for table in TABLES:
            reader = self.spark.read
            if encoding == "jsonl":
                types = {"BIGINT": "BIGINT", "BOOLEAN": "BOOLEAN", "VARCHAR": "STRING"}
                reader = reader.schema(", ".join(f"{n} {types[t]}" for n, t in schema(table).items()))
                frame = reader.json(f"{out}/{table}")
            else:
                frame = reader.parquet(f"{out}/{table}")
            frame.createOrReplaceTempView(table)

    def store(self, name, sql):
        # A plan that grew level by level would be planned, and run, from the start each time.
        self.count += 1
        path = f"{self.work}/{self.count:04d}-{name}"
        self.spark.sparkContext.setJobGroup(name, name)
        self.spark.sql(sql).write.mode("overwrite").parquet(path)
        self.spark.sparkContext.setJobGroup("", "")
        self.spark.read.parquet(path).createOrReplaceTempView(name)

    def view(self, name, sql):
        self.spark.sql(sql).createOrReplaceTempView(name)

    def rows(self, sql):
        return [row.asDict() for row in self.spark.sql(sql).collect()]

    def moved(self):
        """Bytes sent between machines and written by each step, where this program began the session."""
        steps, of_stage = {}, {}
        for log in self.events.iterdir() if self.events else []:
            for line in log.open() if log.is_file() else []:
                event = json.loads(line)
                if event["Event"] == "SparkListenerJobStart":
                    name = event.get("Properties", {}).get("spark.jobGroup.id")
                    of_stage.update((stage, name) for stage in event["Stage IDs"])
                elif event["Event"] == "SparkListenerTaskEnd" and of_stage.get(event["Stage ID"]):
                    metrics = event.get("Task Metrics") or {}
                    sums = steps.setdefault(of_stage[event["Stage ID"]], {"sent": 0, "written": 0})
                    sums["sent"] += metrics.get("Shuffle Write Metrics", {}).get("Shuffle Bytes Written", 0)
                    sums["written"] += metrics.get("Output Metrics", {}).get("Bytes Written", 0)
        return steps

    def close(self):
        # The session is the process's: the next store of a comparison goes on with it. One that keeps a log in
        # the work directory ends before that does.
        if self.events:
            self.spark.stop()


def schema(table):
    """Columns of a table, for files that do not carry them: from the table that documents them."""
    text = (HERE / "README.md").read_text()
    section = text.split(f"\n### {table}\n", 1)[1].split("\n### ", 1)[0].split("\n## ", 1)[0]
    return dict(re.findall(r"^\| `(\w+)` \| (BIGINT|BOOLEAN|VARCHAR)", section, re.M))


class Steps:
    """Runs the queries one after the other and keeps the books."""

    def __init__(self, engine):
        self.engine = engine
        self.list = []

    def __call__(self, table, name, **parameters):
        if Interrupted.by:
            # An engine may have kept it for itself.
            raise Interrupted
        begin = time.monotonic()
        self.engine.store(table, query(name, **parameters))
        rows = self.count(table)
        seconds = round(time.monotonic() - begin, 3)
        self.list.append({"step": table, "rows": rows, "seconds": seconds})
        return rows

    def count(self, table, where="TRUE"):
        return self.engine.rows(f"SELECT COUNT(*) AS n FROM {table} WHERE {where}")[0]["n"]


def audit(engine):
    """All steps; answers the report."""
    steps = Steps(engine)
    usable = steps.count("completions", "audited")
    if usable != 1:
        line = "no completion record can be used, so there is no checkpoint to audit; see wtcheck audit DIR"
        raise Stop(INCOMPLETE, line)
    twice = engine.rows(
        "SELECT table_id, page_id FROM versions GROUP BY table_id, page_id, lsn HAVING COUNT(*) > 1 LIMIT 1"
    )
    if twice:
        place = f"page {twice[0]['page_id']} of table {twice[0]['table_id']}"
        raise Stop(REFUSED, f"{place} is in two shards: export each page once, or gather the dumps first")
    steps("refs_0", "10-references")
    # An empty table with the columns that the first level is compared with.
    nothing = "SELECT CAST(0 AS INT) AS origin, table_id, page_id, lsn FROM refs_0 WHERE FALSE"
    engine.view("reached_0", nothing)
    for level in range(MOST_LEVELS + 1):
        if level == MOST_LEVELS:
            raise Stop(INCOMPLETE, f"a tree has more than {MOST_LEVELS} levels; see wtcheck audit DIR")
        refs, found, missed, remains = (f"{name}_{level}" for name in ["refs", "found", "missed", "remains"])
        steps(found, "20-found", refs=refs)
        if steps(missed, "21-missed", refs=refs, found=found) > 0:
            steps(remains, "22-remains", missed=missed)
        else:
            engine.view(remains, f"SELECT * FROM {found} WHERE FALSE")
        steps(f"level_{level}", "23-reach", found=found, remains=remains, reached=f"reached_{level}")
        parts = " UNION ALL ".join(f"SELECT * FROM level_{n}" for n in range(level + 1))
        engine.view(f"reached_{level + 1}", parts)
        # The last level is the largest, and nothing leads on from it.
        if steps.count(f"level_{level}", "follows") == 0:
            break
        steps(f"refs_{level + 1}", "30-next", level=f"level_{level}")
    engine.view("reached", f"SELECT * FROM reached_{level + 1}")
    steps("facts", "40-facts")
    steps("marks", "50-marks")
    steps("judged_0", "60-judged")
    last = "judged_0"
    if steps.count(last, "class IS NULL") > 0:
        for number in range(1, MOST_ROUNDS + 1):
            if number == MOST_ROUNDS:
                raise Stop(INCOMPLETE, f"the classes still change after {MOST_ROUNDS} rounds; see wtcheck audit DIR")
            this = f"judged_{number}"
            steps(this, "61-round", judged=last)
            changed = engine.rows(
                f"SELECT COUNT(*) AS n FROM {last} a INNER JOIN {this} b ON a.table_id = b.table_id"
                " AND a.page_id = b.page_id AND a.lsn = b.lsn WHERE a.class IS NULL AND a.guess <> b.guess"
            )[0]["n"]
            last = this
            if changed == 0:
                break
    steps("classes", "69-classes", judged=last)
    steps("trees", "70-trees")
    steps("database", "71-database")
    steps("faults", "75-faults")
    steps("version_classes", "80-versions")
    steps("orphans", "81-orphans")
    steps("keystores", "90-keystores")
    result, facts = document(engine), known(engine)
    moved = engine.moved()
    return result, facts, [{**step, **moved.get(step["step"], {})} for step in steps.list]


def document(engine):
    """The tables as `wtcheck audit --format json` shows them."""
    trees = []
    for t in engine.rows("SELECT * FROM trees WHERE walked ORDER BY position"):
        pages = ["reachable", "internal", "leaf", "overflow", "deleted_children", "deltas", "depth"]
        tree = {k: t[k] for k in ["uri", "table_id", "root_cookie", "published_size", "recomputed_size"]}
        tree["physical_size"] = t["physical_size"]
        tree["difference"] = t["difference"]
        tree["complete"] = t["complete"]
        tree["pages"] = {k: t[k] for k in pages}
        trees.append(plain(tree))
    database = plain(engine.rows("SELECT * FROM database")[0])
    versions = {
        r["class"]: {"count": int(r["row_count"]), "bytes": int(r["byte_count"])}
        for r in engine.rows("SELECT * FROM version_classes ORDER BY class")
    }
    orphans = [plain(r) for r in engine.rows("SELECT * FROM orphans ORDER BY table_id, page_id, lsn")]
    checkpoints = [plain(r) for r in engine.rows("SELECT * FROM keystores ORDER BY lsn")]
    return {
        "schema_version": 1,
        "trees": trees,
        "database": database,
        "versions": versions,
        "orphans": orphans,
        "keystore": {"checkpoints": checkpoints},
    }


def known(engine):
    """What the verdict and the report need beside the document."""
    completions = [plain(r) for r in engine.rows("SELECT * FROM completions ORDER BY lsn")]
    return {
        "trees": [plain(r) for r in engine.rows("SELECT * FROM trees ORDER BY position")],
        "faults": [plain(r) for r in engine.rows("SELECT * FROM faults ORDER BY table_id, code")],
        "completions": completions,
        "checkpoint": next(c for c in completions if c["audited"]),
        "key_pages": [plain(r) for r in engine.rows("SELECT lsn, valid FROM keystore ORDER BY lsn")],
        "highest_lsn": plain(engine.rows("SELECT MAX(lsn) AS lsn FROM versions")[0]["lsn"]) or 0,
    }


def plain(value):
    """Sums come as decimals from some engines."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if value is None or isinstance(value, (bool, str)):
        return value
    return int(value)


def manifests(out, engine):
    """The manifests of an export; refuses a set that is not whole."""
    if "://" in out:
        found = enumerate(engine.texts(f"{out}/_manifest/*.json"), 1)
        texts = {f"{out}/_manifest (file {n})": text for n, text in found}
    else:
        texts = {path: path.read_text() for path in files(Path(out, "_manifest"), "json")}
    if not texts:
        raise no_export(out)
    shards = []
    for place, text in texts.items():
        try:
            shard = json.loads(text)
            if shard["schema_version"] > 1:
                line = f"{out}: written by a later version: schema {shard['schema_version']}; use its own sql/audit.py"
                raise Stop(REFUSED, line)
            of, index, unreadable = shard["shard"]["of"], shard["shard"]["index"], shard["unreadable"]
            if not all(isinstance(n, int) for n in (of, index, unreadable)):
                raise TypeError
            shards.append({**shard, "of": of, "index": index, "problems": [str(p) for p in shard["problems"]]})
        except (ValueError, KeyError, TypeError):
            raise Stop(REFUSED, f"{place}: not a manifest; run wtcheck export for this shard again") from None
    of = {s["of"] for s in shards}
    if len(of) != 1:
        raise Stop(REFUSED, f"{out}: shards of sets of {sorted(of)} lie side by side")
    of = of.pop()
    missing = sorted(set(range(1, of + 1)) - {s["index"] for s in shards})
    if missing:
        names = ", ".join(f"{n}/{of}" for n in missing[:20])
        more = f" and {len(missing) - 20} more" if len(missing) > 20 else ""
        raise Stop(REFUSED, f"{out}: shards are missing: {names}{more}; export them with --shard")
    different = ["schema_version", "kind", "generation", "newest_completion", "completions", "lsn_counter", "table"]
    for key in [*different, "encoding"]:
        values = {json.dumps(s.get(key)) for s in shards}
        if len(values) != 1:
            raise Stop(REFUSED, f"{out}: shards differ in {key}: {', '.join(sorted(values))}")
    return shards


def files(place, suffix):
    """The files of a directory, which need not be there. What may not be listed is an error, not empty."""
    try:
        names = sorted(os.listdir(place))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [place / name for name in names if name.endswith(f".{suffix}")]


def no_export(out):
    """What lies there instead of an export."""
    path = Path(out)
    how = "run wtcheck export DIR --out OUT first, and give OUT"
    if "://" in out:
        return Stop(INCOMPLETE, f"{out}: holds no export, or none of its shards is complete; {how}")
    if not os.path.lexists(path):
        return Stop(INCOMPLETE, f"{out}: does not exist; {how}")
    if not path.is_dir():
        return Stop(INCOMPLETE, f"{out}: is a file, not an export; {how}")
    names = set(os.listdir(path))
    if names & {*TABLES, "_manifest"} or any(name.startswith("_unfinished-") for name in names):
        return Stop(REFUSED, f"{out}: no shard is complete; run wtcheck export")
    if names & {"kv_home", "WiredTiger.wt", "WiredTiger.turtle", "checkpoints.db", "data.mdb"}:
        how = how.replace("DIR", shlex.quote(out))
        return Stop(INCOMPLETE, f"{out}: is a data directory, not an export; {how}")
    return Stop(INCOMPLETE, f"{out}: is not an export; {how}")


def sums(shards, out, table, what):
    """How many files or rows a table has by the manifests."""
    try:
        return sum(s["tables"][table][what] for s in shards)
    except (KeyError, TypeError):
        raise Stop(REFUSED, f"{out}: a manifest does not name the table {table}; run wtcheck export again") from None


def differ(out, table, there, wanted, what):
    line = f"{out}: the table {table} has {there:,} {what}, and its manifests say {wanted:,}"
    return Stop(REFUSED, f"{line}: something is missing, or is of another export; run wtcheck export again")


def all_there(out, shards):
    """Refuses tables that have not the files of their manifests: what is missing would be missing in every sum."""
    for table in TABLES:
        try:
            parts = [Path(out, table, shard) for shard in os.listdir(Path(out, table))]
        except FileNotFoundError:
            parts = []
        there = sum(len(files(part, shards[0]["encoding"])) for part in parts)
        if there != (wanted := sums(shards, out, table, "files")):
            raise differ(out, table, there, wanted, "files")


def all_read(engine, out, shards):
    """The same of rows, once an engine has opened the tables."""
    for table in TABLES:
        there = engine.rows(f"SELECT COUNT(*) AS n FROM {table}")[0]["n"]
        if there != (wanted := sums(shards, out, table, "rows")):
            raise differ(out, table, there, wanted, "rows")


def coverage(shards):
    """What the tables are of, and what of the store is not in them."""
    same = {key: shards[0][key] for key in ["kind", "generation", "table"]}
    problems = sorted({problem for s in shards for problem in s["problems"]})
    return {**same, "shards": len(shards), "unreadable": sum(s["unreadable"] for s in shards), "problems": problems}


def not_supplied(result, shards):
    """Of dumps: the trees that nobody dumped. Nothing is known of them, so their sums say nothing."""
    if not any("supplied" in s for s in shards):
        return [], []
    supplied = {table for s in shards for table in s.get("supplied", [])}
    missing = [tree for tree in result["trees"] if tree["root_cookie"] and tree["table_id"] not in supplied]
    for tree in missing:
        tree.update(difference=None, complete=False)
    if missing:
        result["database"]["difference_from_recomputed"] = None
    part = [tree for tree in result["trees"] if not tree["complete"] and tree not in missing]
    return [tree["table_id"] for tree in missing], [tree["table_id"] for tree in part]


def run(out, engine, work=None, steps=False):
    """Audit an export; answers the document, what else is known, and the steps."""
    out = str(out).rstrip("/") or "/"
    if "://" in out and work is None:
        raise Stop(USAGE, "name a directory for the steps with --work, one that all machines see")
    if "://" not in out:
        # Before an engine is started.
        all_there(out, manifests(out, None))
    own = None
    try:
        if work is None:
            with waiting():
                own = tempfile.mkdtemp(prefix="wtcheck-sql-")
        made = {"duckdb": Duck, "spark": Spark}[engine](work or own, steps)
        try:
            return audited(made, out)
        except made.errors as error:
            raise Stop(INCOMPLETE, f"{out}: cannot be read: {first_line(error)}") from None
        finally:
            made.close()
    finally:
        if own:
            shutil.rmtree(own, ignore_errors=True)


def audited(made, out):
    """The audit of an export on an engine that has been started."""
    shards = manifests(out, made)
    made.open(out, shards[0]["encoding"])
    all_read(made, out, shards)
    result, facts, steps = audit(made)
    missing, part = not_supplied(result, shards)
    lacks = {"not_supplied": missing, "supplied_in_part": part}
    result = {**result, "export": {**coverage(shards), **lacks}}
    dumps = any("supplied" in s for s in shards)
    return result, {**facts, "out": out, "lsn_counter": shards[0]["lsn_counter"], "dumps": dumps}, steps


def arguments():
    parser = argparse.ArgumentParser(
        prog="audit.py", description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", metavar="OUT", help="what wtcheck export --out wrote")
    parser.add_argument("--format", choices=["table", "json"], default="table", help="for people, or for programs")
    parser.add_argument("--engine", choices=["duckdb", "spark"], default="duckdb", help="what runs the queries")
    parser.add_argument("--work", metavar="DIR", help="keep the steps here; of a cluster: where all machines see it")
    parser.add_argument("--steps", action="store_true", help="add rows, bytes and time of each step")
    return parser.parse_args()


def lacking(result):
    """The lines that go with a document that is not of the whole store."""
    lacks = result["export"]
    for problem in lacks["problems"]:
        yield f"not read: {problem}"
    if lacks["unreadable"]:
        yield f"not read: {lacks['unreadable']} blocks"
    for table in lacks["not_supplied"]:
        yield f"not supplied: table {table}: dump and export it too"
    for table in lacks["supplied_in_part"]:
        yield f"supplied in part: table {table}: pages of its tree are in no shard, or are damaged"


def show(args):
    """Audit and print; answers the exit code."""
    result, facts, steps = run(args.out, args.engine, args.work, steps=args.steps)
    verdict = judge(result, facts)
    if Interrupted.by:
        raise Interrupted
    if args.format == "json":
        text = json.dumps({**result, "steps": steps} if args.steps else result, indent=2) + "\n"
    else:
        text = report(result, facts, verdict, columns(), steps if args.steps else [])
    write(text)
    if args.format == "json":
        for line in lacking(result):
            print(escape(line), file=sys.stderr)
    elif verdict.exit_code == INCOMPLETE:
        place, why = verdict.unchecked[0]
        more = f" (and {len(verdict.unchecked) - 1} more)" if len(verdict.unchecked) > 1 else ""
        say(f"not enough could be read to judge: {escape(place)}: {escape(why)}{more}")
    return verdict.exit_code


def write(text):
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        # A screen without these two signs, of one column each.
        text = text.replace("≥ ", ">=").replace("…", "~")
        sys.stdout.reconfigure(errors="replace")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        # What Python still holds must not complain again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        # Who closes a pipe has seen enough.
        if not isinstance(error, BrokenPipeError):
            raise Stop(INCOMPLETE, f"the report could not be written: {error.strerror}") from None


def say(line):
    print(f"audit.py: {line}", file=sys.stderr)


def stop(number, _frame):
    Interrupted.by = number
    raise Interrupted


def main():
    args = arguments()
    for number in SIGNALS:
        # A background job keeps ignoring what its shell ignores.
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, stop)
    code, line = BUG, "interrupted"
    try:
        return show(args)
    except Stop as why:
        code, line = why.code, str(why)
    except MemoryError:
        code, line = INCOMPLETE, "out of memory; use --engine spark, or a machine with more"
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        code, line = INCOMPLETE, f"{place}{error.strerror or error}"
    except KeyboardInterrupt:
        # Spark takes Ctrl-C for itself.
        Interrupted.by = Interrupted.by or signal.SIGINT
    except Interrupted:
        pass
    except Exception as error:
        # Engines make an error of their own of a signal: then this is none.
        at = error.__traceback__
        while at.tb_next:
            at = at.tb_next
        place = f"{Path(at.tb_frame.f_code.co_filename).name}, line {at.tb_lineno}"
        line = f"a bug, or tables that wtcheck export did not write: {type(error).__name__} in {place}: {first_line(error)}"
        code = BUG
    if Interrupted.by:
        # Whoever started it sees which signal it was.
        signal.signal(Interrupted.by, signal.SIG_DFL)
        os.kill(os.getpid(), Interrupted.by)
    say(line)
    return code


if __name__ == "__main__":
    sys.exit(main())
