-- The class of every row that can be judged by itself, and what the others are judged by.
--
-- class is null where it depends on the other rows of the page; 61-round.sql fills it in. A guess, that
-- the row was superseded, is made for the first round. covered_any: a later discard record covers the
-- row; covered_old: one that is not above the newest completion record. holed: blocks of the page that
-- a checkpoint needs are gone.
-- Reads: versions, marks, facts, reached, completions. Makes: judged, a row a row of the page log.
WITH audited AS (
    SELECT
        c.lsn,
        c.metadata_lsn,
        c.turtle_table_id,
        COALESCE(c.keystore_lsn, 0) AS embedded_key,
        c.discards_pages,
        n.newest,
        n.unread > 0 AS unread
    FROM completions c
    CROSS JOIN (
        SELECT
            MAX(lsn) AS newest,
            SUM(CASE WHEN usable AND NOT (metadata_complete AND metadata_readable) THEN 1 ELSE 0 END) AS unread
        FROM completions
    ) n
    WHERE c.audited
),

holes AS (
    SELECT
        table_id,
        page_id,
        MAX(CASE WHEN origin = 0 AND version_lsn IS NULL THEN lsn ELSE 0 END) AS missing
    FROM reached
    WHERE version_lsn IS NULL OR broken
    GROUP BY table_id, page_id
),

known AS (
    SELECT
        v.table_id,
        v.page_id,
        v.lsn,
        v.kind,
        v.backlink_lsn,
        v.base_lsn,
        v.bytes,
        CASE
            -- A key page that only a newer checkpoint embeds was there already when this one completed.
            WHEN v.table_id = 26 AND v.page_id = 1 AND m.origin = 1 AND v.lsn <= a.lsn THEN NULL
            ELSE m.origin
        END AS origin,
        v.page_id = 1 AND v.table_id IN (26, a.turtle_table_id) AS special,
        COALESCE(f.frontier, a.metadata_lsn) AS frontier,
        COALESCE(f.lost, a.unread) OR h.page_id IS NOT NULL AS lost,
        COALESCE(h.missing, 0) AS missing,
        a.lsn AS completion_lsn,
        a.newest,
        a.embedded_key,
        a.discards_pages
    FROM versions v
    CROSS JOIN audited a
    LEFT JOIN marks m ON m.table_id = v.table_id AND m.page_id = v.page_id AND m.lsn = v.lsn
    LEFT JOIN facts f ON f.table_id = v.table_id
    LEFT JOIN holes h ON h.table_id = v.table_id AND h.page_id = v.page_id
),

covered AS (
    SELECT
        k.*,
        MAX(CASE WHEN k.kind = 'discard' THEN CASE WHEN k.backlink_lsn = 0 THEN k.lsn ELSE k.backlink_lsn END END)
            OVER (
                PARTITION BY k.table_id, k.page_id ORDER BY k.lsn ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
            ) AS covers_any,
        MAX(
            CASE
                WHEN k.kind = 'discard' AND k.lsn <= k.newest
                    THEN CASE WHEN k.backlink_lsn = 0 THEN k.lsn ELSE k.backlink_lsn END
            END
        )
            OVER (
                PARTITION BY k.table_id, k.page_id ORDER BY k.lsn ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
            ) AS covers_old
    FROM known k
)

SELECT
    c.table_id,
    c.page_id,
    c.lsn,
    c.kind,
    c.backlink_lsn,
    c.base_lsn,
    c.bytes,
    c.lost,
    c.missing,
    c.discards_pages,
    COALESCE(c.covers_any >= c.lsn, FALSE) AS covered_any,
    COALESCE(c.covers_old >= c.lsn, FALSE) AS covered_old,
    CASE
        WHEN c.origin = 0 THEN 'live'
        WHEN c.origin = 1 THEN 'after-newest-checkpoint'
        WHEN c.origin = 2 THEN 'kept-for-older-checkpoint'
        WHEN c.lsn > c.completion_lsn THEN 'after-newest-checkpoint'
        WHEN c.kind = 'discard' THEN 'discard-record'
        WHEN c.special AND c.table_id = 26 AND c.lsn > c.embedded_key THEN 'key-page-not-embedded'
        WHEN c.special THEN 'superseded'
        WHEN c.lsn > c.frontier THEN 'after-newest-checkpoint'
    END AS class,
    'superseded' AS guess
FROM covered c
