"""What the engine says of a home, what wtcheck says of it, and where the two do not agree."""

import hashlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess

import wiredtiger

# Differences that are known and right, few: (pattern of the kind, pattern of the detail, why).
EXPLAINED = [
    (
        "^rows: of a checkpoint",
        ".",
        "rows.live counts what is not stopped in the tree; the checkpoint's own timestamp and snapshot hide or show more",
    ),
    (
        "^missed",
        "__hs_verify_id|history store key",
        "verify also looks up the key of each visible history record in its table; an audit does not",
    ),
    (
        "^false-alarm: (error extent-beyond-eof|warning recovery-mismatch: checkpoints or their sizes)",
        "the file is longer than the newest checkpoint states|in the metadata, .* in the file",
        "a salvage that was killed wrote another checkpoint than the metadata's; recovery replays the log over both",
    ),
    (
        "^false-alarm: error file-unlisted",
        "names no table at all",
        "a failed rename took the only table out of the metadata: its file lies there with a checkpoint, unnamed",
    ),
    ("^incomplete", "is no WiredTiger home: neither WiredTiger.wt", "killed before there was anything: the engine makes a new home"),
]


def in_child(work, seconds):
    """Run `work` in a process of its own; its exit status as os.wait gives it."""
    pid = os.fork()
    if pid == 0:
        try:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(seconds)
            work()
            os._exit(0)
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(99)
    return os.waitpid(pid, 0)[1]


def words(error):
    return f"{error}".replace("\n", " ")


def look(home, config, targets, out):
    """Open a home with the engine, and say line by line what it holds. In a child: it may abort."""
    def say(**what):
        out.write(json.dumps(what) + "\n")
        out.flush()

    def attempt(step, work):
        say(step=step)
        try:
            return work()
        # Not only the engine's own: a message that is no UTF-8 is an error of Python's.
        except Exception as error:
            # A transaction that was prepared and is neither committed nor rolled back is no damage.
            if "WT_PREPARE_CONFLICT" not in str(error):
                say(bad=step, error=words(error))
        return None

    if targets:
        config += ",backup_restore_target=[" + ",".join(f'"{name}"' for name in targets) + "]"
    connection = attempt("open", lambda: wiredtiger.wiredtiger_open(home, config))
    if connection is None:
        return
    session = connection.open_session()

    def metadata():
        # By bytes: what is damaged may be no UTF-8, and no name that could be opened.
        cursor = session.open_cursor("metadata:", None, "raw")
        rows = {}
        while cursor.next() == 0:
            key, value = (part.rstrip(b"\0").decode(errors="replace") for part in (cursor._get_key(), cursor._get_value()))
            if "\ufffd" not in key:
                rows[key] = value
        cursor.close()
        return rows

    rows_of_metadata = attempt("metadata", metadata)
    if rows_of_metadata is None:
        return
    keys = list(rows_of_metadata)
    say(metadata=keys)

    def verify(uri):
        try:
            session.verify(uri, None)
        except wiredtiger.WiredTigerError as error:
            if "busy" not in str(error):
                raise
            # What recovery changed has to be written first.
            session.checkpoint()
            session.verify(uri, None)

    def scan(uri):
        # The lines that `wt dump -x` prints.
        cursor = session.open_cursor(uri, None, "raw")
        record = cursor.key_format == "r"
        rows, lines = 0, []
        while cursor.next() == 0:
            lines += [str(cursor._get_recno()) if record else (cursor._get_key() or b"").hex(), (cursor._get_value() or b"").hex()]
            rows += 1
        cursor.close()
        return rows, hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def count(uri, more=""):
        cursor = session.open_cursor(uri, None, "raw" + more)
        rows = 0
        while cursor.next() == 0:
            rows += 1
        cursor.close()
        return rows

    for uri in keys:
        kind = uri.partition(":")[0]
        if kind not in ("file", "table"):
            continue
        if kind == "file" and not uri.startswith("file:WiredTiger"):
            attempt(f"verify {uri}", lambda: verify(uri))
            rows = attempt(f"count {uri}", lambda: count(uri))
            if rows is not None:
                say(file=uri, rows=rows)
            for name in re.findall(r"[(,]([^(),=]+)=\(addr=", rows_of_metadata[uri]):
                if name.startswith("WiredTigerCheckpoint."):
                    continue
                say(step=f"count {uri} {name}")
                try:
                    say(named=f"{uri} {name}", rows=count(uri, f",checkpoint={name}"))
                except wiredtiger.WiredTigerError:
                    # In a backup, say, or after a rename: the history store's checkpoint of that name is not there.
                    pass
        if kind == "table":
            result = attempt(f"scan {uri}", lambda: scan(uri))
            if result:
                say(table=uri, rows=result[0], hash=result[1])
    attempt("close", lambda: connection.close())
    say(done=True)


