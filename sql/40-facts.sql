-- What is known of each table that a checkpoint names.
--
-- frontier: rows above it are later work. lost: pages may have been missed, so that nothing of the table
-- can be called an orphan.
-- Reads: roots, completions, reached, edges. Makes: facts, a row a table.
WITH audited AS (
    SELECT lsn, metadata_lsn FROM completions WHERE audited
),

named AS (
    SELECT
        r.table_id,
        r.completion_lsn = a.lsn AS is_audited,
        r.completion_lsn,
        CASE WHEN r.completion_lsn = a.lsn THEN COALESCE(r.frontier, a.metadata_lsn) ELSE COALESCE(r.frontier, 0) END
            AS frontier,
        r.root_unreadable OR (r.partial AND r.completion_lsn = a.lsn) AS lost,
        ROW_NUMBER() OVER (
            PARTITION BY r.table_id
            ORDER BY CASE WHEN r.completion_lsn = a.lsn THEN 0 ELSE 1 END ASC, r.completion_lsn DESC
        ) AS place
    FROM roots r
    CROSS JOIN audited a
    WHERE r.walked
),

walks AS (
    SELECT table_id FROM reached WHERE lost
    UNION
    -- An address that cannot be decoded hides what lies below it.
    SELECT l.table_id
    FROM reached l
    INNER JOIN edges e
        ON e.table_id = l.table_id AND e.parent_page_id = l.page_id AND e.parent_lsn = l.version_lsn
    WHERE l.follows AND e.child_page_id IS NULL
),

by_table AS (
    SELECT
        n.table_id,
        MAX(CASE WHEN n.place = 1 THEN n.frontier END) AS frontier,
        MAX(CASE WHEN n.lost THEN 1 ELSE 0 END) AS lost
    FROM named n
    GROUP BY n.table_id
),

metadata AS (
    SELECT COUNT(*) AS unread FROM completions WHERE usable AND NOT metadata_complete
)

SELECT
    t.table_id,
    t.frontier,
    t.lost = 1 OR w.table_id IS NOT NULL OR m.unread > 0 AS lost
FROM by_table t
CROSS JOIN metadata m
LEFT JOIN walks w ON w.table_id = t.table_id
