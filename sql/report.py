"""The report for people: the verdict, what is wrong, what is lost, what to type next; then the tables."""

import os
import time

from layout import command, count, escape, fold, grouped, shorten, signed, size, table
from verdict import CODES, CONTENT, DOUBT, MENDED, NUMBERS, PICK_UP, WAY, short_name

# Lines of each kind on screen; `--format json` has all.
TOLD = 5
SHOWN = 20
# Trees that agree and are listed all the same.
FEW_CLEAN = 5

KINDS = {"palite": "PALite (SQLite) page log", "palm": "PALM (LMDB) page log"}
REASONS = {"never-referenced": "page never referenced", "unreferenced-image": "image of a page in use"}
# From 2015 to the end of 2099: an LSN or timestamp outside is no time.
TIMES = range(1_420_070_400, 4_102_444_800)
LONGEST_NAME = 40
LABEL = "  {:<12}"
HANGING = " " * 14


def report(result, facts, verdict, room, steps):
    """The whole report, in so many columns; with what each step cost, if there are any."""
    parts = [
        answer(facts, result, verdict, room),
        about(result, facts, room),
        accounting(result, facts, room),
        orphans(result, room),
        classes(result, facts, room),
        keystore(result, facts, room),
        costs(steps, room),
        following(result, verdict, facts, room),
    ]
    return "\n".join(part for part in parts if part)


def field(label, text, room):
    return fold(escape(text), room, LABEL.format(label), HANGING)


def answer(facts, result, verdict, room):
    counts = [(verdict.count("error"), "error"), (verdict.count("warning"), "warning")]
    counts = ", ".join(count(n, one) for n, one in counts if n)
    words = {0: "CLEAN, by numbers alone", 1: f"FINDINGS ({counts})", 6: "INCOMPLETE: not enough could be read to judge"}
    scope = ", of what was exported" if result["export"]["table"] is not None else ""
    out = fold(f"Verdict: {words[verdict.exit_code]}{scope}", room, "", "  ")
    lines = wrong(verdict)
    for at, line in enumerate(lines[:TOLD]):
        out += field("" if at else "Wrong", line, room)
    if len(lines) > TOLD:
        codes = sorted({f.code for f in verdict.findings})
        out += field("", f"and {len(lines) - TOLD:,} more; all in all: {', '.join(codes)}", room)
    loss = lost(result, facts, verdict)
    out += field("Lost", loss, room) if loss else ""
    out += field("Checkpoint", stands_on(facts["checkpoint"]), room)
    commands, missing = next_steps(result, facts, verdict), result["export"]["not_supplied"]
    if missing:
        more = f" and {len(missing) - 1:,} more" if len(missing) > 1 else ""
        out += field("Do now", f"dump table {missing[0]}{more}, and export the set again with it", room)
    elif commands:
        out += command(commands[0], room, LABEL.format("Do now"), HANGING)
    for place, why in verdict.unchecked[:SHOWN]:
        out += fold(f"Not checked: {escape(place)}: {escape(why)}", room, "", "  ")
    if len(verdict.unchecked) > SHOWN:
        out += f"Not checked: {len(verdict.unchecked) - SHOWN:,} more\n"
    return out + fold(
        "Not checked here, but by wtcheck audit DIR (DIR: what was exported): cells and keys in pages, most rules of "
        "headers and metadata, whether each table has its file, which orphan explains which difference, files beside "
        "the page log.",
        room,
        "",
        "  ",
    )


def wrong(verdict):
    """What is wrong, a place a line, the gravest first."""
    places = {}
    for finding in verdict.findings:
        places.setdefault(finding.place, []).append(finding)
    lines = []
    for place, findings in places.items():
        words = [words_of(f) for f in findings if not f.code.startswith("orphan-")]
        orphans = [f for f in findings if f.code.startswith("orphan-")]
        if orphans:
            number, amount = (sum(getattr(f, name) for f in orphans) for name in ("count", "amount"))
            words.append(f"{count(number, 'orphan')} of {count(amount, 'byte')}{' in all' if number > 1 else ''}")
        codes = list(dict.fromkeys(f.code for f in findings))
        lines.append(f"{named(place) + ': ' if place else ''}{'; '.join(words)} [{', '.join(codes)}]")
    return lines


