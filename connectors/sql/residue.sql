-- PostgreSQL: what has to be known of a table (:name, quoted) to remove what its old rows have left behind.

-- part: table; name: newer
SELECT has_table_privilege(c.oid, 'MAINTAIN') OR pg_has_role(c.relowner, 'USAGE'),
  greatest(pg_total_relation_size(c.oid), (
    SELECT sum(pg_total_relation_size(p.relid)) FROM pg_partition_tree(c.oid) p WHERE p.isleaf))
FROM pg_class c WHERE c.oid = CAST(:name AS regclass);

-- part: table; name: older
SELECT pg_has_role(c.relowner, 'USAGE'),
  greatest(pg_total_relation_size(c.oid), (
    SELECT sum(pg_total_relation_size(p.relid)) FROM pg_partition_tree(c.oid) p WHERE p.isleaf))
FROM pg_class c WHERE c.oid = CAST(:name AS regclass);

-- part: emptied; name: relations
SELECT c.relname, format('%I.%I', s.nspname, c.relname)
FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND (c.oid = CAST(:name AS regclass) OR c.oid IN (
  SELECT p.relid FROM pg_partition_tree(CAST(:name AS regclass)) p)) ORDER BY 1, 2;

-- part: emptied; name: sampled
SELECT s.nspname AS schema, c.relname AS relation, a.attname AS "column"
FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.oid = CAST(:name AS regclass) OR c.oid IN (
  SELECT i.indexrelid FROM pg_index i WHERE i.indrelid = CAST(:name AS regclass) AND i.indexprs IS NOT NULL);

-- part: emptied; name: objects
SELECT e.stxname FROM pg_statistic_ext e WHERE e.stxrelid = CAST(:name AS regclass) ORDER BY 1;

-- part: views; name: newer
WITH RECURSIVE above (oid, depth) AS (
  SELECT CAST(:name AS regclass)::oid, 0
  UNION
  SELECT r.ev_class, depth + 1 FROM above
  JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = above.oid
    AND d.classid = 'pg_rewrite'::regclass
  JOIN pg_rewrite r ON r.oid = d.objid AND r.ev_class <> above.oid)
SELECT format('%I.%I', s.nspname, c.relname), has_table_privilege(c.oid, 'MAINTAIN') OR pg_has_role(c.relowner, 'USAGE')
FROM above JOIN pg_class c ON c.oid = above.oid JOIN pg_namespace s ON s.oid = c.relnamespace
WHERE c.relkind = 'm' AND c.relispopulated GROUP BY s.nspname, c.relname, c.oid, c.relowner ORDER BY max(depth), 1;

-- part: views; name: older
WITH RECURSIVE above (oid, depth) AS (
  SELECT CAST(:name AS regclass)::oid, 0
  UNION
  SELECT r.ev_class, depth + 1 FROM above
  JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = above.oid
    AND d.classid = 'pg_rewrite'::regclass
  JOIN pg_rewrite r ON r.oid = d.objid AND r.ev_class <> above.oid)
SELECT format('%I.%I', s.nspname, c.relname), pg_has_role(c.relowner, 'USAGE')
FROM above JOIN pg_class c ON c.oid = above.oid JOIN pg_namespace s ON s.oid = c.relnamespace
WHERE c.relkind = 'm' AND c.relispopulated GROUP BY s.nspname, c.relname, c.oid, c.relowner ORDER BY max(depth), 1;

-- part: copies; name: triggers
SELECT format('copies that triggers of %s have made (%s): map the tables to which they write', CAST(:table AS text),
  string_agg(t.tgname, ', ' ORDER BY t.tgname))
FROM pg_trigger t WHERE t.tgrelid = CAST(:name AS regclass) AND NOT t.tgisinternal AND t.tgenabled <> 'D'
HAVING count(*) > 0;

-- part: copies; name: full text
SELECT format('words in the full-text columns of %s (%s): nothing of the store renews them; map them, or generate them',
  CAST(:table AS text), string_agg(a.attname, ', ' ORDER BY a.attnum))
FROM pg_attribute a WHERE a.attrelid = CAST(:name AS regclass) AND a.attnum > 0 AND NOT a.attisdropped
  AND a.atttypid = 'tsvector'::regtype AND a.attgenerated = '' AND NOT EXISTS (
    SELECT FROM pg_trigger t WHERE t.tgrelid = a.attrelid AND NOT t.tgisinternal AND t.tgenabled <> 'D')
HAVING count(*) > 0;

-- part: clustered; name: owned
SELECT CAST(c.oid AS regclass)::text, (
  SELECT quote_ident(x.relname) FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
  WHERE i.indrelid = c.oid AND i.indisclustered)
FROM pg_class c WHERE c.relkind = 'r' AND pg_has_role(c.relowner, 'USAGE') AND (c.oid = CAST(:name AS regclass)
  OR c.oid IN (SELECT p.relid FROM pg_partition_tree(CAST(:name AS regclass)) p)) ORDER BY 1;
