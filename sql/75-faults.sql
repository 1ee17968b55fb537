-- What is wrong with the pages of the audited checkpoint, as far as rows and addresses tell.
--
-- code: that of the finding of `wtcheck audit`; or what could not be checked: hidden (rows that damage of the store may
-- hide), unreadable (no bytes), closed (the checksum is right, and the content cannot be read: encrypted, of an unknown
-- compressor, or written wrong). pages: how many; page_id: the first of them, null where the tree as a whole tells it.
-- Reads: reached, marks, versions, edges, roots, completions. Makes: faults, a row a table and code.
WITH trees_walked AS (
    SELECT
        r.table_id,
        COALESCE(r.frontier, a.metadata_lsn) AS frontier,
        a.metadata_lsn,
        r.next_page_id,
        r.partial,
        r.root_unreadable
    FROM roots r
    INNER JOIN completions a ON a.lsn = r.completion_lsn
    WHERE a.audited AND r.walked AND r.exported
),

pages AS (
    SELECT
        p.*,
        t.frontier,
        t.metadata_lsn,
        t.next_page_id,
        t.partial
    FROM reached p
    INNER JOIN trees_walked t ON t.table_id = p.table_id
    WHERE p.origin = 0
),

addresses AS (
    SELECT
        p.table_id,
        p.page_id,
        p.lsn,
        e.child_page_id,
        e.child_lsn
    FROM pages p
    INNER JOIN edges e
        ON e.table_id = p.table_id AND e.parent_page_id = p.page_id AND e.parent_lsn = p.version_lsn
    WHERE p.follows
),

blocks AS (
    SELECT
        v.table_id,
        v.page_id,
        CASE
            WHEN NOT v.readable THEN 'unreadable'
            WHEN NOT COALESCE(v.checksum_ok, TRUE) THEN 'page-checksum'
            WHEN v.checksum IS NULL OR v.page_type IS NULL THEN 'page-header'
            ELSE 'closed'
        END AS code
    FROM marks m
    INNER JOIN versions v ON v.table_id = m.table_id AND v.page_id = m.page_id AND v.lsn = m.lsn
    WHERE m.origin = 0 AND NOT m.sound
),

-- A page is reached once; each address more than pages is a second one to some page.
links AS (
    SELECT
        table_id,
        COUNT(child_page_id) AS links
    FROM addresses
    GROUP BY table_id
),

counts AS (
    SELECT
        table_id,
        COUNT(*) AS pages,
        MAX(CASE WHEN lost THEN 1 ELSE 0 END) = 1 AS lost
    FROM pages
    GROUP BY table_id
),

found AS (
    SELECT
        table_id,
        page_id,
        CASE
            WHEN partial THEN 'hidden'
            WHEN version_lsn IS NULL THEN 'page-missing'
            ELSE 'chain-broken'
        END AS code
    FROM pages
    WHERE version_lsn IS NULL OR broken
    UNION ALL
    SELECT table_id, page_id, code FROM blocks
    UNION ALL
    SELECT table_id, page_id, 'page-checksum' AS code FROM pages WHERE wrong_checksum
    UNION ALL
    SELECT table_id, page_id, 'cookie-size-mismatch' AS code FROM pages WHERE wrong_size AND NOT partial
    UNION ALL
    SELECT table_id, page_id, 'chain-too-long' AS code FROM pages WHERE chain_blocks > 33
    UNION ALL
    SELECT table_id, page_id, 'page-id-out-of-range' AS code FROM pages WHERE page_id < 100 OR page_id >= next_page_id
    UNION ALL
    SELECT table_id, page_id, 'child-newer-than-parent' AS code FROM pages WHERE level = 0 AND lsn >= metadata_lsn
    UNION ALL
    SELECT
        table_id,
        child_page_id AS page_id,
        'child-newer-than-parent' AS code
    FROM addresses
    WHERE child_lsn >= lsn AND child_lsn <> 0
    UNION ALL
    SELECT table_id, page_id, 'cookie-invalid' AS code FROM addresses WHERE child_page_id IS NULL
    UNION ALL
    SELECT table_id, CAST(NULL AS BIGINT) AS page_id, 'cookie-invalid' AS code FROM trees_walked WHERE root_unreadable
    UNION ALL
    SELECT
        p.table_id,
        p.page_id,
        'discarded-in-use' AS code
    FROM pages p
    INNER JOIN versions d
        ON
            d.table_id = p.table_id
            AND d.page_id = p.page_id
            AND d.lsn > p.version_lsn
            AND d.lsn <= p.frontier
    WHERE d.kind = 'discard'
)

SELECT
    table_id,
    code,
    COUNT(DISTINCT COALESCE(page_id, 0)) AS pages,
    MIN(page_id) AS page_id
FROM found
GROUP BY table_id, code
UNION ALL
SELECT
    c.table_id,
    'page-referenced-twice' AS code,
    l.links + 1 - c.pages AS pages,
    CAST(NULL AS BIGINT) AS page_id
FROM counts c
INNER JOIN links l ON l.table_id = c.table_id
WHERE NOT c.lost AND l.links + 1 > c.pages
