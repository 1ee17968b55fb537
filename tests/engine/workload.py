"""Random lives of a home: what a seed does, from the first open to the last close or kill.

A life is a process of its own, for it may be killed. What it does depends on the seed, the number of the life
and on what is in the directory; only where a timer ends it, or where the engine's own threads matter, does a
second run differ.
"""

import os
import random
import resource
import shutil
import signal

import wiredtiger
from tables import Spec

ENDS = ["close", "close", "close", "checkpoint-close", "checkpoint-close", "kill", "kill", "kill", "timer", "timer", "exit", "size"]


def number_of(name):
    """The number in a table's name."""
    digits = ""
    for letter in name.split("/")[-1][1:]:
        if not letter.isdigit():
            break
        digits += letter
    return int(digits) if digits else None


class Plan:
    """What holds for all lives of a seed."""

    def __init__(self, seed, compressors, repeatable=False):
        r = random.Random(f"{seed}/plan")
        self.seed = seed
        self.compressors = compressors
        self.lives = r.choice([1, 1, 2, 2, 3, 4])
        self.log = r.random() < 0.55
        self.log_compressor = r.choice(["", ""] + [f",compressor={name}" for name in compressors])
        self.timestamps = r.random() < 0.45
        self.pressure = r.random() < 0.2
        self.base = r.choice(["", "", ",config_base=false"])
        self.backups = r.random() < 0.2
        self.tables = r.choice([1, 1, 2, 3, 5])
        self.ends = [r.choice(ENDS) for _ in range(self.lives)]
        if repeatable:
            self.ends = ["kill" if end == "timer" else end for end in self.ends]
        self.steps = [r.choice([2, 6, 12, 25, 40]) for _ in range(self.lives)]

    def logging(self, life):
        """Is the log on in this life?"""
        r = random.Random(f"{self.seed}/log/{life}")
        return self.log if r.random() > 0.04 else not self.log

    def open_config(self, life, judge=False):
        """The configuration of a connection."""
        r = random.Random(f"{self.seed}/open/{life}")
        parts = ["" if judge else "create"]
        if self.logging(life):
            size = r.choice(["100KB", "100KB", "256KB", "1MB"])
            more = r.choice(["", "", ",remove=false", ",archive=false"]) + r.choice(["", ",prealloc=false"])
            more += r.choice(["", "", "", ",zero_fill=true", ",force_write_wait=2"])
            parts.append(f"log=(enabled=true,file_max={size}{self.log_compressor}{more})")
        else:
            parts.append("log=(enabled=false)")
        cache = r.choice(["1MB", "2MB"]) if self.pressure else r.choice(["2MB", "10MB", "50MB"])
        parts.append(f"cache_size={'50MB' if judge else cache}")
        if judge:
            return ",".join(parts)
        parts.append("cache_max_wait_ms=300")
        options = [
            (0.15, ["file_extend=(data=1MB)", "file_extend=(data=128KB,log=1MB)"]),
            (0.1, ["statistics=(all),statistics_log=(wait=1,json=true,on_close=true)", "statistics=(fast),statistics_log=(wait=1)"]),
            (0.2, ["transaction_sync=(enabled=true,method=fsync)", "transaction_sync=(enabled=true,method=none)",
                   "transaction_sync=(enabled=true,method=dsync)"]),
            (0.1, ["checkpoint_sync=false"]),
            (0.1, ["mmap=false"]),
            (0.1, ["mmap_all=true"]),
            (0.1, ["session_max=20"]),
            (0.1, ["eviction=(threads_max=1)"]),
            (0.15, ["eviction_dirty_target=1,eviction_dirty_trigger=5", "eviction_updates_target=1,eviction_updates_trigger=5"]),
            (0.1, ["hash=(buckets=64,dhandle_buckets=64)"]),
            (0.05, ['compatibility=(release="10.0")', 'compatibility=(release="3.3")']),
            (0.05, ["history_store=(file_max=100MB)"]),
            (0.04, ["salvage=true"]),
            (0.05, ["verify_metadata=true"]),
        ]
        for chance, texts in options:
            if r.random() < chance:
                parts.append(r.choice(texts))
        return ",".join(parts) + self.base


