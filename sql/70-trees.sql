-- Accounting by tree: what each tree of the audited checkpoint publishes, and what its pages add up to.
--
-- recomputed_size is the sum of the sizes in all cookies that lead to reachable pages, root included;
-- physical_size that of the stored blocks. A difference above 0 is bytes that nothing reaches any more.
-- Builds before 2026 published the root's page id in place of a size; then there is no difference.
-- complete: every page of the tree could be read; what a tree that is not comes to is a part of it.
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
        MAX(CASE WHEN node = 'overflow' THEN 0 ELSE level + 1 END) AS depth
    FROM reached
    WHERE origin = 0
    GROUP BY table_id
),

gaps AS (
    SELECT table_id FROM reached WHERE origin = 0 AND (lost OR NOT sound)
    UNION
    SELECT table_id FROM marks WHERE origin = 0 AND NOT sound
    UNION
    -- An address that cannot be decoded.
    SELECT l.table_id
    FROM reached l
    INNER JOIN edges e
        ON e.table_id = l.table_id AND e.parent_page_id = l.page_id AND e.parent_lsn = l.version_lsn
    WHERE l.origin = 0 AND l.follows AND e.child_page_id IS NULL
),

named AS (
    SELECT
        r.position,
        r.uri,
        r.table_id,
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
        ) AS is_page_id
    FROM roots r
    INNER JOIN completions c ON c.lsn = r.completion_lsn
    LEFT JOIN sums s ON s.table_id = r.table_id
    LEFT JOIN gaps g ON g.table_id = r.table_id
    WHERE c.audited
)

SELECT
    n.*,
    CASE WHEN NOT n.is_page_id AND n.walked THEN n.published_size - n.recomputed_size END AS difference
FROM named n
