#!/usr/bin/env python3
"""A differential test against the real engine.

Each seed makes a home by a random workload of the engine that the module `wiredtiger` holds (`pip install
secantusdb` has one). What the engine says of a copy of it, opened, verified and read, is compared with what
`wtcheck audit --deep` says of the home; then of a copy that has been injured. One line for each disagreement,
totals at the end; exit 1 if one is not explained.
"""

import argparse
import collections
import hashlib
import json
import multiprocessing
import os
import random
import shutil
import sys
import tarfile
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import wiredtiger

import injury
import judge
import workload


def warm_up(work):
    """Compressors there are. The engine's first open in a process takes most of a second: children inherit it."""
    home = os.path.join(work, "warm-up")
    found = []
    for name in ["snappy", "lz4", "zlib", "zstd"]:
        shutil.rmtree(home, ignore_errors=True)
        os.mkdir(home)
        connection = wiredtiger.wiredtiger_open(home, "create,verbose=()")
        session = connection.open_session()
        err = os.dup(2)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)
        try:
            session.create("table:a", f"block_compressor={name}")
            found.append(name)
        except wiredtiger.WiredTigerError:
            pass
        finally:
            connection.close()
            os.dup2(err, 2)
            os.close(err)
            os.close(null)
    shutil.rmtree(home)
    return found


