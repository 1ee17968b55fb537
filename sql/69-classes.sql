-- Every row of the page log in its class.
--
-- A delta that nothing explains is a failed one, which is legal, if the image that it stands on is no
-- orphan; else it is part of the orphan.
-- Reads: ${judged} (the last round). Makes: classes, a row a row of the page log.
WITH known AS (
    SELECT
        table_id,
        page_id,
        lsn,
        kind,
        base_lsn,
        bytes,
        COALESCE(class, guess) AS class
    FROM ${judged}
)

SELECT
    k.table_id,
    k.page_id,
    k.lsn,
    k.bytes,
    CASE
        WHEN k.class <> 'unexplained' THEN k.class
        WHEN k.kind = 'delta' AND COALESCE(b.class NOT IN ('unexplained', 'undetermined'), FALSE) THEN 'duplicate-delta'
        ELSE 'orphan'
    END AS class
FROM known k
LEFT JOIN known b
    ON b.table_id = k.table_id AND b.page_id = k.page_id AND b.lsn = k.base_lsn AND b.kind = 'full'
