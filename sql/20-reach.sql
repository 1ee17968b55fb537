-- One level of the walk: the page versions that the references of a level lead to.
--
-- A reference names a version by page and LSN. Where the row with that LSN is gone, what is left of the
-- chain on the same full image is taken (broken). A page counts once a checkpoint; of the versions that
-- other checkpoints need, each counts once. A reference read from a damaged page (suspect) counts only
-- if the page log confirms it.
-- Reads: ${refs} (the references of this level), ${reached} (all levels above), versions.
-- Makes: level_K, a row a page version that is reached for the first time. lost: pages below it may be
-- missed. follows: the addresses in it lead on.
WITH exact AS (
    SELECT
        r.*,
        v.lsn AS version_lsn
    FROM ${refs} r
    LEFT JOIN versions v ON v.table_id = r.table_id AND v.page_id = r.page_id AND v.lsn = r.lsn
),

remains AS (
    SELECT
        e.table_id AS table_id,
        e.page_id AS page_id,
        e.lsn AS lsn,
        e.base_lsn AS base_lsn,
        MAX(w.lsn) AS version_lsn
    FROM exact e
    INNER JOIN versions w
        ON w.table_id = e.table_id AND w.page_id = e.page_id AND w.lsn < e.lsn AND w.chain_base_lsn = e.base_lsn
    INNER JOIN versions b
        ON b.table_id = e.table_id AND b.page_id = e.page_id AND b.lsn = e.base_lsn AND b.kind = 'full'
    WHERE e.version_lsn IS NULL AND e.base_lsn <> 0
    GROUP BY e.table_id, e.page_id, e.lsn, e.base_lsn
),

located AS (
    SELECT
        e.origin,
        e.table_id,
        e.page_id,
        e.lsn,
        e.base_lsn,
        e.is_delta,
        e.size,
        e.checksum,
        e.cell_type,
        e.level,
        e.deleted,
        e.suspect,
        COALESCE(e.version_lsn, m.version_lsn) AS version_lsn,
        e.version_lsn IS NOT NULL AS is_exact
    FROM exact e
    LEFT JOIN remains m
        ON m.table_id = e.table_id AND m.page_id = e.page_id AND m.lsn = e.lsn AND m.base_lsn = e.base_lsn
),

judged AS (
    SELECT
        l.*,
        v.page_type AS page_type,
        v.chain_base_lsn AS chain_base_lsn,
        v.chain_blocks AS chain_blocks,
        v.chain_bytes AS chain_bytes,
        COALESCE(v.children_ok, FALSE) AS children_ok,
        v.lsn IS NULL
        OR NOT l.is_exact
        OR v.chain_broken
        OR (l.is_delta IS NOT NULL AND l.is_delta <> (v.chain_blocks > 1))
        OR (COALESCE(l.is_delta, FALSE) AND l.base_lsn <> v.chain_base_lsn) AS broken,
        v.lsn IS NOT NULL AND l.size <> v.chain_bytes AND l.size <> v.bytes AS wrong_size,
        CASE
            WHEN v.lsn IS NULL OR v.checksum IS NULL THEN FALSE
            WHEN l.suspect OR NOT l.is_exact OR l.checksum = v.checksum
                THEN v.checksum_ok OR v.checksum_repaired
            ELSE v.checksum_computed = l.checksum
        END AS checksum_ok
    FROM located l
    LEFT JOIN versions v ON v.table_id = l.table_id AND v.page_id = l.page_id AND v.lsn = l.version_lsn
),

fresh AS (
    SELECT
        j.*,
        ROW_NUMBER() OVER (
            PARTITION BY j.origin, j.table_id, j.page_id, CASE WHEN j.origin = 0 THEN 0 ELSE j.lsn END
            ORDER BY j.lsn DESC, j.cell_type ASC
        ) AS place
    FROM judged j
    LEFT JOIN ${reached} d
        ON
            d.origin = j.origin
            AND d.table_id = j.table_id
            AND d.page_id = j.page_id
            AND (j.origin = 0 OR d.lsn = j.lsn)
    WHERE d.page_id IS NULL AND NOT (j.suspect AND (j.broken OR j.wrong_size OR j.chain_blocks > 33))
),

named AS (
    SELECT
        f.*,
        COALESCE(f.page_type LIKE '%internal', FALSE) AS holds_children,
        CASE
            WHEN f.cell_type IN ('key-overflow', 'value-overflow') THEN 'overflow'
            WHEN f.cell_type <> 'addr-internal' THEN 'leaf'
            WHEN f.level = 0 AND f.page_type IS NOT NULL AND f.page_type NOT LIKE '%internal' THEN 'leaf'
            ELSE 'internal'
        END AS node
    FROM fresh f
    WHERE f.place = 1
)

SELECT
    n.origin,
    n.table_id,
    n.page_id,
    n.lsn,
    n.version_lsn,
    n.chain_base_lsn,
    COALESCE(n.chain_blocks, 1) AS chain_blocks,
    COALESCE(n.chain_bytes, 0) AS chain_bytes,
    n.size,
    n.cell_type,
    n.node,
    n.level,
    n.deleted,
    n.broken,
    n.cell_type = 'addr-internal'
    AND (
        n.broken
        OR NOT n.checksum_ok
        OR n.page_type IS NULL
        OR (n.holds_children AND NOT n.children_ok)
    ) AS lost,
    n.version_lsn IS NOT NULL
    AND n.level < 64
    AND (
        (n.node = 'internal' AND n.holds_children)
        OR (
            n.node = 'leaf'
            AND n.page_type = 'row leaf'
            AND (n.level = 0 OR n.cell_type = 'addr-leaf' OR (n.cell_type = 'addr-deleted' AND n.origin = 0))
        )
    ) AS follows
FROM named n
