-- Triggers that are in force, with their events, the text of what they do, and what they hand to it.

-- part: all; name: postgresql
SELECT t.tgname AS name, n.nspname || '.' || c.relname AS at, p.prosrc AS body, encode(t.tgargs, 'escape') AS given,
  array_remove(ARRAY[CASE WHEN t.tgtype::int & 4 <> 0 THEN 'INSERT' END, CASE WHEN t.tgtype::int & 8 <> 0 THEN 'DELETE' END,
    CASE WHEN t.tgtype::int & 16 <> 0 THEN 'UPDATE' END], NULL) AS events
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_proc p ON p.oid = t.tgfoid
WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' ORDER BY 2, 1;

-- part: all; name: mariadb
SELECT trigger_name AS name, event_object_table AS at, action_statement AS body, event_manipulation AS event
FROM information_schema.triggers WHERE trigger_schema = DATABASE() ORDER BY 2, 1;

-- part: followed; name: postgresql
-- Of the table, its partitions and those that inherit from it: rules, and triggers that an UPDATE fires, but for checks,
-- and for all that foreign keys do unless their cascades are asked for too.
-- Where it moves a row to another partition, these are those of INSERT and DELETE too. What others' servers do is not known.
WITH RECURSIVE places AS (
  SELECT CAST(:place AS regclass)::oid AS place
  UNION SELECT i.inhrelid FROM pg_inherits i JOIN places p ON p.place = i.inhparent
)
SELECT EXISTS (SELECT FROM pg_class c JOIN places p ON p.place = c.oid WHERE c.relhasrules OR c.relkind = 'f')
  OR EXISTS (
    SELECT FROM pg_trigger t JOIN places p ON p.place = t.tgrelid JOIN pg_class c ON c.oid = t.tgrelid
    JOIN pg_proc f ON f.oid = t.tgfoid
    WHERE t.tgtype::int & (CASE WHEN c.relispartition OR c.relkind = 'p' THEN 28 ELSE 16 END) <> 0
      AND NOT (t.tgisinternal AND (NOT :cascades OR f.proname IN ('RI_FKey_check_ins', 'RI_FKey_check_upd',
        'RI_FKey_noaction_upd', 'RI_FKey_noaction_del', 'RI_FKey_restrict_upd', 'RI_FKey_restrict_del',
        'unique_key_recheck')))
  );
