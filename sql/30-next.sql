-- The references of the next level: the addresses in the page versions that a level reached.
--
-- Reads: ${level} (one level), edges. Makes: refs_K, a row an address. The walk ends where no
-- version of a level follows.
SELECT
    l.origin,
    e.table_id,
    e.child_page_id AS page_id,
    e.child_lsn AS lsn,
    e.child_base_lsn AS base_lsn,
    e.child_is_delta AS is_delta,
    e.cookie_size AS size,
    e.cookie_checksum AS checksum,
    e.cell_type,
    l.level + 1 AS level,
    l.deleted OR e.cell_type = 'addr-deleted' AS deleted,
    l.lost AND l.node = 'internal' AS suspect
FROM ${level} l
INNER JOIN edges e
    ON e.table_id = l.table_id AND e.parent_page_id = l.page_id AND e.parent_lsn = l.version_lsn
WHERE l.follows AND e.child_page_id IS NOT NULL
