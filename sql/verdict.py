"""What the tables of an audit in SQL come to: findings, what was not checked, the verdict and the exit code.

The codes are those of `wtcheck audit` (`wtcheck explain CODE`), and so is the verdict: findings win over what could not
be read, and what could not be read is never clean.
"""

from typing import NamedTuple

CLEAN, FINDINGS, USAGE, REFUSED, INCOMPLETE, BUG = 0, 1, 2, 3, 6, 70

# What is harmed, the gravest last.
NUMBERS, DOUBT, PICK_UP, WAY, CONTENT = range(1, 6)

# By code: a warning or an error, what is harmed, and what it means.
CODES = {
    "size-inflated": ("error", NUMBERS, "size= is too high"),
    "size-deflated": ("error", NUMBERS, "size= is too low"),
    "size-double-root": ("warning", NUMBERS, "size= is too high by the size of a root"),
    "database-size-inflated": ("error", NUMBERS, "database_size exceeds the sum of the trees plus 1 MiB"),
    "database-size-deflated": ("error", NUMBERS, "database_size is below the sum of the trees plus 1 MiB"),
    "orphan-page": ("error", NUMBERS, "pages that no checkpoint reaches and nothing discards"),
    "orphan-image": ("error", NUMBERS, "images of pages in use that no address names"),
    "lsn-counter-behind": ("warning", DOUBT, "the store's LSN counter is below what already exists"),
    "stale-keystore": ("warning", PICK_UP, "a checkpoint embeds a key older than the newest one written before it"),
    "key-page-missing": ("error", PICK_UP, "the key page a checkpoint embeds is not in the page log"),
    "key-page-invalid": ("error", PICK_UP, "a key page breaks the rules of its header"),
    "completion-invalid": ("error", WAY, "it cannot be used"),
    "turtle-invalid": ("error", WAY, "its turtle page is missing or damaged, or leads nowhere"),
    "metadata-invalid": ("error", WAY, "a row of the metadata cannot be parsed"),
    "duplicate-tree-id": ("error", WAY, "two files share one tree id"),
    "page-missing": ("error", CONTENT, "a page that is referenced is not in the page log"),
    "page-checksum": ("error", CONTENT, "a block's checksum does not match"),
    "page-header": ("error", CONTENT, "a block has no valid header"),
    "chain-broken": ("error", CONTENT, "the blocks of a page do not link into a chain"),
    "chain-too-long": ("error", CONTENT, "a page has more than 32 deltas"),
    "cookie-invalid": ("error", CONTENT, "an address cannot be decoded"),
    "cookie-size-mismatch": ("error", CONTENT, "the size in an address is not the length of the page's blocks"),
    "child-newer-than-parent": ("error", CONTENT, "a child's LSN is not below its parent's"),
    "page-referenced-twice": ("error", CONTENT, "a page has two parents, or leads to a page above it"),
    "page-id-out-of-range": ("error", CONTENT, "a page id is reserved or was never assigned"),
    "discarded-in-use": ("error", CONTENT, "a page in use has a discard record"),
}

# What `repair plan` can do something about.
MENDED = {
    "size-inflated", "size-deflated", "size-double-root", "database-size-inflated", "database-size-deflated",
    "orphan-page", "orphan-image",
}  # fmt: skip

# What pages could not be checked for, behind their number.
UNCHECKED = {
    "hidden": "not there, and perhaps in what could not be read of the store",
    "unreadable": "could not be read",
    "closed": "the right checksum, but it could not be opened: encrypted, or written wrong",
    "page-missing": "in no dump",
    "chain-broken": "not in the dumps with all blocks",
}


class Finding(NamedTuple):
    """Something wrong, so many times at one place; amount: bytes, or what a number is off by."""

    code: str
    place: str
    table: int | None = None
    page: int | None = None
    count: int = 1
    amount: int = 0

    @property
    def severity(self):
        return CODES[self.code][0]

    @property
    def harm(self):
        return CODES[self.code][1]


class Verdict(NamedTuple):
    """Findings, gravest first, and what was not checked: a place, and why."""

    findings: list
    unchecked: list

    @property
    def exit_code(self):
        return FINDINGS if self.findings else INCOMPLETE if self.unchecked else CLEAN

    @property
    def harm(self):
        return max((f.harm for f in self.findings), default=0)

    def count(self, severity):
        return sum(f.count for f in self.findings if f.severity == severity)


def short_name(uri):
    """The name of a tree without `file:` and `.wt_stable`."""
    return (uri or "").removeprefix("file:").removesuffix(".wt_stable")


