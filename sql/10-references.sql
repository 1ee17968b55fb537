-- The references from which the walk starts: the root of each tree of each usable checkpoint.
--
-- origin 0 is the audited checkpoint (the newest usable one), 1 a newer one, 2 an older one. What only
-- an older checkpoint reaches is kept for it, and is no orphan.
-- Reads: roots, completions. Makes: refs_0, a row a tree.
SELECT
    CASE
        WHEN r.completion_lsn = a.lsn THEN 0
        WHEN r.completion_lsn > a.lsn THEN 1
        ELSE 2
    END AS origin,
    r.table_id AS table_id,
    r.root_page_id AS page_id,
    r.frontier AS lsn,
    r.root_base_lsn AS base_lsn,
    r.root_is_delta AS is_delta,
    r.root_size AS size,
    r.root_checksum AS checksum,
    'addr-internal' AS cell_type,
    0 AS level,
    FALSE AS deleted,
    FALSE AS suspect
FROM roots r
CROSS JOIN (SELECT lsn FROM completions WHERE audited) a
WHERE r.walked AND r.exported AND r.root_page_id IS NOT NULL