class Life:
    """One connection."""

    def __init__(self, plan, life, home, work, say):
        self.plan, self.life, self.home, self.work, self.say = plan, life, home, work, say
        self.r = random.Random(f"{plan.seed}/life/{life}")
        self.clock = 100000 * life + 10
        self.stable = self.oldest = 0
        self.readers = []
        self.prepared = []
        self.specs = {}
        self.tables = {}
        self.backups = 0
        self.ids = []
        self.connection = wiredtiger.wiredtiger_open(home, plan.open_config(life))
        self.session = self.connection.open_session()
        self.log = plan.logging(life)
        self.find()

    def find(self):
        """What tables there are."""
        cursor = self.session.open_cursor("metadata:")
        self.tables = {}
        for key, _ in cursor:
            kind, _, name = key.partition(":")
            number = number_of(name)
            if kind not in ("table", "file") or number is None or not name.split("/")[-1].startswith("t"):
                continue
            spec = self.spec(number)
            if spec.kind == kind:
                self.tables[f"{kind}:{name}"] = spec
        cursor.close()

    def spec(self, number):
        if number not in self.specs:
            self.specs[number] = Spec(self.plan.seed, number, self.plan.compressors)
        return self.specs[number]

    def pick(self, fit=lambda spec: True):
        names = sorted(name for name, spec in self.tables.items() if fit(spec))
        if not names:
            return None, None
        uri = self.r.choice(names)
        return uri, self.tables[uri]

    def tick(self):
        self.clock += self.r.randrange(1, 4)
        return self.clock

    def stamped(self, spec):
        """Do transactions with this table have timestamps?"""
        return self.plan.timestamps and not (self.log and spec.logged)

    # Transactions.

    def change(self, uri, spec, work, session=None):
        """One or more transactions with one table."""
        session = session or self.session
        r = self.r
        many = r.choice([1, 1, 3])
        for _ in range(many):
            session.begin_transaction()
            try:
                cursor = session.open_cursor(uri)
                work(cursor)
                cursor.close()
                if r.random() < 0.08:
                    session.rollback_transaction()
                elif self.stamped(spec) and r.random() < 0.95:
                    session.commit_transaction(f"commit_timestamp={self.tick():x}")
                else:
                    session.commit_transaction(r.choice(["", "", "", "sync=on", "sync=off"]) if self.log else None)
            except BaseException:
                try:
                    session.rollback_transaction()
                except wiredtiger.WiredTigerError:
                    pass
                raise

    def numbers(self, spec):
        r = self.r
        count = r.choice([1, 5, 30, 100, 300])
        if r.random() < 0.5:
            start = r.randrange(spec.span)
            return [start + i for i in range(count)]
        return [r.randrange(spec.span) for _ in range(count)]

    def op_insert(self):
        uri, spec = self.pick()
        if not uri:
            return "nothing"
        r, numbers = self.r, self.numbers(spec)
        same = spec.make_value(r) if r.random() < 0.2 else None

        def work(cursor):
            for n in numbers:
                cursor[spec.make_key(r, n)] = same if same is not None else spec.make_value(r)

        self.change(uri, spec, work)
        return f"{uri} {len(numbers)}"

    op_update = op_insert

    def op_append(self):
        uri, spec = self.pick(lambda s: s.record)
        if not uri:
            return "nothing"
        r, count = self.r, self.r.choice([1, 10, 200])
        session = self.session
        cursor = session.open_cursor(uri, None, "append")
        for _ in range(count):
            cursor.set_value(*(lambda v: v if isinstance(v, tuple) else (v,))(spec.make_value(r)))
            cursor.insert()
        cursor.close()
        return f"{uri} {count}"

    def op_remove(self):
        uri, spec = self.pick()
        if not uri:
            return "nothing"
        r, numbers = self.r, self.numbers(spec)

        def work(cursor):
            for n in numbers:
                cursor.set_key(*(lambda k: k if isinstance(k, tuple) else (k,))(spec.make_key(r, n)))
                cursor.remove()

        self.change(uri, spec, work)
        return f"{uri} {len(numbers)}"

    def op_modify(self):
        uri, spec = self.pick(lambda s: s.value in ("S", "u") and s.kind in ("table", "file") and not s.groups)
        if not uri:
            return "nothing"
        r, numbers = self.r, self.numbers(spec)[:60]

        def work(cursor):
            for n in numbers:
                cursor.set_key(*(lambda k: k if isinstance(k, tuple) else (k,))(spec.make_key(r, n)))
                if cursor.search() != 0:
                    continue
                size = len(cursor.get_value())
                changes = []
                for _ in range(r.randrange(1, 4)):
                    text = "M" * r.randrange(0, 6)
                    at = r.randrange(0, size + 1)
                    data = text if spec.value == "S" else text.encode()
                    changes.append(wiredtiger.Modify(data, at, r.randrange(0, 6)))
                cursor.modify(changes)

        self.change(uri, spec, work)
        return f"{uri} {len(numbers)}"

    def op_truncate(self):
        uri, spec = self.pick()
        if not uri:
            return "nothing"
        r = self.r
        low = r.randrange(spec.span)
        high = low + r.choice([1, 20, 200, spec.span])
        way = r.choice(["both", "both", "start", "stop", "all"])
        if way == "all":
            if r.random() < 0.5:
                self.session.truncate(uri, None, None, None)
                return f"{uri} all"
            low, high = 0, spec.span * 2
        session = self.session
        session.begin_transaction()
        try:
            start = stop = None
            if way != "stop":
                start = session.open_cursor(uri)
                start.set_key(*(lambda k: k if isinstance(k, tuple) else (k,))(spec.make_key(r, low)))
            if way != "start":
                stop = session.open_cursor(uri)
                stop.set_key(*(lambda k: k if isinstance(k, tuple) else (k,))(spec.make_key(r, high)))
            session.truncate(None, start, stop, None)
            for cursor in (start, stop):
                if cursor:
                    cursor.close()
            session.commit_transaction(f"commit_timestamp={self.tick():x}" if self.stamped(spec) else None)
        except BaseException:
            session.rollback_transaction()
            raise
        return f"{uri} {low}..{high} {way}"

    def op_read(self):
        uri, _ = self.pick()
        if not uri:
            return "nothing"
        cursor = self.session.open_cursor(uri)
        count = sum(1 for _ in cursor)
        cursor.close()
        return f"{uri} {count}"

    def op_evict(self):
        """Write pages out that a cursor has walked."""
        uri, spec = self.pick(lambda s: not s.groups)
        if not uri:
            return "nothing"
        session = self.connection.open_session()
        cursor = session.open_cursor(uri, None, "debug=(release_evict=true)")
        step = 0
        for n in range(0, spec.span, max(1, spec.span // 20)):
            cursor.set_key(*(lambda k: k if isinstance(k, tuple) else (k,))(spec.make_key(self.r, n)))
            if cursor.search() == 0:
                step += 1
            cursor.reset()
        cursor.close()
        session.close()
        return f"{uri} {step}"

    # The schema.

    def op_create(self):
        number = max([spec.number for spec in self.tables.values()], default=-1) + 1
        if number > 12:
            return "enough"
        number += self.r.choice([0, 0, 0, 1]) if self.life == 0 else 20 * self.life
        spec = self.spec(number)
        if "/" in spec.name:
            os.makedirs(os.path.join(self.home, "sub"), exist_ok=True)
        spec.create(self.session, bare=self.r.random() < 0.3)
        self.tables[spec.uri] = spec
        return spec.uri

    def op_index(self):
        uri, spec = self.pick(lambda s: s.indices)
        if not uri:
            return "nothing"
        spec.create_index(self.session, self.r.randrange(len(spec.indices)))
        return uri

    def op_bulk(self):
        number = max([spec.number for spec in self.tables.values()], default=-1) + 1
        number += 20 * self.life if self.life else 0
        if number > 12 + 20 * self.life:
            return "enough"
        spec = self.spec(number)
        if spec.indices or "/" in spec.name:
            return "nothing"
        spec.create(self.session)
        self.tables[spec.uri] = spec
        r = self.r
        count = r.choice([0, 1, 10, 200, 800])
        cursor = self.session.open_cursor(spec.uri, None, "bulk")
        keys = [spec.make_key(r, n) for n in range(count)]
        if spec.record:
            keys = sorted(set(keys))
        elif len(spec.keys) == 1 and not isinstance(keys[0] if keys else 0, int):
            keys = sorted({k if isinstance(k, bytes) else k.encode() for k in keys})
            if spec.key != "u":
                keys = [k.decode() for k in keys]
        for key in keys:
            try:
                cursor[key] = spec.make_value(r)
            except wiredtiger.WiredTigerError:
                break
        cursor.close()
        return f"{spec.uri} {count}"

    def op_drop(self):
        uri, _ = self.pick()
        if not uri or len(self.tables) < 2 and self.r.random() < 0.8:
            return "nothing"
        config = self.r.choice([None, None, None, "force=true", "checkpoint_wait=false", "remove_files=false"])
        self.session.drop(uri, config)
        del self.tables[uri]
        return f"{uri} {config}"

    def op_rename(self):
        uri, spec = self.pick(lambda s: s.kind == "table")
        if not uri or not hasattr(self.session, "rename"):
            return "nothing"
        new = f"table:t{spec.number}r{self.r.randrange(100)}"
        self.session.rename(uri, new, None)
        self.tables[new] = self.tables.pop(uri)
        return f"{uri} {new}"

    def op_alter(self):
        uri, _ = self.pick(lambda s: s.kind == "table")
        if not uri:
            return "nothing"
        self.session.alter(uri, self.r.choice(['app_metadata={"altered":true}', "access_pattern_hint=random", "cache_resident=false"]))
        return uri

    def op_move(self):
        """Drop a file and keep its bytes, and import it again."""
        uri, spec = self.pick(lambda s: s.kind == "file")
        if not uri:
            return "nothing"
        cursor = self.session.open_cursor("metadata:")
        config = cursor[uri]
        cursor.close()
        self.session.checkpoint()
        self.session.drop(uri, "remove_files=false")
        del self.tables[uri]
        way = self.r.choice(["repair", "metadata"])
        if way == "repair":
            self.session.create(uri, "import=(enabled,repair=true)")
        else:
            self.session.create(uri, f"{config},import=(enabled,repair=false,file_metadata=({config}))")
        self.tables[uri] = spec
        return f"{uri} {way}"

    def op_verify(self):
        uri, _ = self.pick()
        if uri:
            self.session.verify(uri, None)
        return uri or "nothing"

    def op_salvage(self):
        uri, _ = self.pick(lambda s: not s.groups and not s.indices)
        if uri:
            self.session.salvage(uri, None)
        return uri or "nothing"

    def op_compact(self):
        uri, _ = self.pick()
        if uri:
            self.session.compact(uri, "timeout=1")
        return uri or "nothing"

    # Checkpoints and time.

    def op_checkpoint(self):
        r = self.r
        config = r.choice([None, None, None, "force=true", f"name=c{r.randrange(4)}", f"name=c{r.randrange(4)}",
                           "name=odd-name.1", f"drop=(c{r.randrange(4)})", f"drop=(from=c{r.randrange(4)})",
                           f"drop=(to=c{r.randrange(4)})", "drop=(from=all)", "use_timestamp=false",
                           f"name=c{r.randrange(4)},drop=(from=all)"])
        self.session.checkpoint(config)
        return str(config)

    op_checkpoint_again = op_checkpoint

    def op_stable(self):
        if not self.plan.timestamps:
            return "nothing"
        r = self.r
        self.stable = max(self.stable, self.clock - r.randrange(0, 8))
        text = f"stable_timestamp={self.stable:x}"
        if r.random() < 0.4:
            self.oldest = max(self.oldest, self.stable - r.randrange(0, 20))
            text += f",oldest_timestamp={self.oldest:x}"
        self.connection.set_timestamp(text)
        return text

    op_stable_again = op_stable

    def op_rollback_to_stable(self):
        if not self.plan.timestamps or not self.stable:
            return "nothing"
        for session in self.readers + self.prepared:
            session.close()
        self.readers, self.prepared = [], []
        self.connection.rollback_to_stable()
        return ""

    def op_prepare(self):
        uri, spec = self.pick(lambda s: self.stamped(s))
        if not uri:
            return "nothing"
        r = self.r
        session = self.connection.open_session()
        session.begin_transaction()
        cursor = session.open_cursor(uri)
        for n in self.numbers(spec)[:40]:
            key = spec.make_key(r, n)
            if r.random() < 0.7:
                cursor[key] = spec.make_value(r)
            else:
                cursor.set_key(*(key if isinstance(key, tuple) else (key,)))
                cursor.remove()
        cursor.close()
        session.prepare_transaction(f"prepare_timestamp={self.tick():x}")
        self.prepared.append(session)
        return uri

    def op_resolve(self):
        if not self.prepared:
            return "nothing"
        session = self.prepared.pop(0)
        if self.r.random() < 0.6:
            at = self.tick()
            session.commit_transaction(f"commit_timestamp={at:x},durable_timestamp={at + self.r.randrange(2):x}")
        else:
            session.rollback_transaction()
        session.close()
        return ""

    def op_reader(self):
        if self.readers and self.r.random() < 0.5:
            self.readers.pop(0).close()
            return "closed"
        uri, _ = self.pick()
        if not uri:
            return "nothing"
        session = self.connection.open_session()
        session.begin_transaction("isolation=snapshot")
        session.open_cursor(uri).next()
        self.readers.append(session)
        return uri

    def op_writer(self):
        """A transaction that stays open, with changes."""
        uri, spec = self.pick()
        if not uri:
            return "nothing"
        session = self.connection.open_session()
        session.begin_transaction()
        cursor = session.open_cursor(uri)
        for n in self.numbers(spec)[:20]:
            cursor[spec.make_key(self.r, n)] = spec.make_value(self.r)
        self.readers.append(session)
        return uri

    def op_log_flush(self):
        if not self.log:
            return "nothing"
        if self.r.random() < 0.5:
            self.session.log_printf("a message of the workload")
        self.session.log_flush(self.r.choice(["sync=on", "sync=off"]))
        return ""

    # Backups.

    def op_backup(self):
        if not self.plan.backups:
            return "nothing"
        r = self.r
        way = r.choice(["full", "full", "partial", "incremental", "incremental", "log"])
        targets = []
        config = None
        if way == "partial":
            names = [name for name, spec in self.tables.items() if spec.kind == "table"]
            if not names:
                return "nothing"
            targets = r.sample(sorted(names), r.randrange(1, min(2, len(names)) + 1))
            config = "target=(" + ",".join(f'"{name}"' for name in targets) + ")"
        if way == "log":
            # The logs of now, over the newest backup.
            older = sorted(name for name in os.listdir(self.work) if name.endswith(".targets"))
            if not self.log or not older:
                return "nothing"
            target = os.path.join(self.work, older[-1][: -len(".targets")])
            cursor = self.session.open_cursor("backup:", None, 'target=("log:")')
            names = []
            while cursor.next() == 0:
                names.append(cursor.get_key())
                shutil.copyfile(os.path.join(self.home, names[-1]), os.path.join(target, names[-1]))
            cursor.close()
            return f"log {names}"
        source = None
        if way == "incremental":
            name = f"id{self.life}x{self.backups}"
            if self.ids:
                source = self.ids[-1]
                config = f"incremental=(src_id={source[0]},this_id={name})"
            else:
                config = f"incremental=(enabled=true,granularity=4KB,this_id={name})"
        target = os.path.join(self.work, f"backup-{self.life}-{self.backups}")
        self.backups += 1
        os.mkdir(target)
        if source:
            shutil.copytree(source[1], target, dirs_exist_ok=True)
        cursor = self.session.open_cursor("backup:", None, config)
        listed = []
        while cursor.next() == 0:
            name = cursor.get_key()
            listed.append(name)
            to = os.path.join(target, name)
            os.makedirs(os.path.dirname(to), exist_ok=True)
            if source and name.endswith(".wt") and os.path.exists(to):
                changes = self.session.open_cursor(None, cursor, f'incremental=(file="{name}")')
                while changes.next() == 0:
                    offset, size, kind = changes.get_keys()
                    if kind == wiredtiger.WT_BACKUP_FILE:
                        shutil.copyfile(os.path.join(self.home, name), to)
                        continue
                    with open(os.path.join(self.home, name), "rb") as a, open(to, "r+b") as b:
                        a.seek(offset)
                        b.seek(offset)
                        b.write(a.read(size))
                changes.close()
            else:
                shutil.copyfile(os.path.join(self.home, name), to)
        cursor.close()
        for at, _, files in os.walk(target):
            for name in files:
                path = os.path.join(at, name)
                if os.path.relpath(path, target) not in listed:
                    os.unlink(path)
        if way == "incremental":
            self.ids.append((name_of(config), target))
        with open(target + ".targets", "w") as out:
            out.write("\n".join(targets))
        return f"{way} {targets}"

    WEIGHTS = {
        "insert": 10, "update": 6, "append": 2, "remove": 6, "modify": 4, "truncate": 3, "read": 1, "evict": 4,
        "create": 3, "index": 1, "bulk": 2, "drop": 1, "rename": 0.5, "move": 1, "alter": 0.3, "verify": 0.5, "salvage": 0.3,
        "compact": 0.5, "checkpoint": 5, "checkpoint_again": 2, "stable": 4, "stable_again": 2,
        "rollback_to_stable": 0.5, "prepare": 2, "resolve": 2, "reader": 2, "writer": 1, "log_flush": 1, "backup": 1,
    }

    def run(self, steps, stop):
        if not self.tables:
            for _ in range(self.plan.tables):
                self.step("create")
        names, weights = list(self.WEIGHTS), list(self.WEIGHTS.values())
        for number in range(steps):
            if number == stop:
                os.kill(os.getpid(), signal.SIGKILL)
            self.step(self.r.choices(names, weights)[0])

    def step(self, name):
        try:
            result = getattr(self, "op_" + name)()
        except (wiredtiger.WiredTigerError, OSError) as error:
            result = f"! {error}"
            if "WT_PANIC" in str(error):
                raise
        if result != "nothing":
            self.say(f"{name} {result}")


def name_of(config):
    """The identifier of the backup that a configuration makes."""
    return config.partition("this_id=")[2].rstrip(")").partition(",")[0]


def live(plan, life, home, work, ops):
    """Be one life; never returns. `ops` is the file that says what was done."""
    out = os.open(ops, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def say(text):
        os.write(out, (text + "\n").encode())

    r = random.Random(f"{plan.seed}/end/{life}")
    end = plan.ends[life]
    steps = plan.steps[life]
    say(f"-- life {life}: {end}, {plan.open_config(life)}")
    stop = r.randrange(steps) if end == "kill" else None
    if end == "timer":
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, r.choice([0.01, 0.03, 0.1, 0.2]) * (0.2 + r.random()))
    if end == "size":
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        limit = r.choice([20, 40, 60, 120, 200]) * 4096
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        one = Life(plan, life, home, work, say)
        one.run(steps, stop)
        if end == "exit" or end == "kill":
            say("gone")
            os._exit(0)
        if end == "checkpoint-close":
            one.step("checkpoint")
            one.session.checkpoint()
        how = r.choice([None, None, None, "leak_memory=true", "use_timestamp=false"])
        one.connection.close(how)
        say(f"closed {how}")
        os._exit(0)
    except BaseException as error:
        say(f"died: {type(error).__name__} {error}")
        if not isinstance(error, wiredtiger.WiredTigerError):
            import traceback
            say(traceback.format_exc())
            os._exit(99)
        os._exit(9)
