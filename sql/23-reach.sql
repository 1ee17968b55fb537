-- Last step: the page versions that a level reaches for the first time.
--
-- A page counts once a checkpoint; of the versions that other checkpoints need, each counts once. A
-- reference is held against its row: base image, delta flag, size, checksum. One that was read from a
-- damaged page (suspect) counts only if the page log confirms it.
-- Reads: ${found}, ${remains}, ${reached} (all levels above).
-- Makes: level_K, a row a page version. sound: all that its row and its reference say agrees. lost: pages
-- below it may be missed. follows: its addresses lead on. wrong_size, wrong_checksum: its reference says otherwise.
WITH located AS (
    SELECT * FROM ${found}
    UNION ALL
    SELECT * FROM ${remains}
),

judged AS (
    SELECT
        l.*,
        l.version_lsn IS NULL
        OR NOT l.is_exact
        OR l.chain_broken
        OR (l.is_delta IS NOT NULL AND l.is_delta <> (l.chain_blocks > 1))
        OR (COALESCE(l.is_delta, FALSE) AND l.base_lsn <> l.chain_base_lsn) AS broken,
        l.version_lsn IS NOT NULL AND l.size <> l.chain_bytes AND l.size <> l.bytes AS wrong_size,
        CASE
            WHEN l.stored_checksum IS NULL THEN FALSE
            WHEN l.suspect OR NOT l.is_exact OR l.checksum = l.stored_checksum THEN l.holds
            ELSE l.checksum_computed = l.checksum
        END AS checksum_ok
    FROM located l
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
        NOT f.broken
        AND f.checksum_ok
        AND f.page_type IS NOT NULL
        AND (f.children_ok OR f.page_type NOT LIKE '%internal') AS sound,
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
    n.wrong_size AND NOT n.broken AS wrong_size,
    n.stored_checksum IS NOT NULL AND NOT n.checksum_ok AS wrong_checksum,
    n.sound,
    n.cell_type = 'addr-internal' AND (NOT n.sound OR (n.holds_children AND n.level >= 64)) AS lost,
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
