//! What help and man pages say of each command beside its arguments: exit codes, examples, files, what to read on.
//! A row a command.

use crate::exit;

/// An exit code, and what it means there.
pub(super) type Exit = (u8, &'static str);
/// A command line, and what it is for.
pub(super) type Example = (&'static str, &'static str);
/// A file or a set of files, and what it is there for.
pub(super) type File = (&'static str, &'static str);

/// A command's page.
pub(super) struct Manual {
    /// The words behind `wtcheck`, one blank between them.
    pub path: &'static str,
    /// Codes that say something about what was asked. 2 and 70, which every command has, are added to long forms.
    pub exits: &'static [Exit],
    pub examples: &'static [Example],
    pub files: &'static [File],
    /// Other commands, by their path.
    pub see: &'static [&'static str],
    /// What only `--help` and the man page have room for.
    pub more: &'static str,
}

const IN_USE: Exit = (exit::REFUSED, "refused: the store is in use, or was written by a later version");
const UNREAD: Exit = (exit::INCOMPLETE, "not enough could be read to judge, or the result could not be written");
const NOT_WRITTEN: Exit = (exit::INCOMPLETE, "the result could not be written");

/// What a verb that judges a store ends with.
const JUDGED: &[Exit] = &[
    (exit::CLEAN, "clean: nothing worse than a note"),
    (exit::FINDINGS, "findings: at least one warning or error"),
    IN_USE,
    UNREAD,
];
const PRINTED: &[Exit] = &[(exit::CLEAN, "printed, or written"), NOT_WRITTEN];
const DECODED: &[Exit] = &[
    (exit::CLEAN, "decoded"),
    (exit::FINDINGS, "the bytes are damaged, or are something else"),
    (exit::REFUSED, "refused: written by a later version"),
    (exit::INCOMPLETE, "the input could not be read"),
];

const HOME: File = ("DIR/WiredTiger.turtle, DIR/WiredTiger.wt, DIR/*.wt", "the local block files of a home; only read");
const WTLOG: File = ("DIR/WiredTigerLog.*, DIR/journal/", "the engine's log; only read");
const PAGE_LOG: File = ("DIR/kv_home/", "a page log: SQLite files (PALite) or data.mdb (PALM); only read");
const COPY: File =
    ("TMPDIR", "where a database with a write-ahead log is copied to before it is read; removed at the end");
const STORE: &[File] = &[HOME, WTLOG, PAGE_LOG, COPY];
const LOG_ONLY: &[File] = &[PAGE_LOG, COPY];
const NAMED: &[File] = &[("the files named on the command line", "only they are read; nothing else is opened")];