class View:
    """What the engine said."""

    def __init__(self, lines, status, stderr):
        self.metadata, self.files, self.named, self.tables, self.bad = [], {}, {}, {}, []
        self.stderr = stderr
        step, done = "start", False
        for line in lines:
            if "step" in line:
                step = line["step"]
            elif "bad" in line:
                self.bad.append(f"{line['bad']}: {line['error']}")
            elif "metadata" in line:
                self.metadata = line["metadata"]
            elif "file" in line:
                self.files[line["file"]] = line["rows"]
            elif "named" in line:
                self.named[line["named"]] = line["rows"]
            elif "table" in line:
                self.tables[line["table"]] = (line["rows"], line["hash"])
            else:
                done = True
        if os.WIFSIGNALED(status):
            self.bad.append(f"signal {os.WTERMSIG(status)} during {step}")
        elif status:
            self.bad.append(f"status {status >> 8} during {step}")
        elif not done and not self.bad:
            self.bad.append(f"ended during {step}")
        self.hung = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM

    def first(self):
        """The first complaint, with the line of the engine that says most."""
        lines = [line for line in self.stderr.splitlines() if "ERROR" in line]
        text = lines[0].partition("ERROR]: ")[2] if lines else ""
        return f"{self.bad[0]} | {text}"


def engine(home, config, targets, work):
    """The engine's view of a home, which it may change."""
    out, err = os.path.join(work, "view"), os.path.join(work, "stderr")

    def child():
        fd = os.open(err, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(fd, 1)
        os.dup2(fd, 2)
        with open(out, "w", encoding="utf-8") as file:
            look(home, config, targets, file)

    open(out, "w").close()
    status = in_child(child, 30)
    lines = []
    with open(out, encoding="utf-8") as file:
        for line in file:
            try:
                lines.append(json.loads(line))
            except json.JSONDecodeError:
                pass
    with open(err, encoding="utf-8", errors="replace") as file:
        view = View(lines, status, file.read())
    view.stderr_path = err
    return view


class Report:
    """What wtcheck said."""

    def __init__(self, code, document, stderr):
        self.code, self.document, self.stderr = code, document, stderr
        self.codes = sorted({f"{f['severity']} {f['code']}" for f in document.get("findings", []) if f["severity"] != "note"})

    def findings(self):
        """One line each."""
        lines = []
        for f in self.document.get("findings", []):
            place = ",".join(f"{k}={v}" for k, v in f["place"].items() if v not in (None, ""))
            lines.append(f"{f['severity']} {f['code']} [{place}] expected {f['expected']!r}, found {f['found']!r}; {f['cause']}")
        return lines


def run(command, seconds=60):
    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return -100, b"", "no end after 60 s"
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def state(home):
    """Names, sizes and times of all files."""
    found = {}
    for at, _, names in os.walk(home):
        for name in names:
            info = os.stat(os.path.join(at, name))
            found[os.path.join(at, name)] = (info.st_size, info.st_mtime_ns, info.st_ino)
    return found


def audit(tool, home, *more):
    code, stdout, stderr = run([tool, "audit", "--deep", "--jobs", "1", "--format", "json", "-q", *more, home])
    try:
        document = json.loads(stdout)
    except ValueError:
        document = {}
    return Report(code, document, stderr)


def plain(text):
    """A complaint without what differs from case to case."""
    text = re.sub(r"\[[0-9:x a-f]*\]", "", text)
    text = re.sub(r"/\S*/copy/(\./)?", "", text)
    text = re.sub(r"(sub/)?t\d+[^,:|']*\.(wti?|lsm|bf)\b", "FILE", text)
    text = re.sub(r"(table|colgroup|index|lsm):(sub/)?t\d+[^,:|']*", r"\1:X", text)
    text = re.sub(r"'[^']*'", "'X'", text)
    text = re.sub(r"0x[0-9a-f]+|\d+", "N", text)
    return text[:200]


def rows_of(report):
    """Live rows by file, of the newest checkpoint."""
    rows = {}
    for file in report.document["local"]["files"]:
        # Without a checkpoint there is no tree: an empty table, or one that salvage has left so.
        if not file["checkpoints"]:
            rows[file["uri"]] = 0
    for tree in report.document["trees"]:
        count = tree["rows"]["live"] if tree["rows"] else (None if tree["pages"]["reachable"] else 0)
        rows[tree["uri"]] = count
    return rows


def has_log(home):
    """Are there files of a log?"""
    return any(name.startswith("WiredTigerLog.") for _, _, names in os.walk(home) for name in names)


def salvages(home):
    """The home's own settings have the engine salvage its metadata at every open."""
    try:
        with open(os.path.join(home, "WiredTiger.basecfg"), encoding="utf-8", errors="replace") as file:
            return any(line.strip() == "salvage=true" for line in file)
    except OSError:
        return False


def compare(view, report, closed, settled, injured):
    """Disagreements: (kind, detail). `settled`: what is in the checkpoints is all there is."""
    found = []
    if report.code not in (0, 1, 6) or not report.document:
        found.append((f"tool-exit {report.code}", report.stderr[-300:]))
        return found
    if report.code != report.document["exit_code"]:
        found.append(("tool-exit-code", f"{report.code}, {report.document['exit_code']} in the document"))
    if view.hung:
        return found
    if view.bad and report.code == 0:
        found.append((f"missed{' injury' if injured else ''}: {plain(view.first())}", view.first()))
    if injured:
        return found
    if not view.bad and report.code == 1:
        # A disagreement for each sort of finding: one that is known does not hide another.
        sorts = {}
        for f, line in zip(report.document["findings"], report.findings()):
            if f["severity"] != "note":
                sorts.setdefault(f"false-alarm: {f['severity']} {f['code']}: {plain(f['found'])}", line)
        found += sorts.items()
    if not view.bad and report.code == 6:
        found.append(("incomplete", report.stderr[-300:]))
    if settled and not view.bad and report.code == 0:
        rows = rows_of(report)
        for uri, count in view.files.items():
            if uri not in rows and not closed:
                continue
            if uri not in rows:
                found.append(("rows: no such tree", uri))
            elif rows[uri] is None:
                found.append(("rows: not counted", uri))
            elif rows[uri] != count:
                found.append(("rows: differ", f"{uri}: engine {count}, wtcheck {rows[uri]}"))
        for file in report.document["local"]["files"]:
            for checkpoint in file["checkpoints"]:
                count = view.named.get(f"{file['uri']} {checkpoint['name']}")
                rows = checkpoint["rows"]["live"] if checkpoint["rows"] else (None if checkpoint["pages"]["reachable"] else 0)
                if count is not None and count != rows:
                    found.append(("rows: of a checkpoint", f"{file['uri']} {checkpoint['name']}: engine {count}, wtcheck {rows}"))
    if closed and not view.bad and report.code == 0:
        kinds = report.document["local"]["catalog"]["rows"]
        for kind in ("table", "file", "colgroup", "index"):
            count = sum(1 for uri in view.metadata if uri.startswith(kind + ":"))
            if count != kinds.get(kind, 0):
                found.append((f"catalog: {kind}", f"engine {count}, wtcheck {kinds.get(kind, 0)}"))
    return found


def pack(tool, home, report, work):
    """Does an image come to the same?"""
    image, out = os.path.join(work, "image"), os.path.join(work, "unpacked")
    shutil.rmtree(out, ignore_errors=True)
    if os.path.exists(image):
        os.unlink(image)
    code, stdout, stderr = run([tool, "pack", "--no-progress", "--jobs", "1", home, image])
    try:
        if code != 0:
            lines = stdout.decode(errors="replace").splitlines() + stderr.strip().splitlines()
            lines = [line.strip() for line in lines if re.match(r"\s*([-+] |wtcheck: )", line)]
            first = [line for line in lines if re.match(r"[-+] (error|warning|note)", line)] or lines or [""]
            return [(f"pack {code}: {plain(first[0])}", "\n".join(lines)[:900])]
        code, _, stderr = run([tool, "unpack", "-q", "--jobs", "1", image, out])
        if code != 0:
            return [(f"unpack {code}", stderr[-600:])]
        again = audit(tool, out)
        if again.code != report.code or again.codes != report.codes:
            return [(f"pack verdict {report.code} {again.code}", f"{report.codes} {again.codes}")]
        return []
    finally:
        shutil.rmtree(out, ignore_errors=True)
        if os.path.exists(image):
            os.unlink(image)


def dump(tool, home, view, work):
    """Does a dump have the rows that the engine shows?"""
    out = os.path.join(work, "dumped")
    shutil.rmtree(out, ignore_errors=True)
    command = [tool, "dump", home, "-o", out, "--as", "wt-hex", "--jobs", "1", "-q", "--format", "json"]
    code, stdout, stderr = run(command)
    try:
        try:
            tables = json.loads(stdout)["tables"]
        except (ValueError, KeyError):
            # A home without any table has nothing to dump.
            return [(f"dump {code}: {plain(stderr)}", stderr[-300:])] if view.tables or code not in (0, 6) else []
        found = []
        bad = [t for t in tables if t.get("lost") or t.get("unread", {"why": "lsm"})["why"] != "lsm"]
        lsm = any("unread" in t for t in tables)
        if bad or code != 0 and not lsm:
            found.append((f"dump {code}", json.dumps(bad)[:600] + stderr[-200:]))
        made = {t["uri"]: t for t in tables}
        for uri, (rows, digest) in view.tables.items():
            table = made.get(uri)
            if table is None or table.get("unread"):
                # A log-structured merge tree is left to its chunks.
                if table is None or table["unread"]["why"] != "lsm":
                    found.append(("dump: table", f"{uri}: {table}"))
                continue
            with open(os.path.join(out, table["files"][0]), "rb") as file:
                data = file.read().partition(b"\nData\n")[2]
            own = hashlib.sha256(data[:-1] if data.endswith(b"\n") else data).hexdigest()
            if (table["rows"], own) != (rows, digest):
                found.append(("dump: rows", f"{uri}: engine {rows}, wtcheck {table['rows']}"))
        return found
    finally:
        shutil.rmtree(out, ignore_errors=True)


# Files that stand for each other in a log: what one of them does to the engine, it says of another.
TOGETHER = [
    {"WiredTiger.turtle", "WiredTiger.wt", "WiredTiger.backup", "WiredTiger.turtle.set"},
]


def log(tool, home, view, injury):
    """Where `wtcheck log` and the injury do not agree: the engine's lines are the log."""
    lines = [line for line in view.stderr.splitlines() if line.startswith("[") and "][" in line]
    if not any("[ERROR]" in line or "[NOTICE]" in line for line in lines):
        return []
    path = view.stderr_path
    code, out, err = run([tool, "log", path, "--home", home, "--format", "json", "-q"])
    try:
        document = json.loads(out)
    except ValueError:
        return [("log: no document", f"{code}: {err[:200]}")]
    found = []
    if code != 1 and any("[ERROR]" in line for line in lines):
        found.append((f"log: exit {code} with errors", lines[0][:200]))
    for unknown in document["unknown_first"]:
        found.append(("log: unknown line", unknown["text"]))
    if not document["causes"]:
        return found
    main = document["causes"][0]
    if document["verdict"] != "cause":
        found.append((f"log: {document['verdict']}", f"{main['cause']}: {main['text'][:150]}"))
    own = main["place"].get("file")
    near = {other for group in TOGETHER if any(name in injury for name in group) for other in group}
    # Put aside by the engine: WiredTiger.wt.1.
    base = re.sub(r"(WiredTiger\.wt)\.\d+$", r"\1", own or "")
    whole = main["cause"] in ("files-of-different-moments", "basecfg-garbled", "wiredtiger-file-empty", "log-dir-missing")
    stale = "laid over" in injury or "swapped" in injury
    if own and base not in injury and base not in near and not whole and not stale:
        found.append((f"log: {main['cause']} names another file", f"{own}: {main['text'][:150]}"))
    for check in document["checks"]:
        cause = document["causes"][check["cause"]]
        if check["answer"] == "contradicted" and check["cause"] == 0:
            found.append((f"log: {cause['cause']} contradicted", f"{check['fact']}: {cause['text'][:120]}"))
    return found


def explained(kind, detail):
    for kinds, details, why in EXPLAINED:
        if re.search(kinds, kind) and re.search(details, detail):
            return why
    return None