def named(place):
    """A place in a sentence."""
    return shorten(escape(place), LONGEST_NAME)


def words_of(finding):
    off = abs(finding.amount)
    if finding.code.startswith("size-"):
        root = ", as much as a root of it" if finding.code == "size-double-root" else ""
        return f"size= is {count(off, 'byte')} too {'low' if finding.amount < 0 else 'high'}{root}"
    if finding.code.startswith("database-size-"):
        return f"database_size is {count(off, 'byte')} too {'low' if finding.amount < 0 else 'high'}"
    times = f" ({finding.count:,} times)" if finding.count > 1 else ""
    return CODES[finding.code][2] + times


def lost(result, facts, verdict):
    """What is lost, and whether it can be had back."""
    if verdict.harm == CONTENT:
        places = list(dict.fromkeys(f.place for f in verdict.findings if f.harm == CONTENT))
        more = f" and {len(places) - 1:,} more" if len(places) > 1 else ""
        older = older_checkpoint(facts)
        chance = "; there is no older checkpoint"
        if older is not None:
            chance = f"; an older checkpoint, at LSN {older}, may have it"
        return f"data of {named(places[0])}{more} that the newest checkpoint needs cannot be trusted{chance}"
    if verdict.harm == WAY:
        return "not known: what leads to the data is damaged"
    if verdict.unchecked:
        return "not known: not everything could be checked"
    return {
        PICK_UP: "nothing: a standby may refuse the checkpoint, the data are whole",
        DOUBT: "nothing is known to be lost",
        NUMBERS: "nothing: numbers are wrong, data are not",
    }.get(verdict.harm)


def older_checkpoint(facts):
    own = facts["checkpoint"]["lsn"]
    return max((c["lsn"] for c in facts["completions"] if c["usable"] and c["lsn"] < own), default=None)


def stands_on(checkpoint):
    name = f"{checkpoint['checkpoint']}, " if checkpoint["checkpoint"] else ""
    numbers = [checkpoint["lsn"], int(checkpoint["timestamp"] or "0", 16)]
    # A production page service makes an LSN of the second it was given in.
    seconds = next((n >> 32 for n in numbers if n >> 32 in TIMES), None)
    when = ""
    if seconds is not None:
        when = f", {time.strftime('%Y-%m-%d %H:%M:%SZ', time.gmtime(seconds))} ({ago(seconds)})"
    return f"{name}LSN {checkpoint['lsn']}{when}"


def ago(seconds):
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "").strip()
    passed = (int(epoch) if epoch.isdigit() else int(time.time())) - seconds
    if passed < 0:
        return "in the future by this machine's clock"
    units = [(31_556_952, "year"), (2_629_746, "month"), (86_400, "day"), (3_600, "hour"), (60, "minute")]
    unit, name = next(((u, n) for u, n in units if passed >= 2 * u), (1, "second"))
    return f"{count(passed // unit, name)} ago"


def next_steps(result, facts, verdict):
    """Commands, that which does something about it first."""
    codes = [f.code for f in verdict.findings]
    steps = []
    if facts["dumps"] and (codes or verdict.unchecked):
        # What follows reads a page log only.
        return ["wtcheck gather DUMP... -o DIR", "wtcheck audit DIR"] + [f"wtcheck explain {c}" for c in codes[:1]]
    newer = any(c["usable"] and c["lsn"] > facts["checkpoint"]["lsn"] for c in facts["completions"])
    if not newer and not verdict.unchecked and MENDED & set(codes):
        steps.append("wtcheck repair plan DIR -o plan.yaml")
    if "stale-keystore" in codes:
        steps.append("wtcheck pickup replay DIR")
    older = older_checkpoint(facts)
    if older is not None and verdict.harm == CONTENT and any(t["walked"] and not t["complete"] for t in facts["trees"]):
        steps.append(f"wtcheck audit DIR --checkpoint {older}")
    if codes or verdict.unchecked:
        steps.append("wtcheck audit DIR")
    if result["orphans"]:
        steps.append("wtcheck orphans DIR")
    page = next((f for f in verdict.findings if f.severity == "error" and f.page is not None), None)
    if page:
        steps.append(f"wtcheck page DIR {page.table} {page.page}")
    return steps + [f"wtcheck explain {code}" for code in codes[:1]]


