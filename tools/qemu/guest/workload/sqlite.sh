# An in-memory SQL database of about 130 MB under point reads, range scans, updates, inserts and deletes.
{
	cat <<'SQL'
PRAGMA journal_mode = OFF;
CREATE TABLE item (id INTEGER PRIMARY KEY, owner INTEGER, price INTEGER, note TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)
INSERT INTO item SELECT i, (i * 7919) % 20011, (i * 104729) % 10007, hex(randomblob(160)) FROM n;
CREATE INDEX item_owner ON item (owner);
CREATE INDEX item_price ON item (price, owner);
SELECT 'READY';
SQL
	work queries 300000
} | sqlite3 :memory: | awk '/^(READY|PROGRESS)/ { print; fflush() }'
