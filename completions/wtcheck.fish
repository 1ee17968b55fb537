# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_wtcheck_global_optspecs
    string join \n format= q/quiet v/verbose color= no-progress h/help V/version
end

function __fish_wtcheck_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_wtcheck_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_wtcheck_using_subcommand
    set -l cmd (__fish_wtcheck_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c wtcheck -n "__fish_wtcheck_needs_command" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_needs_command" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_needs_command" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_needs_command" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_needs_command" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_needs_command" -s V -l version -d 'Print version'
complete -c wtcheck -n "__fish_wtcheck_needs_command" -f -a "audit" -d 'Is this data directory consistent: what leaks, by how much, and why'
complete -c wtcheck -n "__fish_wtcheck_needs_command" -f -a "orphans" -d 'List each orphaned page version or block, with its reason, size and evidence'
complete -c wtcheck -n "__fish_wtcheck_needs_command" -f -a "page" -d 'Show one page: its rows in the page log, its chain of base image and deltas, headers and cells'
complete -c wtcheck -n "__fish_wtcheck_needs_command" -f -a "map" -d 'Draw what lies where: live, kept for older checkpoints, freed, leaked, damaged'
complete -c wtcheck -n "__fish_wtcheck_needs_command" -f -a "dump" -d 'Write rows and documents out of a store, whole or damaged, as the engine would show them'
complete -c wtcheck -n "__fish_wtcheck_needs_command" -f -a "log" -d 'Say what a log of mongod or of the engine says broke, how that is known, and what to do'
complete -c wtcheck -n "__fish_wtcheck_needs_command" -f -a "pickup" -d 'Simulate checkpoint pick-up: what a standby did, what a fixed one would do'
complete -c wtcheck -n "__fish_wtcheck_needs_command" -f -a "repair" -d 'Mend the accounting and cover orphans: plan, apply, undo'
complete -c wtcheck -n "__fish_wtcheck_needs_command" -f -a "pack" -d 'Write a small, shareable image of a store without its content'
complete -c wtcheck -n "__fish_wtcheck_needs_command" -f -a "unpack" -d 'Make a directory of an image, and audit it'
complete -c wtcheck -n "__fish_wtcheck_needs_command" -f -a "export" -d 'Write the inventory of a page log as Parquet: versions, addresses, roots, completion records, keys'
complete -c wtcheck -n "__fish_wtcheck_needs_command" -f -a "gather" -d 'Put dumps of a production page service together to a page log that every command reads'
complete -c wtcheck -n "__fish_wtcheck_needs_command" -f -a "simulate" -d 'Run a scenario in a small model engine, and write the data directory that it leaves'
complete -c wtcheck -n "__fish_wtcheck_needs_command" -f -a "decode" -d 'Decode one piece of the formats'
complete -c wtcheck -n "__fish_wtcheck_needs_command" -f -a "explain" -d 'Explain a finding code, a cause, or a word of a server log: what it means, what to do'
complete -c wtcheck -n "__fish_wtcheck_needs_command" -f -a "schema" -d 'Print the JSON Schema of what commands print for programs'
complete -c wtcheck -n "__fish_wtcheck_needs_command" -f -a "man" -d 'Write the man pages'
complete -c wtcheck -n "__fish_wtcheck_needs_command" -f -a "completions" -d 'Write a completion script'
complete -c wtcheck -n "__fish_wtcheck_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand audit" -l checkpoint -d 'Stand on this checkpoint: the LSN of its completion record or turtle page, or its name. Of local files all checkpoints are audited; this one\'s trees are listed' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand audit" -s j -l jobs -d 'Threads [default: all cores]' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand audit" -l assume -d 'Take this generation of the formats instead of the one the evidence gives' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand audit" -l checkpoint-meta -d 'The text of the completion record to stand on: metadata_lsn=…,metadata_checksum=…,…' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand audit" -l log -d 'A log of mongod: stand on the newest checkpoint in it that the dumps reach' -r -F
complete -c wtcheck -n "__fish_wtcheck_using_subcommand audit" -l decrypt -d 'Call this program for each encrypted block: \'{in}\' holds it in base64, the plain block goes to \'{out}\'; {table} {page} {lsn} {base} {backlink} {delta} say which it is' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand audit" -l table -d 'Only trees whose URI or name matches this glob; the shared metadata is always read' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand audit" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand audit" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand audit" -l allow-live -d 'Read a store that another process holds; what changes meanwhile may look like damage'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand audit" -l no-mmap -d 'Read block files and PALM files instead of mapping them into memory: for doubtful media'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand audit" -l deep -d 'Decode every cell: key order, row counts, values'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand audit" -l quick -d 'Read internal pages only; checksums of leaf pages are not verified'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand audit" -l newest-only -d 'Do not walk older checkpoints; what only they need is judged as if they were not there'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand audit" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand audit" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand audit" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand audit" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand orphans" -l checkpoint -d 'Stand on this checkpoint: the LSN of its completion record or turtle page, or its name. Of local files all checkpoints are audited; this one\'s trees are listed' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand orphans" -s j -l jobs -d 'Threads [default: all cores]' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand orphans" -l assume -d 'Take this generation of the formats instead of the one the evidence gives' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand orphans" -l checkpoint-meta -d 'The text of the completion record to stand on: metadata_lsn=…,metadata_checksum=…,…' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand orphans" -l log -d 'A log of mongod: stand on the newest checkpoint in it that the dumps reach' -r -F
complete -c wtcheck -n "__fish_wtcheck_using_subcommand orphans" -l decrypt -d 'Call this program for each encrypted block: \'{in}\' holds it in base64, the plain block goes to \'{out}\'; {table} {page} {lsn} {base} {backlink} {delta} say which it is' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand orphans" -l table -d 'Only trees whose URI or name matches this glob; the shared metadata is always read' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand orphans" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand orphans" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand orphans" -l allow-live -d 'Read a store that another process holds; what changes meanwhile may look like damage'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand orphans" -l no-mmap -d 'Read block files and PALM files instead of mapping them into memory: for doubtful media'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand orphans" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand orphans" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand orphans" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand orphans" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand page" -l checkpoint -d 'Stand on this checkpoint: the LSN of its completion record or turtle page, or its name. Of local files all checkpoints are audited; this one\'s trees are listed' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand page" -s j -l jobs -d 'Threads [default: all cores]' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand page" -l assume -d 'Take this generation of the formats instead of the one the evidence gives' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand page" -l lsn -d 'Show the version whose newest block has this LSN' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand page" -l show -d 'How to show user bytes: keys, values, names of databases' -r -f -a "none\t'Lengths only'
redacted\t'Letters as x, digits as 9'
hex\t'Hexadecimal'
bson\t'As BSON where it is BSON, else escaped text'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand page" -l offset -d 'Show the block that begins at this byte of the file' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand page" -l alloc -d 'Allocation size of the file [default: as its descriptor says]' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand page" -l size -d 'Size of the block, by its address [default: as its header says]' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand page" -l checksum -d 'Checksum of the block, by its address' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand page" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand page" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand page" -l allow-live -d 'Read a store that another process holds; what changes meanwhile may look like damage'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand page" -l no-mmap -d 'Read block files and PALM files instead of mapping them into memory: for doubtful media'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand page" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand page" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand page" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand page" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand map" -l checkpoint -d 'Stand on this checkpoint: the LSN of its completion record or turtle page, or its name. Of local files all checkpoints are audited; this one\'s trees are listed' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand map" -s j -l jobs -d 'Threads [default: all cores]' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand map" -l assume -d 'Take this generation of the formats instead of the one the evidence gives' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand map" -l checkpoint-meta -d 'The text of the completion record to stand on: metadata_lsn=…,metadata_checksum=…,…' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand map" -l log -d 'A log of mongod: stand on the newest checkpoint in it that the dumps reach' -r -F
complete -c wtcheck -n "__fish_wtcheck_using_subcommand map" -l decrypt -d 'Call this program for each encrypted block: \'{in}\' holds it in base64, the plain block goes to \'{out}\'; {table} {page} {lsn} {base} {backlink} {delta} say which it is' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand map" -l by -d 'The axis of pictures and bars' -r -f -a "page\t'Page ids: what each page holds; its most notable version stands for it'
lsn\t'LSNs, from old to new: what has become of each version'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand map" -l svg -d 'Also write the picture to this file as SVG; it must lie outside the inspected directory' -r -F
complete -c wtcheck -n "__fish_wtcheck_using_subcommand map" -l table -d 'Draw the trees whose URI or name matches this glob, or whose table id it is; many are listed instead' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand map" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand map" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand map" -l allow-live -d 'Read a store that another process holds; what changes meanwhile may look like damage'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand map" -l no-mmap -d 'Read block files and PALM files instead of mapping them into memory: for doubtful media'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand map" -l force -d 'Overwrite the file if it exists'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand map" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand map" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand map" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand map" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand dump" -l as -d 'The form [default: bson for documents, json for them on a terminal, else wt]' -r -f -a "bson\t'Documents as they are stored, with metadata, for mongorestore'
json\t'Extended JSON, one document a line; of other tables one row a line'
wt\t'The dump format of the engine\'s utility, printable; `wt load` takes it'
wt-hex\t'The same in hexadecimal digits'
csv\t'Columns, for keys and values of simple formats'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand dump" -l at -d 'When: recovered (as the engine would show it), checkpoint (the newest as it stands), the NAME of a checkpoint, the LSN of one of a page log, or ts:HEX (a timestamp between oldest and stable)' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand dump" -s o -l output -d 'Write into this directory: a new one, or one with an unfinished dump of the same' -r -F
complete -c wtcheck -n "__fish_wtcheck_using_subcommand dump" -l key-format -d 'Format of the keys, for a file of which nothing says it' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand dump" -l value-format -d 'Format of the values, for a file of which nothing says it' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand dump" -l checkpoint-meta -d 'The text of the completion record to stand on: metadata_lsn=…,metadata_checksum=…,…' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand dump" -l log -d 'A log of mongod: stand on the newest checkpoint in it that the dumps reach' -r -F
complete -c wtcheck -n "__fish_wtcheck_using_subcommand dump" -l decrypt -d 'Call this program for each encrypted block: \'{in}\' holds it in base64, the plain block goes to \'{out}\'; {table} {page} {lsn} {base} {backlink} {delta} say which it is' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand dump" -s j -l jobs -d 'Threads [default: all cores]' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand dump" -l assume -d 'Take this generation of the formats instead of the one the evidence gives' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand dump" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand dump" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand dump" -l list -d 'List what there is, with counts and sizes'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand dump" -l force -d 'Overwrite what is in the directory'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand dump" -l older -d 'Take rows of lost ranges from older checkpoints; the report marks them'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand dump" -l orphans -d 'Look in the whole file for pages of lost ranges that nothing leads to; their rows are kept apart'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand dump" -l all -d 'Everything, also what mongodump leaves out: local, config, system collections'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand dump" -l canonical -d 'JSON with the type of every number'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand dump" -l allow-live -d 'Read a store that another process holds; what changes meanwhile may look like damage'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand dump" -l no-mmap -d 'Read PALM files instead of mapping them into memory: for doubtful media'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand dump" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand dump" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand dump" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand dump" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand log" -l home -d 'Check what the log claims on this data directory, or on dumps that were gathered into one' -r -F
complete -c wtcheck -n "__fish_wtcheck_using_subcommand log" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand log" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand log" -l allow-live -d 'With --home: read a store that another process holds'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand log" -l no-mmap -d 'With --home: read files instead of mapping them into memory'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand log" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand log" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand log" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand log" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and not __fish_seen_subcommand_from replay run explore explain help" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and not __fish_seen_subcommand_from replay run explore explain help" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and not __fish_seen_subcommand_from replay run explore explain help" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and not __fish_seen_subcommand_from replay run explore explain help" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and not __fish_seen_subcommand_from replay run explore explain help" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and not __fish_seen_subcommand_from replay run explore explain help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and not __fish_seen_subcommand_from replay run explore explain help" -f -a "replay" -d 'Run every checkpoint of a data directory through a standby\'s pick-up, step by step'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and not __fish_seen_subcommand_from replay run explore explain help" -f -a "run" -d 'Run a scenario in virtual time, and show what each standby did'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and not __fish_seen_subcommand_from replay run explore explain help" -f -a "explore" -d 'Try every interleaving of a scenario: prove that no rule breaks, or show how one does'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and not __fish_seen_subcommand_from replay run explore explain help" -f -a "explain" -d 'Read a log: which checkpoint failed, why, what a fixed server would do'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and not __fish_seen_subcommand_from replay run explore explain help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from replay" -l checkpoint-meta -d 'The text of the completion record to stand on: metadata_lsn=…,metadata_checksum=…,…' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from replay" -l log -d 'A log of mongod: stand on the newest checkpoint in it that the dumps reach' -r -F
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from replay" -l decrypt -d 'Call this program for each encrypted block: \'{in}\' holds it in base64, the plain block goes to \'{out}\'; {table} {page} {lsn} {base} {backlink} {delta} say which it is' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from replay" -l keystore-lsn -d 'The standby has committed the key page at this LSN from the outset' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from replay" -l installed -d 'The standby has this checkpoint installed at the outset: the LSN of its completion record or turtle page. Its key is committed, unless --keystore-lsn names another' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from replay" -l policy -d 'What the server does when a pick-up fails [default: all, side by side]' -r -f -a "abort\t'Today\'s server: an error of the pick-up is fatal (SIGABRT)'
skip\t'Drop the checkpoint, keep serving from the installed one, take the next compatible one'
step-down\t'Leave cleanly, re-sync from the newest complete checkpoint, come back'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from replay" -l profile -d 'The rules of pick-up by date [default: those of the builds that wrote the store]' -r -f -a "2025-10\t'October 2025 to April 2026: no database_size needed, turtle pages without versions'
2026-05\t'May to July 2026: database_size required, turtle pages with versions'
2026-08\t'Since August 2026: a failed merge is unrolled, pick-up waits for old snapshots'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from replay" -s j -l jobs -d 'Threads [default: all cores]' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from replay" -l assume -d 'Take this generation of the formats instead of the one the evidence gives' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from replay" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from replay" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from replay" -l diagnostic -d 'The merge compares all fixed fields of the metadata, as a diagnostic build does'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from replay" -l strict -d 'The merge panics where it would return EINVAL, as in strict mode'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from replay" -l allow-live -d 'Read a store that another process holds; what changes meanwhile may look like damage'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from replay" -l no-mmap -d 'Read PALM files instead of mapping them into memory: for doubtful media'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from replay" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from replay" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from replay" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from replay" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from run" -l policy -d 'The server\'s policy, instead of the scenario\'s' -r -f -a "abort\t'Today\'s server: an error of the pick-up is fatal (SIGABRT)'
skip\t'Drop the checkpoint, keep serving from the installed one, take the next compatible one'
step-down\t'Leave cleanly, re-sync from the newest complete checkpoint, come back'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from run" -l profile -d 'The dated rules of the engine, instead of the scenario\'s' -r -f -a "2025-10\t'October 2025 to April 2026: no database_size needed, turtle pages without versions'
2026-05\t'May to July 2026: database_size required, turtle pages with versions'
2026-08\t'Since August 2026: a failed merge is unrolled, pick-up waits for old snapshots'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from run" -l svg -d 'Write the timeline as a picture' -r -F
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from run" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from run" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from run" -l force -d 'Overwrite the file if it exists'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from run" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from run" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from run" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from explore" -l policy -d 'The server\'s policy, instead of the scenario\'s' -r -f -a "abort\t'Today\'s server: an error of the pick-up is fatal (SIGABRT)'
skip\t'Drop the checkpoint, keep serving from the installed one, take the next compatible one'
step-down\t'Leave cleanly, re-sync from the newest complete checkpoint, come back'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from explore" -l profile -d 'The dated rules of the engine, instead of the scenario\'s' -r -f -a "2025-10\t'October 2025 to April 2026: no database_size needed, turtle pages without versions'
2026-05\t'May to July 2026: database_size required, turtle pages with versions'
2026-08\t'Since August 2026: a failed merge is unrolled, pick-up waits for old snapshots'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from explore" -l depth -d 'Most actions in a row' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from explore" -s j -l jobs -d 'Threads [default: all cores]' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from explore" -l states -d 'Most states; beyond them random interleavings are tried' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from explore" -l walks -d 'Random interleavings tried where there are too many states' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from explore" -l seed -d 'Where the random numbers begin' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from explore" -s o -l output -d 'Write the counter-example to this file; more of them to FILE-2 and so on' -r -F
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from explore" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from explore" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from explore" -l force -d 'Overwrite the file if it exists'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from explore" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from explore" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from explore" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from explore" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from explain" -l home -d 'Check what the log claims against this page log' -r -F
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from explain" -l profile -d 'Rules of the build that wrote the log [default: told by the wording of its lines]' -r -f -a "2025-10\t'October 2025 to April 2026: no database_size needed, turtle pages without versions'
2026-05\t'May to July 2026: database_size required, turtle pages with versions'
2026-08\t'Since August 2026: a failed merge is unrolled, pick-up waits for old snapshots'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from explain" -l keystore-lsn -d 'LSN of the key page the node had committed, if you know it' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from explain" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from explain" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from explain" -l allow-live -d 'With --home: read a store that another process holds'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from explain" -l no-mmap -d 'With --home: read files instead of mapping them into memory'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from explain" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from explain" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from explain" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from help" -f -a "replay" -d 'Run every checkpoint of a data directory through a standby\'s pick-up, step by step'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from help" -f -a "run" -d 'Run a scenario in virtual time, and show what each standby did'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from help" -f -a "explore" -d 'Try every interleaving of a scenario: prove that no rule breaks, or show how one does'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from help" -f -a "explain" -d 'Read a log: which checkpoint failed, why, what a fixed server would do'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pickup; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and not __fish_seen_subcommand_from plan apply undo help" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and not __fish_seen_subcommand_from plan apply undo help" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and not __fish_seen_subcommand_from plan apply undo help" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and not __fish_seen_subcommand_from plan apply undo help" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and not __fish_seen_subcommand_from plan apply undo help" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and not __fish_seen_subcommand_from plan apply undo help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and not __fish_seen_subcommand_from plan apply undo help" -f -a "plan" -d 'Say what a repair would change, from, to, and why'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and not __fish_seen_subcommand_from plan apply undo help" -f -a "apply" -d 'Apply a plan to a copy, or in place'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and not __fish_seen_subcommand_from plan apply undo help" -f -a "undo" -d 'Take a repair back, record for record'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and not __fish_seen_subcommand_from plan apply undo help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from plan" -s o -l output -d 'Write the plan to this file; without it the plan goes to stdout' -r -F
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from plan" -l only -d 'Only what these findings are behind, by code; may be repeated' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from plan" -l table -d 'Only trees whose URI or name matches this glob; the shared metadata is always read' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from plan" -l min-age -d 'Only orphans at least this many LSNs older than the newest checkpoint' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from plan" -l drop-completion -d 'Drop this unusable newest completion record, and fall back to the one before; by its LSN' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from plan" -l max-orphans -d 'Accept up to this many orphans even if they are more than half of all live versions' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from plan" -s j -l jobs -d 'Threads [default: all cores]' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from plan" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from plan" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from plan" -l force -d 'Overwrite the file if it exists'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from plan" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from plan" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from plan" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from plan" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from apply" -l output -d 'Copy the directory here and mend the copy; must not exist yet' -r -F
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from apply" -l dir -d 'The directory, if it is not where the plan says' -r -F
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from apply" -l journal -d 'Write the undo journal to this file instead of into the directory' -r -F
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from apply" -l max-orphans -d 'Accept up to this many orphans even if they are more than half of all live versions' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from apply" -s j -l jobs -d 'Threads [default: all cores]' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from apply" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from apply" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from apply" -l in-place -d 'Mend the directory itself'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from apply" -l yes -d 'Do not ask before mending in place'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from apply" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from apply" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from apply" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from apply" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from undo" -l dir -d 'The directory, if it is not the one around the journal or the one the journal names' -r -F
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from undo" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from undo" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from undo" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from undo" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from undo" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from undo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from help" -f -a "plan" -d 'Say what a repair would change, from, to, and why'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from help" -f -a "apply" -d 'Apply a plan to a copy, or in place'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from help" -f -a "undo" -d 'Take a repair back, record for record'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand repair; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pack" -s j -l jobs -d 'Threads [default: all cores]' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pack" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pack" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pack" -l allow-live -d 'Read a store that another process holds; what changes meanwhile may look like damage'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pack" -l no-mmap -d 'Read block files and PALM files instead of mapping them into memory: for doubtful media'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pack" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pack" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pack" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand pack" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand unpack" -l max-bytes -d 'Refuse an image that unpacks to more bytes' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand unpack" -s j -l jobs -d 'Threads [default: all cores]' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand unpack" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand unpack" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand unpack" -l no-audit -d 'Do not audit it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand unpack" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand unpack" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand unpack" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand unpack" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand export" -l checkpoint-meta -d 'The text of the completion record to stand on: metadata_lsn=…,metadata_checksum=…,…' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand export" -l log -d 'A log of mongod: stand on the newest checkpoint in it that the dumps reach' -r -F
complete -c wtcheck -n "__fish_wtcheck_using_subcommand export" -l decrypt -d 'Call this program for each encrypted block: \'{in}\' holds it in base64, the plain block goes to \'{out}\'; {table} {page} {lsn} {base} {backlink} {delta} say which it is' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand export" -l heads -d 'Of dumps too large to be read together: those of turtle pages, shared metadata and keys. What is exported is the pages of the other dumps, such as one file of a table, and --shard numbers it' -r -F
complete -c wtcheck -n "__fish_wtcheck_using_subcommand export" -s o -l out -d 'Where the tables go: a new directory, or one that holds other shards of the same store' -r -F
complete -c wtcheck -n "__fish_wtcheck_using_subcommand export" -l table -d 'Only trees whose URI or name matches this glob; the shared metadata is always read' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand export" -l shard -d 'Write one part of several: 3/7 is the third of seven' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand export" -s j -l jobs -d 'Threads [default: all cores]' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand export" -l assume -d 'Take this generation of the formats instead of the one the evidence gives' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand export" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand export" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand export" -l allow-live -d 'Read a store that another process holds; what changes meanwhile may look like damage'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand export" -l no-mmap -d 'Read PALM files instead of mapping them into memory: for doubtful media'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand export" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand export" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand export" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand gather" -s o -l output -d 'Write the page log here; must not exist yet, or be empty' -r -F
complete -c wtcheck -n "__fish_wtcheck_using_subcommand gather" -l checkpoint-meta -d 'The text of the completion record to stand on: metadata_lsn=…,metadata_checksum=…,…' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand gather" -l log -d 'A log of mongod: stand on the newest checkpoint in it that the dumps reach' -r -F
complete -c wtcheck -n "__fish_wtcheck_using_subcommand gather" -l decrypt -d 'Call this program for each encrypted block: \'{in}\' holds it in base64, the plain block goes to \'{out}\'; {table} {page} {lsn} {base} {backlink} {delta} say which it is' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand gather" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand gather" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand gather" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand gather" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand gather" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand gather" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand simulate; and not __fish_seen_subcommand_from accounting help" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand simulate; and not __fish_seen_subcommand_from accounting help" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand simulate; and not __fish_seen_subcommand_from accounting help" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand simulate; and not __fish_seen_subcommand_from accounting help" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand simulate; and not __fish_seen_subcommand_from accounting help" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand simulate; and not __fish_seen_subcommand_from accounting help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand simulate; and not __fish_seen_subcommand_from accounting help" -f -a "accounting" -d 'Fail reconciliations between the page-log put and the wrap-up, and count the bytes'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand simulate; and not __fish_seen_subcommand_from accounting help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand simulate; and __fish_seen_subcommand_from accounting" -s o -l output -d 'Write the data directory here; must not exist yet, or be empty' -r -F
complete -c wtcheck -n "__fish_wtcheck_using_subcommand simulate; and __fish_seen_subcommand_from accounting" -l accounting -d 'When bytes are counted [default: as the scenario says, else at-put]' -r -f -a "at-put\t'As soon as the page log has the block, as the engine does it today: failures leak'
deferred\t'Added up during the reconciliation and applied when it can no longer fail'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand simulate; and __fish_seen_subcommand_from accounting" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand simulate; and __fish_seen_subcommand_from accounting" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand simulate; and __fish_seen_subcommand_from accounting" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand simulate; and __fish_seen_subcommand_from accounting" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand simulate; and __fish_seen_subcommand_from accounting" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand simulate; and __fish_seen_subcommand_from accounting" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand simulate; and __fish_seen_subcommand_from help" -f -a "accounting" -d 'Fail reconciliations between the page-log put and the wrap-up, and count the bytes'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand simulate; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and not __fish_seen_subcommand_from cookie checkpoint completion turtle config keystore page cell help" -l from-log -d 'Judge the corrupt blocks dumped in this log; - for standard input' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and not __fish_seen_subcommand_from cookie checkpoint completion turtle config keystore page cell help" -l alloc -d 'Allocation size of the file the blocks are from [default: as their addresses suggest]' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and not __fish_seen_subcommand_from cookie checkpoint completion turtle config keystore page cell help" -l show -d 'How to show user bytes of dumped blocks [default: none]; with -v cells are listed' -r -f -a "none\t'Lengths only'
redacted\t'Letters as x, digits as 9'
hex\t'Hexadecimal'
bson\t'As BSON where it is BSON, else escaped text'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and not __fish_seen_subcommand_from cookie checkpoint completion turtle config keystore page cell help" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and not __fish_seen_subcommand_from cookie checkpoint completion turtle config keystore page cell help" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and not __fish_seen_subcommand_from cookie checkpoint completion turtle config keystore page cell help" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and not __fish_seen_subcommand_from cookie checkpoint completion turtle config keystore page cell help" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and not __fish_seen_subcommand_from cookie checkpoint completion turtle config keystore page cell help" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and not __fish_seen_subcommand_from cookie checkpoint completion turtle config keystore page cell help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and not __fish_seen_subcommand_from cookie checkpoint completion turtle config keystore page cell help" -f -a "cookie" -d 'Address cookies'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and not __fish_seen_subcommand_from cookie checkpoint completion turtle config keystore page cell help" -f -a "checkpoint" -d 'Checkpoint cookie, the addr= of a checkpoint'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and not __fish_seen_subcommand_from cookie checkpoint completion turtle config keystore page cell help" -f -a "completion" -d 'Completion record of a checkpoint'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and not __fish_seen_subcommand_from cookie checkpoint completion turtle config keystore page cell help" -f -a "turtle" -d 'Turtle page of a page log, or what `wt turtle` prints of one'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and not __fish_seen_subcommand_from cookie checkpoint completion turtle config keystore page cell help" -f -a "config" -d 'Configuration text, the form of all metadata'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and not __fish_seen_subcommand_from cookie checkpoint completion turtle config keystore page cell help" -f -a "keystore" -d 'Key provider page; its payload is never shown'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and not __fish_seen_subcommand_from cookie checkpoint completion turtle config keystore page cell help" -f -a "page" -d 'Stored page image: base, delta, or block of a local file'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and not __fish_seen_subcommand_from cookie checkpoint completion turtle config keystore page cell help" -f -a "cell" -d 'Cells, one after the other'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and not __fish_seen_subcommand_from cookie checkpoint completion turtle config keystore page cell help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from cookie" -l classic -d 'The cookies are of a local file with this allocation size' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from cookie" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from cookie" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from cookie" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from cookie" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from cookie" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from cookie" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from checkpoint" -l alloc -d 'Allocation size of a local file' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from checkpoint" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from checkpoint" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from checkpoint" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from checkpoint" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from checkpoint" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from checkpoint" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from completion" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from completion" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from completion" -l hex -d 'The input is hexadecimal'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from completion" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from completion" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from completion" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from completion" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from turtle" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from turtle" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from turtle" -l hex -d 'The input is hexadecimal'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from turtle" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from turtle" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from turtle" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from turtle" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from config" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from config" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from config" -l hex -d 'The input is hexadecimal'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from config" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from config" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from config" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from config" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from keystore" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from keystore" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from keystore" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from keystore" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from keystore" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from keystore" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from page" -l compressor -d 'Compressor of the tree: snappy, zlib, zstd or lz4 [default: as the framing suggests]' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from page" -l era -d 'Header layout: current or 2025-06 [default: as the header suggests]' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from page" -l alloc -d 'Allocation size of a local file' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from page" -l show -d 'How to show user bytes: keys, values, names of databases' -r -f -a "none\t'Lengths only'
redacted\t'Letters as x, digits as 9'
hex\t'Hexadecimal'
bson\t'As BSON where it is BSON, else escaped text'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from page" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from page" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from page" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from page" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from page" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from page" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from cell" -l page-flags -d 'Flags of the page header the cells belong to' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from cell" -l classic -d 'The cells are of a local file with this allocation size' -r
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from cell" -l show -d 'How to show user bytes: keys, values, names of databases' -r -f -a "none\t'Lengths only'
redacted\t'Letters as x, digits as 9'
hex\t'Hexadecimal'
bson\t'As BSON where it is BSON, else escaped text'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from cell" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from cell" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from cell" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from cell" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from cell" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from cell" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from help" -f -a "cookie" -d 'Address cookies'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from help" -f -a "checkpoint" -d 'Checkpoint cookie, the addr= of a checkpoint'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from help" -f -a "completion" -d 'Completion record of a checkpoint'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from help" -f -a "turtle" -d 'Turtle page of a page log, or what `wt turtle` prints of one'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from help" -f -a "config" -d 'Configuration text, the form of all metadata'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from help" -f -a "keystore" -d 'Key provider page; its payload is never shown'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from help" -f -a "page" -d 'Stored page image: base, delta, or block of a local file'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from help" -f -a "cell" -d 'Cells, one after the other'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand decode; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand explain" -l cause-pages -d 'Write a page in Markdown for each cause, and a list of them, to this directory' -r -F
complete -c wtcheck -n "__fish_wtcheck_using_subcommand explain" -l pages -d 'Write a page in Markdown for each code, and a list of them, to this directory' -r -F
complete -c wtcheck -n "__fish_wtcheck_using_subcommand explain" -l examples -d 'Show on each page a finding of the data directories in the folders of this one, where there is one' -r -F
complete -c wtcheck -n "__fish_wtcheck_using_subcommand explain" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand explain" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand explain" -l causes -d 'List the causes that wtcheck log can name'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand explain" -l force -d 'Overwrite the file if it exists'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand explain" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand explain" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand explain" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand schema" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand schema" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand schema" -l list -d 'List the documents, and the commands that print them'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand schema" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand schema" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand schema" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand schema" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand man" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand man" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand man" -l force -d 'Overwrite the file if it exists'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand man" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand man" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand man" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand completions" -l format -d 'Output format' -r -f -a "table\t'Tables for people'
json\t'One JSON document'
jsonl\t'JSON, one object a line'
yaml\t'YAML'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand completions" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c wtcheck -n "__fish_wtcheck_using_subcommand completions" -l force -d 'Overwrite the file if it exists'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand completions" -s q -l quiet -d 'Print the result only, and no progress'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand completions" -s v -l verbose -d 'Print more detail; twice for all of it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand completions" -l no-progress -d 'Show no progress on stderr'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and not __fish_seen_subcommand_from audit orphans page map dump log pickup repair pack unpack export gather simulate decode explain schema man completions help" -f -a "audit" -d 'Is this data directory consistent: what leaks, by how much, and why'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and not __fish_seen_subcommand_from audit orphans page map dump log pickup repair pack unpack export gather simulate decode explain schema man completions help" -f -a "orphans" -d 'List each orphaned page version or block, with its reason, size and evidence'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and not __fish_seen_subcommand_from audit orphans page map dump log pickup repair pack unpack export gather simulate decode explain schema man completions help" -f -a "page" -d 'Show one page: its rows in the page log, its chain of base image and deltas, headers and cells'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and not __fish_seen_subcommand_from audit orphans page map dump log pickup repair pack unpack export gather simulate decode explain schema man completions help" -f -a "map" -d 'Draw what lies where: live, kept for older checkpoints, freed, leaked, damaged'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and not __fish_seen_subcommand_from audit orphans page map dump log pickup repair pack unpack export gather simulate decode explain schema man completions help" -f -a "dump" -d 'Write rows and documents out of a store, whole or damaged, as the engine would show them'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and not __fish_seen_subcommand_from audit orphans page map dump log pickup repair pack unpack export gather simulate decode explain schema man completions help" -f -a "log" -d 'Say what a log of mongod or of the engine says broke, how that is known, and what to do'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and not __fish_seen_subcommand_from audit orphans page map dump log pickup repair pack unpack export gather simulate decode explain schema man completions help" -f -a "pickup" -d 'Simulate checkpoint pick-up: what a standby did, what a fixed one would do'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and not __fish_seen_subcommand_from audit orphans page map dump log pickup repair pack unpack export gather simulate decode explain schema man completions help" -f -a "repair" -d 'Mend the accounting and cover orphans: plan, apply, undo'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and not __fish_seen_subcommand_from audit orphans page map dump log pickup repair pack unpack export gather simulate decode explain schema man completions help" -f -a "pack" -d 'Write a small, shareable image of a store without its content'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and not __fish_seen_subcommand_from audit orphans page map dump log pickup repair pack unpack export gather simulate decode explain schema man completions help" -f -a "unpack" -d 'Make a directory of an image, and audit it'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and not __fish_seen_subcommand_from audit orphans page map dump log pickup repair pack unpack export gather simulate decode explain schema man completions help" -f -a "export" -d 'Write the inventory of a page log as Parquet: versions, addresses, roots, completion records, keys'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and not __fish_seen_subcommand_from audit orphans page map dump log pickup repair pack unpack export gather simulate decode explain schema man completions help" -f -a "gather" -d 'Put dumps of a production page service together to a page log that every command reads'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and not __fish_seen_subcommand_from audit orphans page map dump log pickup repair pack unpack export gather simulate decode explain schema man completions help" -f -a "simulate" -d 'Run a scenario in a small model engine, and write the data directory that it leaves'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and not __fish_seen_subcommand_from audit orphans page map dump log pickup repair pack unpack export gather simulate decode explain schema man completions help" -f -a "decode" -d 'Decode one piece of the formats'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and not __fish_seen_subcommand_from audit orphans page map dump log pickup repair pack unpack export gather simulate decode explain schema man completions help" -f -a "explain" -d 'Explain a finding code, a cause, or a word of a server log: what it means, what to do'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and not __fish_seen_subcommand_from audit orphans page map dump log pickup repair pack unpack export gather simulate decode explain schema man completions help" -f -a "schema" -d 'Print the JSON Schema of what commands print for programs'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and not __fish_seen_subcommand_from audit orphans page map dump log pickup repair pack unpack export gather simulate decode explain schema man completions help" -f -a "man" -d 'Write the man pages'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and not __fish_seen_subcommand_from audit orphans page map dump log pickup repair pack unpack export gather simulate decode explain schema man completions help" -f -a "completions" -d 'Write a completion script'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and not __fish_seen_subcommand_from audit orphans page map dump log pickup repair pack unpack export gather simulate decode explain schema man completions help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and __fish_seen_subcommand_from pickup" -f -a "replay" -d 'Run every checkpoint of a data directory through a standby\'s pick-up, step by step'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and __fish_seen_subcommand_from pickup" -f -a "run" -d 'Run a scenario in virtual time, and show what each standby did'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and __fish_seen_subcommand_from pickup" -f -a "explore" -d 'Try every interleaving of a scenario: prove that no rule breaks, or show how one does'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and __fish_seen_subcommand_from pickup" -f -a "explain" -d 'Read a log: which checkpoint failed, why, what a fixed server would do'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and __fish_seen_subcommand_from repair" -f -a "plan" -d 'Say what a repair would change, from, to, and why'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and __fish_seen_subcommand_from repair" -f -a "apply" -d 'Apply a plan to a copy, or in place'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and __fish_seen_subcommand_from repair" -f -a "undo" -d 'Take a repair back, record for record'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and __fish_seen_subcommand_from simulate" -f -a "accounting" -d 'Fail reconciliations between the page-log put and the wrap-up, and count the bytes'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and __fish_seen_subcommand_from decode" -f -a "cookie" -d 'Address cookies'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and __fish_seen_subcommand_from decode" -f -a "checkpoint" -d 'Checkpoint cookie, the addr= of a checkpoint'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and __fish_seen_subcommand_from decode" -f -a "completion" -d 'Completion record of a checkpoint'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and __fish_seen_subcommand_from decode" -f -a "turtle" -d 'Turtle page of a page log, or what `wt turtle` prints of one'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and __fish_seen_subcommand_from decode" -f -a "config" -d 'Configuration text, the form of all metadata'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and __fish_seen_subcommand_from decode" -f -a "keystore" -d 'Key provider page; its payload is never shown'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and __fish_seen_subcommand_from decode" -f -a "page" -d 'Stored page image: base, delta, or block of a local file'
complete -c wtcheck -n "__fish_wtcheck_using_subcommand help; and __fish_seen_subcommand_from decode" -f -a "cell" -d 'Cells, one after the other'