def make(seed, work, compressors, repeatable):
    """Make the home of a seed; (plan, homes, older copies), a home being (path, targets, closed, settled, last life)."""
    plan = workload.Plan(seed, compressors, repeatable)
    home = os.path.join(work, "home")
    os.mkdir(home)
    ops = os.path.join(work, "operations.txt")
    stale = []

    def life(number):
        fd = os.open(os.path.join(work, "life-stderr.txt"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(fd, 1)
        os.dup2(fd, 2)
        workload.live(plan, number, home, work, ops)

    last = 0
    for number in range(plan.lives):
        status = judge.in_child(lambda: life(number), 5)
        last = number
        if os.WIFSIGNALED(status) or status:
            with open(ops, "a") as file:
                file.write(f"status {status}\n")
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 99:
            raise RuntimeError(f"seed {seed}: " + open(ops).read()[-1500:])
        if number + 1 < plan.lives:
            older = os.path.join(work, f"stale-{number}")
            shutil.copytree(home, older)
            stale.append(older)
    with open(ops) as file:
        text = file.read()
    end = text.rstrip().splitlines()[-1]
    closed = end.startswith("closed")
    # What such a close writes is behind the stable timestamp, and rolled back at the next open.
    settled = closed and not (plan.timestamps and "use_timestamp=false" in text[text.rindex("-- life"):])
    # Killed, and nothing but the checkpoint to come back to.
    if not plan.timestamps and not any(plan.logging(n) for n in range(last + 1)):
        settled = True
    homes = [(home, [], closed, settled, last)]
    for name in sorted(os.listdir(work)):
        if name.startswith("backup-") and name.endswith(".targets"):
            with open(os.path.join(work, name)) as file:
                targets = file.read().split("\n")
            path = os.path.join(work, name[: -len(".targets")])
            homes.append((path, [t for t in targets if t], False, False, int(name.split("-")[1])))
    return plan, homes[:1] + homes[-1:] if len(homes) > 1 else homes, stale


def keep(options, seed, what, home, kind, detail, view, report, injured, work, config):
    """Keep a home, and what is said of it."""
    if not options.keep_failures:
        return None
    name = f"{seed}-{what}-{hashlib.sha256(kind.encode()).hexdigest()[:6]}"
    at = os.path.join(options.keep_failures, name)
    os.makedirs(at, exist_ok=True)
    with tarfile.open(os.path.join(at, "home.tar.gz"), "w:gz", compresslevel=3) as tar:
        tar.add(home, arcname="home")
    with open(os.path.join(work, "operations.txt")) as file:
        operations = file.read()
    with open(os.path.join(at, "engine-stderr.txt"), "w") as out:
        out.write(view.stderr)
    with open(os.path.join(at, "README.txt"), "w") as out:
        out.write(
            f"kind: {kind}\nseed: {seed}\nengine: {wiredtiger.wiredtiger_version()[0]}\nhome: {what}\ninjury: {injured}\n"
            f"opened with: {config}\n"
            f"expected (engine): {'open ok' if not view.bad else 'bad'} {view.bad}\nrows: {view.files}\n"
            f"got (wtcheck): exit {report.code}\n  " + "\n  ".join(report.findings()[:12]) + f"\n  {report.stderr[-500:]}\n"
            f"detail: {detail}\n\noperations:\n{operations}"
        )
    return at


def judge_seed(options, compressors, seed):
    """All of one seed: a record of what was found."""
    work = os.path.join(options.work, f"s{seed}")
    shutil.rmtree(work, ignore_errors=True)
    os.mkdir(work)
    record = {"seed": seed, "print": options.print, "counts": {}, "disagreements": []}
    began = time.monotonic()

    def count(what):
        record["counts"][what] = record["counts"].get(what, 0) + 1

    try:
        plan, homes, stale = make(seed, work, compressors, options.repeatable)
        for home, targets, closed, settled, last in homes:
            what = os.path.basename(home).partition("-")[0]
            if not os.path.exists(os.path.join(home, "WiredTiger")):
                count("no home")
                continue
            config = plan.open_config(last, judge=True)
            r = random.Random(f"{seed}/judge/{what}")
            before = judge.state(home)
            report = judge.audit(options.wtcheck, home)
            changed = judge.state(home) != before
            copy = os.path.join(work, "copy")
            shutil.copytree(home, copy)
            view = judge.engine(copy, config, targets, work)
            shutil.rmtree(copy)
            if plan.timestamps:
                # Which rows a named checkpoint shows depends on its timestamp, and cells are counted.
                view.named.clear()
            count(f"{what} {'closed' if closed else 'open'}: engine {'bad' if view.bad else 'ok'}, wtcheck {report.code}")
            # An engine that salvages the metadata whenever it opens the home brings rows back that were removed.
            closed = closed and not judge.salvages(home)
            found = [(k, d, home, view, report, None) for k, d in judge.compare(view, report, closed, settled, False)]
            # Without the log that lies there an engine shows less than the application would see; one that salvages the
            # metadata of a backup does not replay it either.
            replays = (plan.logging(last) and not judge.salvages(home)) or not judge.has_log(home)
            if not view.bad and not targets and replays:
                found += [(k, d, home, view, report, None) for k, d in judge.dump(options.wtcheck, home, view, work)]
                count("dumped")
                record["counts"]["tables compared"] = record["counts"].get("tables compared", 0) + len(view.tables)
            changed = judge.state(home) != before
            if changed:
                found.append(("home changed", "by the audit or the dump", home, view, report, None))
            if r.random() < 0.1:
                code = judge.run([options.wtcheck, "audit", "--jobs", "1", "-q", home])[0]
                # All cells may show more than checksums do, never less.
                if code not in (0, report.code):
                    found.append((f"depth: {code} without --deep, {report.code} with", "", home, view, report, None))
            if r.random() < options.pack and report.code in (0, 1):
                found += [(k, d, home, view, report, None) for k, d in judge.pack(options.wtcheck, home, report, work)]
                count("packed")
            for number in range(options.injuries):
                if r.random() > 0.6:
                    continue
                hurt = os.path.join(work, f"hurt-{number}-{what}")
                shutil.copytree(home, hurt)
                name = injury.injure(hurt, f"{seed}/injury/{what}/{number}", stale)
                if name.startswith("nothing"):
                    shutil.rmtree(hurt)
                    continue
                hurt_report = judge.audit(options.wtcheck, hurt)
                shutil.copytree(hurt, copy)
                hurt_view = judge.engine(copy, config, targets, work)
                shutil.rmtree(copy)
                count(f"injured: engine {'bad' if hurt_view.bad else 'ok'}, wtcheck {hurt_report.code}")
                news = judge.compare(hurt_view, hurt_report, False, False, True)
                # What is wrong without the injury is wrong already.
                if view.bad:
                    news = [(k, d) for k, d in news if k.startswith("tool")]
                if not view.bad:
                    news += judge.log(options.wtcheck, hurt, hurt_view, name)
                    count("logs read" if hurt_view.stderr.strip() else "logs without a line")
                if r.random() < options.pack / 2 and hurt_report.code in (0, 1):
                    news += judge.pack(options.wtcheck, hurt, hurt_report, work)
                found += [(k, d, hurt, hurt_view, hurt_report, name) for k, d in news]
            for kind, detail, at, its_view, its_report, name in found:
                why = judge.explained(kind, detail)
                kept = None if why else keep(options, seed, os.path.basename(at), at, kind, detail, its_view, its_report, name, work, config)
                record["disagreements"].append({"kind": kind, "detail": detail, "home": os.path.basename(at),
                                                "injury": name, "explained": why, "kept": kept})
    finally:
        shutil.rmtree(work, ignore_errors=True)
    record["seconds"] = round(time.monotonic() - began, 2)
    return record


def work_on(task):
    options, compressors, seed = task
    try:
        return judge_seed(options, compressors, seed)
    except Exception as error:
        import traceback
        return {"seed": seed, "print": options.print, "counts": {},
                "disagreements": [{"kind": f"test: {type(error).__name__}", "detail": traceback.format_exc()[-1500:],
                                   "home": "", "injury": None, "explained": None, "kept": None}]}


def fingerprint(tool):
    """Of everything that a result depends on."""
    digest = hashlib.sha256(wiredtiger.wiredtiger_version()[0].encode())
    here = os.path.dirname(os.path.abspath(__file__))
    for path in [tool] + sorted(os.path.join(here, name) for name in os.listdir(here) if name.endswith(".py")):
        with open(path, "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()[:12]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wtcheck", required=True, help="the binary")
    parser.add_argument("--seeds", default="0..100", help="FROM..TO (without TO), or numbers with commas")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--work", help="directory for homes and for results.jsonl, which makes a run resumable")
    parser.add_argument("--keep-failures", metavar="DIR", help="keep the homes of disagreements here")
    parser.add_argument("--injuries", type=int, default=2, help="injuries a home, at most")
    parser.add_argument("--pack", type=float, default=0.25, help="share of homes that are packed")
    parser.add_argument("--repeatable", action="store_true", help="no timers: what runs again comes to the same")
    parser.add_argument("--limit", type=int, default=3, help="lines and kept homes a kind")
    options = parser.parse_args()
    options.wtcheck = os.path.abspath(options.wtcheck)
    options.print = fingerprint(options.wtcheck)
    own = options.work is None
    options.work = os.path.abspath(options.work or tempfile.mkdtemp(prefix="wtcheck-differential-"))
    os.makedirs(options.work, exist_ok=True)
    options.print += "r" if options.repeatable else ""
    if options.keep_failures:
        options.keep_failures = os.path.abspath(options.keep_failures)
        os.makedirs(options.keep_failures, exist_ok=True)
    if ".." in options.seeds:
        first, _, last = options.seeds.partition("..")
        seeds = list(range(int(first), int(last)))
    else:
        seeds = [int(n) for n in options.seeds.split(",")]

    results = os.path.join(options.work, "results.jsonl")
    records = []
    if os.path.exists(results):
        with open(results) as file:
            for line in file:
                try:
                    record = json.loads(line)
                except ValueError:
                    continue
                if record["print"] == options.print and record["seed"] in seeds:
                    records.append(record)
    done = {record["seed"] for record in records}
    compressors = warm_up(options.work)
    tasks = [(options, compressors, seed) for seed in seeds if seed not in done]
    shown = collections.Counter()
    unexplained = 0

    def show(record):
        nonlocal unexplained
        for d in record["disagreements"]:
            if d["explained"]:
                continue
            unexplained += 1
            shown[d["kind"]] += 1
            if shown[d["kind"]] <= options.limit:
                injured = f" ({d['injury']})" if d["injury"] else ""
                detail = " / ".join(d["detail"].splitlines())
                print(f"seed {record['seed']} {d['home']}{injured}: {d['kind']}: {detail[:400]}", flush=True)
            elif d["kept"]:
                shutil.rmtree(d["kept"], ignore_errors=True)

    for record in records:
        show(record)
    with open(results, "a") as out, multiprocessing.get_context("fork").Pool(options.jobs) as pool:
        for record in pool.imap_unordered(work_on, tasks):
            out.write(json.dumps(record) + "\n")
            out.flush()
            records.append(record)
            show(record)

    counts = collections.Counter()
    kinds = collections.Counter()
    for record in records:
        counts.update(record["counts"])
        for d in record["disagreements"]:
            kinds[(d["explained"] and f"explained ({d['explained']}): " or "") + d["kind"]] += 1
    print(f"\n{len(records)} seeds, {wiredtiger.wiredtiger_version()[0]}")
    for name, number in sorted(counts.items()):
        print(f"{number:7} {name}")
    print(f"{sum(kinds.values())} disagreements, {unexplained} unexplained")
    for name, number in kinds.most_common():
        print(f"{number:7} {name}")
    if own:
        shutil.rmtree(options.work, ignore_errors=True)
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