def following(result, verdict, facts, room):
    commands = next_steps(result, facts, verdict)[0 if result["export"]["not_supplied"] else 1 :]
    return "Next\n" + "".join(command(line, room, "  ", "  ") for line in commands) if commands else ""


def about(result, facts, room):
    export = result["export"]
    kind = KINDS.get(export["kind"], export["kind"])
    if facts["dumps"]:
        kind = "dumps of a page log"
    shards = f", {count(export['shards'], 'shard')}" if export["shards"] > 1 else ""
    out = fold(f"{escape(facts['out'])}: {kind}, formats of {escape(export['generation'])}{shards}", room, "", "  ")
    rows, stored = (sum(c[key] for c in result["versions"].values()) for key in ("count", "bytes"))
    out += fold(
        f"{count(rows, 'row')}, {size(stored)}; {count(len(facts['completions']), 'completion record')}", room, "", "  "
    )
    pages = sum(tree["pages"]["reachable"] for tree in result["trees"])
    live = result["versions"].get("live", {"count": 0})["count"]
    what = [count(len(result["trees"]), "tree"), count(pages, "page"), count(live, "block")]
    return out + fold(f"Metadata at LSN {facts['checkpoint']['metadata_lsn']}; {', '.join(what)}", room, "", "  ")


def accounting(result, facts, room):
    trees, database = [t for t in facts["trees"] if t["walked"]], result["database"]
    # What was not supplied is told in the document.
    known = {(t["uri"], t["table_id"]): t for t in result["trees"]}
    for tree in trees:
        tree.update((key, known[tree["uri"], tree["table_id"]][key]) for key in ("difference", "complete"))
    agree = [t for t in trees if t["complete"] and not t["difference"]]
    folded = agree if len(agree) > FEW_CLEAN else []
    counted = {t["position"] for t in folded}
    shown = [t for t in trees if t["position"] not in counted]
    more = []
    if len(shown) > SHOWN:
        shown.sort(key=lambda t: -abs(t["difference"] or 0))
        shown, more = shown[:SHOWN], shown[SHOWN:]
    rows = [tree_row(tree) for tree in shown]
    differences = [t["difference"] for t in trees]
    published, recomputed = database["sum_of_published"], database["sum_of_recomputed"]
    rows.append([
        "all trees + 1 MiB",
        grouped(sum(t["reachable"] for t in trees)),
        "-" if published is None else grouped(published + database["buffer"]),
        grouped(recomputed + database["buffer"]),
        grouped(sum(t["physical_size"] for t in trees)),
        "-" if None in differences else signed(sum(differences)),
    ])  # fmt: skip
    if database["published_size"] is not None:
        off = database["difference"]
        off = "not comparable" if off is None else signed(off)
        rows.append(["database_size", "", grouped(database["published_size"]), "", "", off])
    titles = ["<Tree", ">Pages?", ">Published", ">Recomputed", ">Physical?", ">Difference"]
    out = "Accounting (bytes)\n" + table(titles, rows, room)
    if folded:
        pages = count(sum(t["reachable"] for t in folded), "page")
        why = "without sizes" if all(t["difference"] is None for t in folded) else "whose sizes agree"
        line = f"Not shown: {count(len(folded), 'tree')}, {pages}, {why}; --format json has all"
        out += fold(line, room, "", "  ")
    if more:
        out += fold(f"and {len(more):,} more trees; --format json has all", room, "", "  ")
    if trees and all(t["is_page_id"] for t in trees):
        out += fold("This generation kept no sizes: size= holds the root's page id.", room, "", "  ")
    return out


