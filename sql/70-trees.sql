-- Accounting by tree: what each tree of the audited checkpoint publishes, and what its pages add up to.
--
-- recomputed_size is the sum of the sizes in all cookies that lead to reachable pages, root included;
-- physical_size that of the stored blocks. A difference above 0 is bytes that nothing reaches any more.
-- Builds before 2026 published the root's page id in place of a size; then there is no difference.
-- complete: every page of the tree could be read; what a tree that is not comes to is a part of it.
-- wrong: no build's way of counting comes to the published size. Builds differ in whether freed children count; cookies
-- from before 2026 carry less than what was counted; and where pages were missed, more than their sum proves nothing.
-- as_a_root: the difference is the size of a root of the tree, which builds before March 2026 counted twice.
-- Reads: roots, completions, reached, marks, edges. Makes: trees, a row a tree.
WITH sums AS (
    SELECT
        table_id,
        SUM(size) AS recomputed_size,
        SUM(chain_bytes) AS physical_size,
        COUNT(*) AS reachable,
        SUM(CASE WHEN node = 'internal' THEN 1 ELSE 0 END) AS internal,
        SUM(CASE WHEN node = 'leaf' THEN 1 ELSE 0 END) AS leaf,
        SUM(CASE WHEN node = 'overflow' THEN 1 ELSE 0 END) AS overflow,
        SUM(CASE WHEN cell_type = 'addr-deleted' THEN 1 ELSE 0 END) AS deleted_children,
        SUM(chain_blocks - 1) AS deltas,
        SUM(CASE WHEN deleted THEN size ELSE 0 END) AS deleted_size,
        MAX(CASE WHEN version_lsn IS NOT NULL AND size <> chain_bytes THEN 1 ELSE 0 END) = 1 AS old_sizes,
        MAX(CASE WHEN node = 'overflow' THEN 0 ELSE level + 1 END) AS depth
    FROM reached
    WHERE origin = 0
    GROUP BY table_id
),

holes AS (
    SELECT
        table_id,
        CASE WHEN lost THEN 1 ELSE 0 END AS lost
    FROM reached
    WHERE origin = 0 AND (lost OR NOT sound)
    UNION ALL
    SELECT
        table_id,
        0 AS lost
    FROM marks
    WHERE origin = 0 AND NOT sound
    UNION ALL
    -- An address that cannot be decoded.
    SELECT
        l.table_id,
        1 AS lost
    FROM reached l
    INNER JOIN edges e
        ON e.table_id = l.table_id AND e.parent_page_id = l.page_id AND e.parent_lsn = l.version_lsn
    WHERE l.origin = 0 AND l.follows AND e.child_page_id IS NULL
),

gaps AS (
    SELECT
        table_id,
        MAX(lost) = 1 AS lost
    FROM holes
    GROUP BY table_id
),

-- The sizes that roots of a tree had.
tops AS (
    SELECT DISTINCT
        table_id,
        root_size
    FROM roots
    WHERE root_size > 0
),

named AS (
    SELECT
        r.position,
        r.uri,
        r.table_id,
        r.exported,
        r.walked AND r.exported AS walked,
        r.walked AND r.exported AND NOT r.root_unreadable AND g.table_id IS NULL AS complete,
        r.root_cookie,
        r.published_size,
        CASE WHEN r.walked AND r.exported THEN COALESCE(s.recomputed_size, 0) END AS recomputed_size,
        COALESCE(s.physical_size, 0) AS physical_size,
        COALESCE(s.reachable, 0) AS reachable,
        COALESCE(s.internal, 0) AS internal,
        COALESCE(s.leaf, 0) AS leaf,
        COALESCE(s.overflow, 0) AS overflow,
        COALESCE(s.deleted_children, 0) AS deleted_children,
        COALESCE(s.deltas, 0) AS deltas,
        COALESCE(s.depth, 0) AS depth,
        COALESCE(r.root_page_id = r.published_size AND r.published_size <> COALESCE(s.recomputed_size, 0), FALSE)
        OR (
            r.root_page_id IS NULL
            AND COALESCE(r.published_size, 0) = 0
            AND NOT (c.keeps_sizes AND c.database_size IS NOT NULL)
        ) AS is_page_id,
        COALESCE(s.deleted_size, 0) AS deleted_size,
        COALESCE(s.old_sizes, FALSE) AS old_sizes,
        COALESCE(g.lost, FALSE) OR r.root_unreadable OR NOT c.metadata_complete AS lost
    FROM roots r
    INNER JOIN completions c ON c.lsn = r.completion_lsn
    LEFT JOIN sums s ON s.table_id = r.table_id
    LEFT JOIN gaps g ON g.table_id = r.table_id
    WHERE c.audited
),

compared AS (
    SELECT
        n.*,
        CASE WHEN NOT n.is_page_id AND n.walked THEN n.published_size - n.recomputed_size END AS difference
    FROM named n
)

SELECT
    c.*,
    COALESCE(
        c.difference <> 0
        AND NOT (c.deleted_size > 0 AND c.difference = -c.deleted_size)
        AND NOT (c.old_sizes AND c.published_size = c.physical_size)
        AND NOT (c.lost AND c.difference > 0),
        FALSE
    ) AS wrong,
    t.root_size IS NOT NULL AS as_a_root
FROM compared c
LEFT JOIN tops t ON t.table_id = c.table_id AND t.root_size = c.difference
