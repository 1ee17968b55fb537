-- Every row of the page log that a checkpoint needs: the blocks of each version that is reached, and the
-- turtle and key pages that completion records name.
--
-- Reads: reached, versions, completions. Makes: marks, a row a row of the page log, with the first of the
-- checkpoints that needs it (origin 0 before 1 before 2). sound: its block can be used.
WITH audited AS (
    SELECT lsn FROM completions WHERE audited
),

special AS (
    SELECT
        CASE WHEN c.lsn = a.lsn THEN 0 WHEN c.lsn > a.lsn THEN 1 ELSE 2 END AS origin,
        c.turtle_table_id AS table_id,
        1 AS page_id,
        c.metadata_lsn AS lsn
    FROM completions c
    CROSS JOIN audited a
    WHERE c.usable
    UNION ALL
    SELECT
        CASE WHEN c.lsn = a.lsn THEN 0 WHEN c.lsn > a.lsn THEN 1 ELSE 2 END AS origin,
        26 AS table_id,
        c.keystore_page_id AS page_id,
        c.keystore_lsn AS lsn
    FROM completions c
    CROSS JOIN audited a
    WHERE c.usable AND c.keystore_lsn IS NOT NULL
),

blocks AS (
    SELECT
        r.origin,
        v.table_id,
        v.page_id,
        v.lsn,
        COALESCE(v.usable, TRUE) AS sound
    FROM reached r
    INNER JOIN versions v
        ON
            v.table_id = r.table_id
            AND v.page_id = r.page_id
            AND v.lsn >= r.chain_base_lsn
            AND v.lsn <= r.version_lsn
    UNION ALL
    SELECT
        s.origin,
        s.table_id,
        s.page_id,
        s.lsn,
        TRUE AS sound
    FROM special s
)

SELECT
    table_id,
    page_id,
    lsn,
    MIN(origin) AS origin,
    MIN(CASE WHEN sound THEN 1 ELSE 0 END) = 1 AS sound
FROM blocks
GROUP BY table_id, page_id, lsn
