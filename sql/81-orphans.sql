-- Rows that nothing reaches and no discard record covers: what the accounting leak leaves behind.
--
-- Reads: classes, roots, completions. Makes: orphans, a row an orphan.
WITH used AS (
    SELECT DISTINCT
        table_id,
        page_id
    FROM classes
    WHERE class IN ('live', 'kept-for-older-checkpoint')
),

names AS (
    SELECT
        r.table_id,
        r.uri,
        ROW_NUMBER() OVER (
            PARTITION BY r.table_id
            ORDER BY CASE WHEN c.audited THEN 0 ELSE 1 END ASC, r.completion_lsn DESC, r.position DESC
        ) AS place
    FROM roots r
    INNER JOIN completions c ON c.lsn = r.completion_lsn
)

SELECT
    o.table_id,
    n.uri,
    o.page_id,
    o.lsn,
    o.bytes,
    CASE WHEN u.page_id IS NULL THEN 'never-referenced' ELSE 'unreferenced-image' END AS reason
FROM classes o
LEFT JOIN used u ON u.table_id = o.table_id AND u.page_id = o.page_id
LEFT JOIN names n ON n.table_id = o.table_id AND n.place = 1
WHERE o.class = 'orphan'
