-- One level of the walk, first step: the rows of the page log that the references of a level name.
--
-- Reads: ${refs} (the references of this level), versions. Makes: found_K, a row a reference whose row is there.
-- An inner join, so that an engine can send the few references of the upper levels to the versions, and
-- not the versions to them.
SELECT
    r.origin,
    r.table_id,
    r.page_id,
    r.lsn,
    r.base_lsn,
    r.is_delta,
    r.size,
    r.checksum,
    r.cell_type,
    r.level,
    r.deleted,
    r.suspect,
    TRUE AS is_exact,
    v.lsn AS version_lsn,
    v.bytes,
    v.page_type,
    v.chain_base_lsn,
    v.chain_blocks,
    v.chain_bytes,
    v.chain_broken,
    COALESCE(v.children_ok, FALSE) AS children_ok,
    v.checksum AS stored_checksum,
    v.checksum_computed,
    COALESCE(v.checksum_ok OR v.checksum_repaired, FALSE) AS holds
FROM ${refs} r
INNER JOIN versions v ON v.table_id = r.table_id AND v.page_id = r.page_id AND v.lsn = r.lsn