def tree_row(tree):
    published, at_least = tree["published_size"], "" if tree["complete"] else "≥ "
    if published is None or (tree["is_page_id"] and not tree["root_cookie"]):
        published = "-"
    else:
        published = f"page id {published}" if tree["is_page_id"] else grouped(published)
    off = tree["difference"]
    off = signed(off) if off is not None else "not kept" if tree["is_page_id"] else "-"
    sizes = [f"{at_least}{grouped(tree[key])}" for key in ("recomputed_size", "physical_size")]
    return [short_name(tree["uri"]), grouped(tree["reachable"]), published, *sizes, off]


def orphans(result, room):
    found = result["orphans"]
    if not found:
        return ""
    rows = [
        [short_name(o["uri"]) or "(in no metadata)", o["table_id"], o["page_id"], o["lsn"], grouped(o["bytes"]),
         REASONS.get(o["reason"], o["reason"])]
        for o in found[:SHOWN]
    ]  # fmt: skip
    out = "Orphans\n" + table(["<Tree", ">Table?", ">Page", ">LSN", ">Bytes", "=Reason?"], rows, room)
    if len(found) > SHOWN:
        out += fold(f"and {len(found) - SHOWN:,} more; --format json has all", room, "", "  ")
    return out + fold(f"{count(len(found), 'orphan')}, {size(sum(o['bytes'] for o in found))}", room, "", "  ")


def classes(result, facts, room):
    rows = [[name, grouped(sums["count"]), grouped(sums["bytes"])] for name, sums in result["versions"].items()]
    out = "Rows of the page log\n" + table(["=Class", ">Rows", ">Bytes"], rows, room)
    if "undetermined" in result["versions"]:
        why = "pages above them are damaged, or were not all read"
        if not facts["checkpoint"]["discards_pages"]:
            why = "this generation has no discard records"
        number = result["versions"]["undetermined"]["count"]
        out += fold(f"{count(number, 'row')} could not be judged: {why}.", room, "", "  ")
    return out


def keystore(result, facts, room):
    pages, checkpoints = facts["key_pages"], result["keystore"]["checkpoints"]
    if not pages and all(use["keystore_lsn"] is None for use in checkpoints):
        return ""
    newest = f", the newest at LSN {max(p['lsn'] for p in pages)}" if pages else ""
    valid = sum(p["valid"] for p in pages)
    out = fold(f"Keystore: {count(len(pages), 'key page')} ({valid:,} valid){newest}", room, "", "  ")
    stale = [use for use in checkpoints if use["stale"]]
    if not stale:
        return out + fold("No checkpoint embeds a key older than the newest one written before it.", room, "", "  ")
    shown = stale[-SHOWN:]
    rows = [[use[key] for key in ("lsn", "metadata_lsn", "keystore_lsn", "newest_key_before")] for use in shown]
    out += table([">Checkpoint LSN", ">Metadata LSN?", ">Embedded key", ">Newest key before"], rows, room)
    if len(stale) > SHOWN:
        out += fold(f"and {len(stale) - SHOWN:,} older ones; --format json has all", room, "", "  ")
    return out + fold("A standby that holds the newer key refuses such a checkpoint.", room, "", "  ")


def costs(steps, room):
    if not steps:
        return ""
    rows = []
    for step in steps:
        moved = [grouped(step[key]) if key in step else "" for key in ("sent", "written")]
        rows.append([step["step"], grouped(step["rows"]), f"{step['seconds']:.1f}", *moved])
    titles = ["=Step", ">Rows", ">Seconds", ">Bytes sent?", ">Bytes written?"]
    # Only a cluster counts bytes.
    if not any("sent" in s for s in steps):
        titles, rows = titles[:3], [row[:3] for row in rows]
    return "Steps\n" + table(titles, rows, room)
