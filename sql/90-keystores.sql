-- The key each usable checkpoint embeds, and whether a standby that has committed the newest key below
-- the checkpoint's metadata would refuse it with EINVAL.
--
-- Reads: completions, keystore. Makes: keystores, a row a checkpoint.
SELECT
    c.lsn,
    c.metadata_lsn,
    c.keystore_lsn,
    MAX(k.lsn) AS newest_key_before,
    COALESCE(c.keystore_lsn < MAX(k.lsn), FALSE) AS stale
FROM completions c
LEFT JOIN keystore k ON k.lsn < c.metadata_lsn
WHERE c.usable
GROUP BY c.lsn, c.metadata_lsn, c.keystore_lsn
