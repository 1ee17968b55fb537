-- Rows and bytes by class.
--
-- Reads: classes. Makes: version_classes, a row a class that occurs.
SELECT
    class,
    COUNT(*) AS row_count,
    SUM(bytes) AS byte_count
FROM classes
GROUP BY class
