-- One round of judging the rows that depend on newer rows of their page.
--
-- A row is superseded by a later full image that is no orphan, unless that image names an older one as
-- the one it replaces: then the tree did not know the row. Whether the later image is an orphan is
-- judged by the same rule, so each round starts from the guesses of the last one. A row depends on newer
-- rows only, so a round that changes nothing has found the one answer; real stores take two or three.
-- "unexplained" are orphans and failed deltas; 69-classes.sql tells them apart.
-- Reads: ${judged} (the last round). Makes: judged_K, with the same columns.
WITH pending AS (
    SELECT DISTINCT
        table_id,
        page_id
    FROM ${judged}
    WHERE class IS NULL
),

rows_of_pages AS (
    SELECT
        j.table_id,
        j.page_id,
        j.lsn,
        j.kind,
        j.backlink_lsn,
        j.base_lsn,
        j.kind <> 'discard' AND COALESCE(j.class, j.guess) <> 'unexplained' AS stands
    FROM ${judged} j
    INNER JOIN pending p ON p.table_id = j.table_id AND p.page_id = j.page_id
),

next_images AS (
    SELECT
        r.*,
        MIN(CASE WHEN r.stands AND r.kind = 'full' THEN r.lsn END) OVER (
            PARTITION BY r.table_id, r.page_id ORDER BY r.lsn ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS next_image
    FROM rows_of_pages r
),

adopters AS (
    SELECT
        table_id,
        page_id,
        backlink_lsn AS lsn
    FROM rows_of_pages
    WHERE stands AND lsn > backlink_lsn
    UNION
    SELECT
        table_id,
        page_id,
        base_lsn AS lsn
    FROM rows_of_pages
    WHERE stands AND lsn > base_lsn
),

later AS (
    SELECT
        n.table_id,
        n.page_id,
        n.lsn,
        n.next_image IS NOT NULL AS replaced,
        n.kind = 'full'
        AND COALESCE(i.backlink_lsn, 0) <> 0
        AND i.backlink_lsn < n.lsn
        AND a.lsn IS NULL AS skipped
    FROM next_images n
    LEFT JOIN rows_of_pages i ON i.table_id = n.table_id AND i.page_id = n.page_id AND i.lsn = n.next_image
    LEFT JOIN adopters a ON a.table_id = n.table_id AND a.page_id = n.page_id AND a.lsn = n.lsn
)

SELECT
    j.table_id,
    j.page_id,
    j.lsn,
    j.kind,
    j.backlink_lsn,
    j.base_lsn,
    j.bytes,
    j.lost,
    j.missing,
    j.discards_pages,
    j.covered_any,
    j.covered_old,
    j.class,
    CASE
        WHEN j.class IS NOT NULL THEN j.guess
        WHEN NOT l.skipped AND ((l.replaced AND j.covered_any) OR j.covered_old) THEN 'discarded'
        WHEN (l.replaced AND NOT l.skipped) OR j.lsn < j.missing THEN 'superseded'
        WHEN j.lost OR NOT j.discards_pages THEN 'undetermined'
        ELSE 'unexplained'
    END AS guess
FROM ${judged} j
LEFT JOIN later l ON l.table_id = j.table_id AND l.page_id = j.page_id AND l.lsn = j.lsn
