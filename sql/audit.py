#!/usr/bin/env python3
"""Run the audit in SQL over the tables that `wtcheck export` wrote, on DuckDB or on Apache Spark.

    sql/audit.py OUT                        # DuckDB (pip install duckdb)
    sql/audit.py OUT --engine spark         # Spark in local mode (pip install pyspark, Java 17)
    spark-submit sql/audit.py hdfs:///OUT --engine spark --work hdfs:///wtcheck-steps

Prints one JSON document: trees, database, versions, orphans, keystore, as `wtcheck audit --format json`
names them, and of the export what it lacks; with --steps also the rows of each step, its bytes and its
time. Exits with 6 if a part of the store could not be read, or was not supplied. Every query is a file beside this one, in
portable SQL; this program only stores the result of each as the table that the next ones read.
"""

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TABLES = ["versions", "edges", "roots", "keystore", "completions"]
# More levels than any tree has, and more rounds than any page has versions, are a mistake.
MOST_LEVELS = 65
MOST_ROUNDS = 10000


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
        import duckdb

        Path(work).mkdir(parents=True, exist_ok=True)
        self.db = duckdb.connect(str(Path(work) / "audit.duckdb"))
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
        from pyspark.sql import SparkSession

        self.events = None
        builder = SparkSession.builder.appName("wtcheck audit")
        if "SPARK_ENV_LOADED" not in os.environ and not os.environ.get("MASTER"):
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
        self.spark = builder.getOrCreate()
        self.spark.sparkContext.setLogLevel("ERROR")
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
        raise SystemExit("no completion record can be used: there is no checkpoint to stand on")
    twice = engine.rows(
        "SELECT table_id, page_id FROM versions GROUP BY table_id, page_id, lsn HAVING COUNT(*) > 1 LIMIT 1"
    )
    if twice:
        place = f"page {twice[0]['page_id']} of table {twice[0]['table_id']}"
        raise SystemExit(f"{place} is in two shards: export each page once, or gather the dumps first")
    steps("refs_0", "10-references")
    # An empty table with the columns that the first level is compared with.
    nothing = "SELECT CAST(0 AS INT) AS origin, table_id, page_id, lsn FROM refs_0 WHERE FALSE"
    engine.view("reached_0", nothing)
    for level in range(MOST_LEVELS + 1):
        if level == MOST_LEVELS:
            raise SystemExit(f"a tree has more than {MOST_LEVELS} levels")
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
                raise SystemExit(f"the classes still change after {MOST_ROUNDS} rounds")
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
    steps("version_classes", "80-versions")
    steps("orphans", "81-orphans")
    steps("keystores", "90-keystores")
    result = report(engine)
    moved = engine.moved()
    return result, [{**step, **moved.get(step["step"], {})} for step in steps.list]


def report(engine):
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
        texts = engine.texts(f"{out}/_manifest/*.json")
    else:
        texts = [path.read_text() for path in Path(out, "_manifest").glob("shard-*.json")]
    if not texts:
        raise SystemExit(f"{out}: no shard is complete; run wtcheck export")
    shards = [json.loads(text) for text in texts]
    of = {s["shard"]["of"] for s in shards}
    if len(of) != 1:
        raise SystemExit(f"{out}: shards of sets of {sorted(of)} lie side by side")
    of = of.pop()
    missing = sorted(set(range(1, of + 1)) - {s["shard"]["index"] for s in shards})
    if missing:
        names = ", ".join(f"{n}/{of}" for n in missing)
        raise SystemExit(f"{out}: shards are missing: {names}; export them with --shard")
    different = ["schema_version", "kind", "generation", "newest_completion", "completions", "lsn_counter", "table"]
    for key in [*different, "encoding"]:
        values = {json.dumps(s[key]) for s in shards}
        if len(values) != 1:
            raise SystemExit(f"{out}: shards differ in {key}: {', '.join(sorted(values))}")
    if shards[0]["schema_version"] != 1:
        raise SystemExit(f"{out}: written by a later version: schema {shards[0]['schema_version']}")
    return shards


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
    """Audit an export; answers the report and the steps."""
    out = str(out).rstrip("/")
    if "://" in out and work is None:
        raise SystemExit("name a directory for the steps with --work, one that all machines see")
    own = tempfile.mkdtemp(prefix="wtcheck-sql-") if work is None else None
    try:
        made = {"duckdb": Duck, "spark": Spark}[engine](work or own, steps)
        try:
            shards = manifests(out, made)
            made.open(out, shards[0]["encoding"])
            result, list_of_steps = audit(made)
            missing, part = not_supplied(result, shards)
            lacks = {"not_supplied": missing, "supplied_in_part": part}
            return {**result, "export": {**coverage(shards), **lacks}}, list_of_steps
        finally:
            made.close()
    finally:
        if own:
            shutil.rmtree(own, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", help="what wtcheck export --out wrote")
    parser.add_argument("--engine", choices=["duckdb", "spark"], default="duckdb")
    parser.add_argument("--work", help="directory for the steps; a cluster's must be one that all machines see")
    parser.add_argument("--steps", action="store_true", help="add rows, bytes and time of each step")
    args = parser.parse_args()
    result, steps = run(args.out, args.engine, args.work, steps=args.steps)
    if args.steps:
        result["steps"] = steps
    try:
        print(json.dumps(result, indent=2), flush=True)
    except BrokenPipeError:
        # The reader has seen enough; what Python still holds must not complain again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    lacks = result["export"]
    for problem in lacks["problems"]:
        print(f"not read: {problem}", file=sys.stderr)
    if lacks["unreadable"]:
        print(f"not read: {lacks['unreadable']} blocks", file=sys.stderr)
    for table in lacks["not_supplied"]:
        print(f"not supplied: table {table}: dump and export it too", file=sys.stderr)
    for table in lacks["supplied_in_part"]:
        print(f"supplied in part: table {table}: pages of its tree are in no shard, or are damaged", file=sys.stderr)
    parts = ["problems", "unreadable", "not_supplied", "supplied_in_part"]
    return 6 if any(lacks[part] for part in parts) else 0


if __name__ == "__main__":
    sys.exit(main())