def judge(result, facts):
    """The verdict of an audit; `facts` is what it knows beside its document."""
    lacks = result["export"]
    names = {tree["table_id"]: short_name(tree["uri"]) for tree in facts["trees"]}
    dumps = facts["dumps"]
    left_out = set(lacks["not_supplied"])
    in_part = set(lacks["supplied_in_part"])

    def name(table):
        return names.get(table) or f"table {table}"

    findings, unchecked = [], []
    for problem in lacks["problems"]:
        unchecked.append(("store", problem))
    if lacks["unreadable"]:
        blocks = "block" if lacks["unreadable"] == 1 else "blocks"
        unchecked.append((f"{lacks['unreadable']:,} {blocks}", "could not be read"))
    for table in lacks["not_supplied"]:
        unchecked.append((f"{name(table)}, table {table}", "in no dump: dump and export it too"))
    orphaned = {orphan["table_id"] for orphan in result["orphans"]}
    for tree in facts["trees"]:
        if tree["walked"] and tree["wrong"] and tree["table_id"] not in left_out:
            off = tree["difference"]
            code = "size-deflated" if off < 0 else "size-inflated"
            if tree["as_a_root"] and tree["table_id"] not in orphaned:
                code = "size-double-root"
            findings.append(Finding(code, name(tree["table_id"]), tree["table_id"], amount=off))
        if not tree["walked"] and tree["exported"]:
            findings.append(Finding("duplicate-tree-id", short_name(tree["uri"]), tree["table_id"]))
    sums = {}
    for orphan in result["orphans"]:
        code = "orphan-image" if orphan["reason"] == "unreferenced-image" else "orphan-page"
        first, count, amount = sums.get((orphan["table_id"], code), (orphan["page_id"], 0, 0))
        sums[orphan["table_id"], code] = (first, count + 1, amount + orphan["bytes"])
        names.setdefault(orphan["table_id"], short_name(orphan["uri"]))
    for (table, code), (page, count, amount) in sums.items():
        if names.get(table):
            findings.append(Finding(code, name(table), table, page, count, amount))
        else:
            # The tables do not say whether the metadata has lost a file: these may be its pages.
            unchecked.append((f"{name(table)}: {count:,} unreached rows", "no checkpoint's metadata names the table"))
    off = result["database"]["difference"]
    if off:
        code = "database-size-deflated" if off < 0 else "database-size-inflated"
        findings.append(Finding(code, "", amount=off))
    for fault in facts["faults"]:
        table, code, pages = fault["table_id"], fault["code"], fault["pages"]
        # Of dumps nobody knows whether a page is missing, or was not asked for.
        if code in CODES and not (dumps and code in UNCHECKED):
            findings.append(Finding(code, name(table), table, fault["page_id"], pages))
        elif table not in left_out:
            in_part.discard(table)
            unchecked.append((f"{name(table)}: {pages:,} page{'s' if pages != 1 else ''}", UNCHECKED[code]))
    damaged = {f.table for f in findings if f.harm == CONTENT}
    for table in sorted(in_part - damaged):
        unchecked.append((name(table), "pages of its tree are in no shard, or are damaged"))
    checkpoints(facts, bool(lacks["problems"]) or dumps, findings, unchecked)
    keys(result, facts, bool(lacks["problems"] or lacks["unreadable"]) or dumps, findings, unchecked)
    if facts["lsn_counter"] is not None and facts["highest_lsn"] > facts["lsn_counter"]:
        findings.append(Finding("lsn-counter-behind", "", amount=facts["highest_lsn"] - facts["lsn_counter"]))
    findings.sort(key=lambda f: (-f.harm, f.severity, -abs(f.amount)))
    return Verdict(findings, unchecked)


def checkpoints(facts, hidden, findings, unchecked):
    """Completion records; `hidden`: what they name may be there and not have been read."""
    audited = facts["checkpoint"]
    for record in facts["completions"]:
        place = f"completion record at LSN {record['lsn']}"
        if record["usable"]:
            if record["audited"] and not record["metadata_readable"]:
                findings.append(Finding("metadata-invalid", "WiredTigerShared"))
            elif record["audited"] and not record["metadata_complete"]:
                unchecked.append(("WiredTigerShared", "not all of the metadata could be read"))
        elif record["metadata_lsn"] is None:
            findings.append(Finding("completion-invalid", place))
        elif (record["compatible_version"] or 0) > (audited["compatible_version"] or 0):
            unchecked.append((place, "may need a newer wtcheck"))
        elif hidden:
            unchecked.append((place, "its turtle page may lie in what could not be read"))
        else:
            findings.append(Finding("turtle-invalid", place))


def keys(result, facts, hidden, findings, unchecked):
    """The keys that checkpoints embed, and those that are there."""
    stale = [use for use in result["keystore"]["checkpoints"] if use["stale"]]
    if stale:
        findings.append(Finding("stale-keystore", "table 26", 26, 1, len(stale)))
    there = {page["lsn"] for page in facts["key_pages"]}
    used = {use["keystore_lsn"] for use in result["keystore"]["checkpoints"]} - {None}
    invalid = {page["lsn"] for page in facts["key_pages"] if not page["valid"]}
    for code, lsns, why in [
        ("key-page-missing", used - there, "a key that a checkpoint embeds was not read"),
        ("key-page-invalid", invalid, "keys that could not be read, or are damaged"),
    ]:
        if lsns and hidden:
            unchecked.append(("table 26", why))
        elif lsns:
            findings.append(Finding(code, "table 26", 26, 1, len(lsns)))
