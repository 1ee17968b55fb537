-- Accounting of the database: the total of the completion record against the sum of its trees and the
-- allowance of 1 MiB for pages that no tree tracks.
--
-- Null: what cannot be told, as the metadata or a tree is not all there.
-- Reads: trees, completions. Makes: database, one row.
SELECT
    c.database_size AS published_size,
    t.sum_of_published,
    t.sum_of_recomputed,
    1048576 AS buffer,
    CASE WHEN c.metadata_complete AND c.metadata_readable THEN c.database_size - (t.sum_of_published + 1048576) END
        AS difference,
    CASE WHEN t.complete THEN c.database_size - (t.sum_of_recomputed + 1048576) END AS difference_from_recomputed
FROM completions c
CROSS JOIN (
    SELECT
        CASE
            WHEN SUM(CASE WHEN is_page_id AND walked THEN 1 ELSE 0 END) = 0
                THEN COALESCE(SUM(COALESCE(published_size, 0)), 0)
        END AS sum_of_published,
        COALESCE(SUM(recomputed_size), 0) AS sum_of_recomputed,
        COALESCE(MIN(CASE WHEN complete THEN 1 ELSE 0 END), 1) = 1 AS complete
    FROM trees
) t
WHERE c.audited
