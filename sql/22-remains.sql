-- Third step: of a reference whose row is gone, what is left of the chain on the same full image.
--
-- Reads: ${missed}, versions. Makes: remains_K, with the columns of found_K; where nothing is left,
-- version_lsn and what follows it are null.
WITH newest AS (
    SELECT
        m.table_id,
        m.page_id,
        m.lsn,
        m.base_lsn,
        MAX(w.lsn) AS version_lsn
    FROM ${missed} m
    INNER JOIN versions w
        ON w.table_id = m.table_id AND w.page_id = m.page_id AND w.lsn < m.lsn AND w.chain_base_lsn = m.base_lsn
    INNER JOIN versions b
        ON b.table_id = m.table_id AND b.page_id = m.page_id AND b.lsn = m.base_lsn AND b.kind = 'full'
    WHERE m.base_lsn <> 0
    GROUP BY m.table_id, m.page_id, m.lsn, m.base_lsn
),

rows_left AS (
    SELECT
        n.table_id,
        n.page_id,
        n.lsn,
        n.base_lsn,
        v.lsn AS version_lsn,
        v.bytes,
        v.page_type,
        v.chain_base_lsn,
        v.chain_blocks,
        v.chain_bytes,
        v.chain_broken,
        v.children_ok,
        v.checksum,
        v.checksum_computed,
        v.checksum_ok OR v.checksum_repaired AS holds
    FROM newest n
    INNER JOIN versions v ON v.table_id = n.table_id AND v.page_id = n.page_id AND v.lsn = n.version_lsn
)

SELECT
    m.origin,
    m.table_id,
    m.page_id,
    m.lsn,
    m.base_lsn,
    m.is_delta,
    m.size,
    m.checksum,
    m.cell_type,
    m.level,
    m.deleted,
    m.suspect,
    FALSE AS is_exact,
    l.version_lsn,
    l.bytes,
    l.page_type,
    l.chain_base_lsn,
    l.chain_blocks,
    l.chain_bytes,
    l.chain_broken,
    COALESCE(l.children_ok, FALSE) AS children_ok,
    l.checksum AS stored_checksum,
    l.checksum_computed,
    COALESCE(l.holds, FALSE) AS holds
FROM ${missed} m
LEFT JOIN rows_left l
    ON l.table_id = m.table_id AND l.page_id = m.page_id AND l.lsn = m.lsn AND l.base_lsn = m.base_lsn
