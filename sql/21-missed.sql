-- Second step: the references of a level whose row is not there. In a sound store there is none.
--
-- Reads: ${refs}, ${found}. Makes: missed_K, a row a reference.
SELECT r.*
FROM ${refs} r
LEFT JOIN (SELECT DISTINCT table_id, page_id, lsn FROM ${found}) f
    ON f.table_id = r.table_id AND f.page_id = r.page_id AND f.lsn = r.lsn
WHERE f.lsn IS NULL