pub(super) const PAGES: &[Manual] = &[
    Manual {
        path: "",
        exits: &[
            (exit::CLEAN, "clean: nothing worse than a note"),
            (exit::FINDINGS, "findings: at least one warning or error"),
            (
                exit::REFUSED,
                "refused: the store is in use, was written by a version this one must not read, or is not the \
                 one a plan or journal is for; or a repair that did not help was rolled back. Nothing changed",
            ),
            (exit::REPAIRED, "repaired, and audited again: clean"),
            (exit::REPAIRED_PARTLY, "repaired, and audited again: findings remain"),
            UNREAD,
        ],
        examples: &[
            ("wtcheck /data/db", "is this directory consistent? The same as wtcheck audit /data/db"),
            ("wtcheck log mongod.log --home /data/db", "why did the node stop, and is that so on disk?"),
            ("wtcheck dump /data/db -o rescued", "the documents, for mongorestore"),
        ],
        files: STORE,
        see: &["audit", "log", "dump", "repair", "pickup", "map", "explain"],
        more: "Any path that a command cannot take is answered with what it is, and the command for it.",
    },
    Manual {
        path: "audit",
        exits: JUDGED,
        examples: &[
            ("wtcheck audit /data/db -q", "the answer alone: what is wrong, what is lost, what to do now"),
            ("wtcheck audit /data/db --deep", "every cell: row counts, key order within and between pages"),
        ],
        files: STORE,
        see: &["history", "orphans", "map", "repair plan", "explain"],
        more: "",
    },
    Manual {
        path: "orphans",
        exits: &[(exit::CLEAN, "no orphan, and everything was read"), (exit::FINDINGS, "at least one"), IN_USE, UNREAD],
        examples: &[
            ("wtcheck orphans /data/db", "each one, with its reason, size and evidence"),
            ("wtcheck orphans /data/db --table accounts00 --format jsonl", "those of one tree, a line each"),
        ],
        files: STORE,
        see: &["audit", "page", "repair plan"],
        more: "",
    },
    Manual {
        path: "history",
        exits: &[
            (exit::CLEAN, "no difference and no orphan at any checkpoint, and all of them were read"),
            (exit::FINDINGS, "a difference or an orphan at some checkpoint"),
            IN_USE,
            UNREAD,
        ],
        examples: &[
            ("wtcheck history /data/db", "at which checkpoint did each difference begin?"),
            ("wtcheck history /data/db --svg sizes.svg", "the same as a plot"),
        ],
        files: STORE,
        see: &["audit", "diff"],
        more: "",
    },
    Manual {
        path: "diff",
        exits: &[
            (exit::CLEAN, "the two are the same, as far as is compared"),
            (exit::FINDINGS, "they differ"),
            IN_USE,
            UNREAD,
        ],
        examples: &[
            ("wtcheck diff /data/db mended", "what a repair changed"),
            ("wtcheck diff /data/db --checkpoint 180 --to 250", "two checkpoints of one page log"),
        ],
        files: STORE,
        see: &["history", "audit"],
        more: "",
    },
    Manual {
        path: "page",
        exits: &[
            (exit::CLEAN, "nothing is wrong with it"),
            (exit::FINDINGS, "it is damaged"),
            IN_USE,
            (exit::INCOMPLETE, "it is not there, or could not be read"),
        ],
        examples: &[
            ("wtcheck page /data/db accounts00 182", "a page of a page log: its rows, chain, headers and cells"),
            (
                "wtcheck page /data/db/collection-0.wt --offset 8192 --show bson",
                "a block of a local file, with documents",
            ),
        ],
        files: STORE,
        see: &["map", "orphans", "decode page"],
        more: "",
    },
    Manual {
        path: "map",
        exits: JUDGED,
        examples: &[
            ("wtcheck map /data/db", "all trees or files, with sizes and a bar each"),
            ("wtcheck map /data/db/collection-0.wt --svg map.svg", "one file, byte by byte, also as a picture"),
        ],
        files: STORE,
        see: &["audit", "page"],
        more: "",
    },
    Manual {
        path: "dump",
        exits: &[
            (exit::CLEAN, "everything that was asked for came out"),
            (exit::FINDINGS, "something is lost; the report says what"),
            IN_USE,
            (exit::INCOMPLETE, "nothing could be read, or the result could not be written"),
        ],
        examples: &[
            ("wtcheck dump /data/db --list", "what is there: collections, indexes, tables"),
            ("wtcheck dump /data/db -o rescued --older", "all documents; lost ranges from older checkpoints"),
            ("wtcheck dump /data/db shop.orders --as json", "one collection, to standard output"),
        ],
        files: &[
            HOME,
            WTLOG,
            PAGE_LOG,
            ("OUT/DATABASE/COLLECTION.bson, .metadata.json", "what mongorestore --dir OUT loads"),
            ("OUT/wtcheck-dump.json", "the report: rows of each table, and what is lost"),
        ],
        see: &["audit", "repair plan"],
        more: "",
    },
    Manual {
        path: "log",
        exits: &[
            (exit::CLEAN, "nothing broke, as far as the log says"),
            (exit::FINDINGS, "something broke"),
            (exit::REFUSED, "refused: the store of --home is in use"),
            (exit::INCOMPLETE, "the log could not be read, or has no line of a server or engine"),
        ],
        examples: &[
            ("wtcheck log mongod.log", "the first thing that went wrong, and what to do"),
            ("journalctl -u mongod | wtcheck log - --home /data/db", "with each claim checked on the data directory"),
        ],
        files: &[("LOG", "plain, JSON, or packed (gzip, bzip2, xz, zstd); UTF-8 or UTF-16"), HOME, PAGE_LOG],
        see: &["explain", "audit", "pickup explain"],
        more: "",
    },
    Manual {
        path: "pickup",
        exits: &[],
        examples: &[
            ("wtcheck pickup explain mongod.log", "why did this standby die?"),
            ("wtcheck pickup replay page_log", "what does a standby do with each checkpoint of this store?"),
        ],
        files: &[PAGE_LOG, ("SCENARIO", "YAML; samples are in fixtures/scenarios/ of the source")],
        see: &["pickup explain", "pickup replay", "pickup run", "pickup explore"],
        more: "",
    },
    Manual {
        path: "pickup explain",
        exits: &[
            (exit::CLEAN, "no pick-up failed, as far as the log says"),
            (exit::FINDINGS, "a pick-up failed, or the store contradicts the log"),
            (exit::REFUSED, "refused: the store of --home is in use"),
            (exit::INCOMPLETE, "the log could not be read, or has no line that tells"),
        ],
        examples: &[
            ("wtcheck pickup explain mongod.log", "which checkpoint failed, at which step, how that is known"),
            ("wtcheck pickup explain mongod.log --home page_log", "with the claim checked on the real records"),
        ],
        files: &[("LOG", "mongod's JSON, plain lines, or what was pasted into a ticket"), PAGE_LOG],
        see: &["pickup replay", "log", "explain"],
        more: "",
    },
    Manual {
        path: "pickup replay",
        exits: &[
            (exit::CLEAN, "every checkpoint is installed"),
            (exit::FINDINGS, "a checkpoint is refused"),
            (exit::REFUSED, "refused: the store is in use"),
            (exit::INCOMPLETE, "not enough could be read to judge"),
        ],
        examples: &[
            ("wtcheck pickup replay page_log", "every checkpoint, under each policy"),
            (
                "wtcheck pickup replay page_log --keystore-lsn 324 --policy skip",
                "as a fixed node with that key does it",
            ),
        ],
        files: LOG_ONLY,
        see: &["pickup explain", "audit"],
        more: "Code 2 also if --installed names a checkpoint that no standby can have.",
    },
    Manual {
        path: "pickup run",
        exits: &[
            (exit::CLEAN, "no rule is broken"),
            (exit::FINDINGS, "a rule is broken"),
            (exit::INCOMPLETE, "the scenario could not be read"),
        ],
        examples: &[
            ("wtcheck pickup run scenario.yaml", "how does each standby come out?"),
            ("wtcheck pickup run scenario.yaml --policy skip --svg run.svg", "with the fix, and as a picture"),
        ],
        files: &[("SCENARIO", "YAML; samples are in fixtures/scenarios/ of the source")],
        see: &["pickup explore", "pickup replay"],
        more: "\
Events (actor: primary, or a standby or page server where it says so):
  write {pages}, checkpoint, rotate-key {version, flush_after}, seal {count},
  step-down, step-up (standby), kill and restart (standby, page server),
  apply-delay {by} (standby), hold-snapshots {sessions} and release-snapshots
  (standby), corrupt and drop {what: turtle|completion|metadata|key, number}.
  Each has `at` and `actor`; `every` and `times` repeat a write, checkpoint,
  rotate-key or seal.

A `schedule` fixes the order of single actions before time takes over: the
events above, and complete, flush-key, hear-key, see-checkpoint, begin, go-on,
give-up, backstop, re-sync.

Code 2 also for a mistake in the scenario.",
    },
    Manual {
        path: "pickup explore",
        exits: &[
            (exit::CLEAN, "every interleaving was tried and no rule breaks"),
            (exit::FINDINGS, "a counter-example"),
            (exit::INCOMPLETE, "not every interleaving was tried, and no counter-example was found"),
        ],
        examples: &[
            ("wtcheck pickup explore scenario.yaml --policy abort -o broken.yaml", "the shortest way to the bug"),
            ("wtcheck pickup explore scenario.yaml --policy skip", "does any order break the fix?"),
        ],
        files: &[("SCENARIO", "YAML; samples are in fixtures/scenarios/ of the source")],
        see: &["pickup run"],
        more: "Code 2 also for a mistake in the scenario.",
    },
    Manual {
        path: "repair",
        exits: &[],
        examples: &[
            ("wtcheck repair plan /data/db -o plan.yaml", "what would be changed, and why; nothing is"),
            ("wtcheck repair apply plan.yaml --output mended", "on a copy, audited again"),
            ("wtcheck repair undo mended/wtcheck-undo-1.journal", "back, record for record"),
        ],
        files: &[HOME, PAGE_LOG, ("DIR/wtcheck-undo-TIME-ID.journal", "every record as it was, before a repair")],
        see: &["repair plan", "repair apply", "repair undo", "audit"],
        more: "",
    },
    Manual {
        path: "repair plan",
        exits: &[
            (exit::CLEAN, "there is nothing to do; no plan is written"),
            (exit::FINDINGS, "there is something to do"),
            (exit::REFUSED, "refused: the store is in use, or not one that this command may repair"),
            UNREAD,
        ],
        examples: &[
            ("wtcheck repair plan /data/db -o plan.yaml", "a plan to read"),
            ("wtcheck repair plan /data/db --only size-inflated --table accounts00", "the size of one tree, to stdout"),
        ],
        files: &[HOME, PAGE_LOG, ("FILE", "the plan, YAML: take out what you do not want")],
        see: &["repair apply", "audit"],
        more: "",
    },
    Manual {
        path: "repair apply",
        exits: &[
            (
                exit::REFUSED,
                "refused: in use, or not the store of the plan; or it did not help and was rolled back. Nothing changed",
            ),
            (exit::REPAIRED, "repaired, and audited again: clean"),
            (exit::REPAIRED_PARTLY, "repaired, and audited again: findings remain"),
            UNREAD,
        ],
        examples: &[
            ("wtcheck repair apply plan.yaml --output mended", "repair a copy; the original is only read"),
            ("wtcheck repair apply plan.yaml --in-place --yes", "repair the directory itself, without a question"),
        ],
        files: &[
            ("PLAN", "what repair plan wrote"),
            ("DIR/wtcheck-undo-TIME-ID.journal", "written and synchronised before the first change; see --journal"),
        ],
        see: &["repair plan", "repair undo"],
        more: "",
    },
    Manual {
        path: "repair undo",
        exits: &[
            (exit::CLEAN, "everything is as it was"),
            (exit::FINDINGS, "every record was put back, but something else in the store is not as it was"),
            (exit::REFUSED, "refused: nothing to undo, in use, or the store has moved on since. Nothing changed"),
            (exit::INCOMPLETE, "the journal or the store could not be read, or not be written"),
        ],
        examples: &[
            ("wtcheck repair undo mended/wtcheck-undo-1.journal", "put everything back"),
            ("wtcheck repair undo undo.journal --dir /data/db", "with a journal that lies elsewhere"),
        ],
        files: &[("DIR/wtcheck-undo-TIME-ID.journal", "every record before and after the repair")],
        see: &["repair apply"],
        more: "",
    },
    Manual {
        path: "pack",
        exits: &[
            (exit::CLEAN, "written; its audit is the same as the source's"),
            (exit::FINDINGS, "written; its audit differs from the source's"),
            (exit::REFUSED, "refused: the store is in use, or the image exists already"),
            UNREAD,
        ],
        examples: &[
            ("wtcheck pack /data/db store.wtpack", "the structure of a store without its content"),
            ("wtcheck pack copy store.wtpack -j 1", "with one thread"),
        ],
        files: STORE,
        see: &["unpack", "audit"],
        more: "",
    },
    Manual {
        path: "unpack",
        exits: &[
            (exit::CLEAN, "unpacked; its audit is the same as the source's was"),
            (exit::FINDINGS, "unpacked; its audit differs"),
            (
                exit::REFUSED,
                "refused: the directory exists, or the image is damaged, too new, or larger than --max-bytes",
            ),
            UNREAD,
        ],
        examples: &[
            ("wtcheck unpack store.wtpack store", "make a directory of it, and audit that"),
            ("wtcheck unpack store.wtpack store --no-audit", "make the directory only"),
        ],
        files: &[("IMAGE", "what wtcheck pack wrote"), ("DIR", "the directory that is made")],
        see: &["pack", "audit"],
        more: "",
    },
    Manual {
        path: "export",
        exits: &[
            (exit::CLEAN, "everything was exported"),
            (exit::REFUSED, "refused: in use, no page log, or the directory holds shards of another set"),
            (exit::INCOMPLETE, "part of the store could not be read; the tables say how much"),
        ],
        examples: &[
            ("wtcheck export page_log --out tables", "all of it, for sql/audit.py tables"),
            ("wtcheck export page_log --out tables --shard 3/7", "the third part of seven"),
        ],
        files: &[
            PAGE_LOG,
            ("OUT/TABLE/shard=I-of-N/", "Parquet or JSON lines: versions, edges, roots, keystore, completions"),
            ("OUT/_manifest/", "a file for each shard that is complete"),
        ],
        see: &["audit", "gather"],
        more: "",
    },
    Manual {
        path: "gather",
        exits: &[
            (exit::CLEAN, "gathered"),
            (exit::FINDINGS, "gathered; dumps contradict each other"),
            (exit::REFUSED, "refused: the directory is not empty"),
            (exit::INCOMPLETE, "lines could not be read, or there is no checkpoint to stand on"),
        ],
        examples: &[
            ("wtcheck gather dumps/ -o page_log --log mongod.log", "dumps of a page service, made one page log"),
            ("wtcheck gather table_2.jsonl table_10.jsonl.gz -o page_log", "single tables; the newest turtle is used"),
        ],
        files: &[
            ("DUMP", "JSON of a page service, plain, gzip or zstd: tables, pages, fetched trees, histories"),
            ("DIR/kv_home/", "the page log that is made"),
        ],
        see: &["audit", "export"],
        more: "",
    },
    Manual {
        path: "simulate",
        exits: &[],
        examples: &[
            ("wtcheck simulate accounting scenario.yaml --output leaky", "which failures leak, by how much?"),
            ("wtcheck audit leaky", "what an audit finds of it"),
        ],
        files: &[("SCENARIO", "YAML; samples are in fixtures/scenarios/ of the source")],
        see: &["simulate accounting", "audit"],
        more: "",
    },
    Manual {
        path: "simulate accounting",
        exits: &[
            (exit::CLEAN, "the published sizes are right"),
            (exit::FINDINGS, "they leak"),
            (exit::REFUSED, "refused: the directory is not empty"),
            (exit::INCOMPLETE, "the scenario could not be read, or the directory could not be written"),
        ],
        examples: &[
            ("wtcheck simulate accounting scenario.yaml --output leaky", "as the scenario says"),
            ("wtcheck simulate accounting scenario.yaml --output sound --accounting deferred", "with the fix"),
        ],
        files: &[
            ("SCENARIO", "YAML; samples are fixtures/scenarios/accounting-*.yaml of the source"),
            ("DIR/kv_home/", "the page log that is made"),
        ],
        see: &["audit", "repair plan"],
        more: "",
    },
    Manual {
        path: "decode",
        exits: DECODED,
        examples: &[
            ("wtcheck decode cookie 00d05281c3dab2d34844332211", "an address cookie from a log line"),
            (
                "wtcheck decode --from-log mongod.log",
                "the blocks that a log dumped as corrupt, and what happened to them",
            ),
        ],
        files: NAMED,
        see: &["page", "explain"],
        more: "",
    },
    Manual {
        path: "decode cookie",
        exits: DECODED,
        examples: &[
            ("wtcheck decode cookie 00d05281c3dab2d34844332211", "page id, LSNs, size, checksum"),
            ("wtcheck decode cookie 00d05281c3dab2d34844332211 --format json", "for a program"),
        ],
        files: NAMED,
        see: &["decode checkpoint"],
        more: "",
    },
    Manual {
        path: "decode checkpoint",
        exits: DECODED,
        examples: &[
            ("wtcheck decode checkpoint 0181e401818080e401818081e4", "root, extent lists, size of the file"),
            ("wtcheck decode checkpoint addr.txt --format json", "from a file, for a program"),
        ],
        files: NAMED,
        see: &["decode cookie", "decode config"],
        more: "",
    },
    Manual {
        path: "decode completion",
        exits: DECODED,
        examples: &[
            ("wtcheck decode completion record.bin", "metadata LSN, checksum, database size, versions"),
            ("wtcheck decode completion - --format yaml", "from standard input"),
        ],
        files: NAMED,
        see: &["decode turtle", "pickup replay"],
        more: "",
    },
    Manual {
        path: "decode turtle",
        exits: DECODED,
        examples: &[
            ("wtcheck decode turtle /data/db/WiredTiger.turtle", "that of a home"),
            ("wtcheck decode turtle turtle.bin", "the turtle page of a page log"),
        ],
        files: NAMED,
        see: &["decode config", "audit"],
        more: "",
    },
    Manual {
        path: "decode config",
        exits: DECODED,
        examples: &[
            (
                "wtcheck decode config 'allocation_size=4KB,checkpoint=(a=(order=1))'",
                "a value of the metadata, as a tree",
            ),
            ("wtcheck decode config - --format json", "from standard input, for a program"),
        ],
        files: NAMED,
        see: &["decode checkpoint"],
        more: "",
    },
    Manual {
        path: "decode keystore",
        exits: DECODED,
        examples: &[
            ("wtcheck decode keystore key.bin", "header and versions; key material is not shown"),
            ("wtcheck decode keystore key.bin --format json", "for a program"),
        ],
        files: NAMED,
        see: &["audit", "pickup replay"],
        more: "",
    },
    Manual {
        path: "decode page",
        exits: DECODED,
        examples: &[
            ("wtcheck decode page block.bin", "headers, checksum, cells"),
            ("wtcheck decode page block.bin --show bson", "with documents"),
        ],
        files: NAMED,
        see: &["page", "decode cell"],
        more: "",
    },
    Manual {
        path: "decode cell",
        exits: DECODED,
        examples: &[
            ("wtcheck decode cell 05616263", "type, lengths, windows"),
            ("wtcheck decode cell cell.bin --show hex", "with its content"),
        ],
        files: NAMED,
        see: &["decode page"],
        more: "",
    },
    Manual {
        path: "explain",
        exits: PRINTED,
        examples: &[
            ("wtcheck explain size-inflated", "a finding: what it means, how it happens, what to do"),
            ("wtcheck explain -31804", "a number of a log; names (WT_PANIC) and functions are taken as well"),
        ],
        files: &[("DIR", "with --pages or --cause-pages: a Markdown page for each code or cause")],
        see: &["audit", "log"],
        more: "",
    },
    Manual {
        path: "schema",
        exits: PRINTED,
        examples: &[
            ("wtcheck schema --list", "the documents, and which command prints each"),
            ("wtcheck schema audit", "the JSON Schema of one"),
        ],
        files: NAMED,
        see: &["audit"],
        more: "",
    },
    Manual {
        path: "man",
        exits: PRINTED,
        examples: &[
            ("wtcheck man | man -l -", "this program's page"),
            ("wtcheck man ~/.local/share/man/man1", "all of them, where man finds them"),
        ],
        files: &[("DIR/wtcheck*.1", "the pages")],
        see: &["completions"],
        more: "",
    },
    Manual {
        path: "completions",
        exits: PRINTED,
        examples: &[
            ("source <(wtcheck completions bash)", "in ~/.bashrc"),
            ("wtcheck completions fish ~/.config/fish/completions", "a file that fish finds"),
        ],
        files: &[("DIR/wtcheck.bash, DIR/_wtcheck, DIR/wtcheck.fish", "the script")],
        see: &["man"],
        more: "",
    },
];
