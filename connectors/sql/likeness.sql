-- PostgreSQL: what the catalogue says of one table (:oid), and the statements that let another (:made, a name that is
-- quoted already) take its place. Every query of a part is asked in the order of this file.

-- part: describe; name: table
SELECT c.relkind, c.relpersistence, m.amname, c.relreplident, c.relrowsecurity, c.relforcerowsecurity, c.reloptions,
  t.reloptions, c.relowner::regrole::text, c.reltablespace::text, obj_description(c.oid, 'pg_class'),
  (SELECT array_agg(i::text ORDER BY i::text) FROM unnest(coalesce(c.relacl, acldefault('r', c.relowner))) AS i)
FROM pg_class c LEFT JOIN pg_am m ON m.oid = c.relam LEFT JOIN pg_class t ON t.oid = c.reltoastrelid WHERE c.oid = :oid;

-- part: describe; name: columns
SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attcollation::regcollation::text, a.attnotnull,
  a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid), a.attstorage, a.attcompression,
  coalesce(a.attstattarget, -1), a.attoptions, col_description(a.attrelid, a.attnum),
  (SELECT array_agg(i::text ORDER BY i::text) FROM unnest(a.attacl) AS i)
FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = :oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum;

-- part: describe; name: constraints
SELECT n.conname, n.contype, pg_get_constraintdef(n.oid), n.convalidated, n.condeferrable, n.condeferred,
  n.connoinherit, obj_description(n.oid, 'pg_constraint')
FROM pg_constraint n WHERE n.conrelid = :oid ORDER BY n.conname;

-- part: describe; name: indexes
SELECT x.relname, pg_get_indexdef(x.oid), i.indisclustered, i.indisreplident, i.indisvalid, i.indisprimary,
  i.indimmediate, x.reloptions, x.reltablespace::text, x.relowner::regrole::text, obj_description(x.oid, 'pg_class'),
  (SELECT array_agg(coalesce(a.attstattarget, -1) ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = x.oid)
FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = :oid ORDER BY x.relname;

-- part: describe; name: statistics objects
SELECT pg_get_statisticsobjdef(e.oid), e.stxowner::regrole::text, coalesce(e.stxstattarget, -1),
  obj_description(e.oid, 'pg_statistic_ext')
FROM pg_statistic_ext e WHERE e.stxrelid = :oid ORDER BY 1;

-- part: describe; name: sequences
SELECT format('%I.%I', n.nspname, s.relname), a.attname, d.deptype, q.seqtypid::regtype::text, q.seqstart,
  q.seqincrement, q.seqmax, q.seqmin, q.seqcache, q.seqcycle, s.relpersistence, s.relowner::regrole::text,
  obj_description(s.oid, 'pg_class'),
  (SELECT array_agg(i::text ORDER BY i::text) FROM unnest(coalesce(s.relacl, acldefault('s', s.relowner))) AS i)
FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_sequence q ON q.seqrelid = s.oid
JOIN pg_namespace n ON n.oid = s.relnamespace
JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = :oid
  AND d.deptype IN ('a', 'i') ORDER BY 1;

-- part: make; name: the same columns, checks and defaults, without indexes and sequences of its own
SELECT format('CREATE %sTABLE %s (LIKE %I.%I INCLUDING ALL EXCLUDING INDEXES EXCLUDING STATISTICS EXCLUDING IDENTITY) '
  'USING %I%s', CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED ' ELSE '' END, CAST(:made AS text), n.nspname, c.relname,
  m.amname, (
    SELECT ' WITH (' || string_agg(format('%s=%L', split_part(o, '=', 1), substr(o, strpos(o, '=') + 1)), ', ') || ')'
    FROM (SELECT unnest(c.reloptions) UNION ALL SELECT 'toast.' || unnest(t.reloptions)) AS options (o)))
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_am m ON m.oid = c.relam
LEFT JOIN pg_class t ON t.oid = c.reltoastrelid WHERE c.oid = :oid;

-- part: unfilled; name: what only an empty table can be given
SELECT a.attname FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_class o ON o.oid = c.reltoastrelid
WHERE c.oid = :oid AND a.attnum > 0 AND NOT a.attisdropped AND (
  a.attgenerated <> '' OR a.attcompression <> '' OR a.attstorage <> t.typstorage OR o.reloptions IS NOT NULL
  OR t.typtype = 'd' -- a cast to a domain cuts a text that an INSERT refuses, as it does to arrays of texts of a length
  OR a.atttypmod <> -1 AND a.atttypid NOT IN ('varchar'::regtype, 'bpchar'::regtype, 'numeric'::regtype,
    'timestamp'::regtype, 'timestamptz'::regtype, 'time'::regtype, 'timetz'::regtype, 'interval'::regtype));

-- part: fill; name: columns
SELECT format('CAST(%s AS %s)%s AS %I', CASE
    WHEN a.atttypmod <> -1 AND a.atttypid IN ('varchar'::regtype, 'bpchar'::regtype)
    THEN format('pg_catalog.%I(CAST(ardoise_rows.%I AS %s), %s, false)', t.typname, a.attname, t.typname, a.atttypmod)
    ELSE format('ardoise_rows.%I', a.attname) END,
  format_type(a.atttypid, a.atttypmod),
  CASE WHEN a.attcollation <> 0 THEN format(' COLLATE %I.%I', n.nspname, l.collname) ELSE '' END, a.attname)
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_collation l ON l.oid = a.attcollation
LEFT JOIN pg_namespace n ON n.oid = l.collnamespace
WHERE a.attrelid = :oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum;

-- part: fill; name: storage
SELECT CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED' ELSE '' END, format('USING %I%s', m.amname, (
    SELECT ' WITH (' || string_agg(format('%s=%L', split_part(o, '=', 1), substr(o, strpos(o, '=') + 1)), ', ') || ')'
    FROM unnest(c.reloptions) AS o))
FROM pg_class c JOIN pg_am m ON m.oid = c.relam WHERE c.oid = :oid;

-- part: filled; name: what columns must have, and checks, looked through once
SELECT format('ALTER TABLE %s %s', CAST(:made AS text), string_agg(each.change, ', ' ORDER BY each.place, each.name))
FROM (
  SELECT 1, a.attname::text, format('ALTER COLUMN %I SET DEFAULT %s', a.attname, pg_get_expr(d.adbin, d.adrelid))
  FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE d.adrelid = :oid
  UNION ALL
  SELECT 2, n.conname::text, format('ADD CONSTRAINT %I %s', n.conname, pg_get_constraintdef(n.oid))
  FROM pg_constraint n WHERE n.conrelid = :oid AND n.contype IN ('c', 'n')
  UNION ALL
  SELECT 3, a.attname::text, format('ALTER COLUMN %I SET NOT NULL', a.attname)
  FROM pg_attribute a WHERE a.attrelid = :oid AND a.attnum > 0 AND a.attnotnull AND NOT a.attisdropped AND NOT EXISTS (
    SELECT FROM pg_constraint n WHERE n.conrelid = :oid AND n.contype = 'n' AND n.conkey = ARRAY[a.attnum])
) AS each (place, name, change) HAVING count(*) > 0;

-- part: filled; name: comments on columns
SELECT format('COMMENT ON COLUMN %s.%I IS %L', CAST(:made AS text), a.attname, col_description(a.attrelid, a.attnum))
FROM pg_attribute a WHERE a.attrelid = :oid AND a.attnum > 0 AND NOT a.attisdropped
  AND col_description(a.attrelid, a.attnum) IS NOT NULL;

-- part: index; name: keys and exclusions, under names of their own while those that they replace are there
SELECT format('ALTER TABLE %s ADD CONSTRAINT %I %s', CAST(:made AS text), format('ardoise_index_%s', n.conindid),
  pg_get_constraintdef(n.oid))
FROM pg_constraint n WHERE n.conrelid = :oid AND n.contype IN ('p', 'u', 'x') ORDER BY n.conindid;

-- part: index; name: their storage parameters
SELECT format('ALTER INDEX %I.%I SET (%s)', s.nspname, format('ardoise_index_%s', x.oid), (
    SELECT string_agg(format('%s=%L', split_part(o, '=', 1), substr(o, strpos(o, '=') + 1)), ', ')
    FROM unnest(x.reloptions) AS o))
FROM pg_constraint n JOIN pg_class x ON x.oid = n.conindid JOIN pg_namespace s ON s.oid = x.relnamespace
WHERE n.conrelid = :oid AND n.contype IN ('p', 'u', 'x') AND x.reloptions IS NOT NULL;

-- part: index; name: the other indexes
SELECT format('CREATE %sINDEX %I ON %s USING %s', CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END,
  format('ardoise_index_%s', x.oid), CAST(:made AS text), substr(pg_get_indexdef(x.oid), 1 + length(format(
    'CREATE %sINDEX %I ON %I.%I USING ', CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END, x.relname, s.nspname,
    c.relname))))
FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace s ON s.oid = c.relnamespace
WHERE i.indrelid = :oid AND NOT EXISTS (
  SELECT FROM pg_constraint n WHERE n.conindid = x.oid AND n.conrelid = :oid AND n.contype IN ('p', 'u', 'x'))
ORDER BY x.oid;

-- part: index; name: foreign keys of its own
SELECT format('ALTER TABLE %s ADD CONSTRAINT %I %s', CAST(:made AS text), n.conname, pg_get_constraintdef(n.oid))
FROM pg_constraint n WHERE n.conrelid = :oid AND n.contype = 'f' ORDER BY n.conname;

-- part: place; name: owner, whom the sequences that it gets must have too
SELECT format('ALTER TABLE %s OWNER TO %s', CAST(:made AS text), c.relowner::regrole) FROM pg_class c, pg_class m
WHERE c.oid = :oid AND m.oid = CAST(:made AS regclass) AND m.relowner <> c.relowner;

-- part: place; name: sequences of column defaults stay, and belong to the new table; those of identity columns do not
SELECT format('ALTER SEQUENCE %I.%I OWNED BY %s.%I', n.nspname, s.relname, CAST(:made AS text), a.attname)
FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_namespace n ON n.oid = s.relnamespace
JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = :oid
  AND d.deptype = 'a';

-- part: place; name: the table goes
SELECT format('DROP TABLE %I.%I', s.nspname, c.relname)
FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace WHERE c.oid = :oid;

-- part: place; name: its name
SELECT format('ALTER TABLE %s RENAME TO %I', CAST(:made AS text), c.relname) FROM pg_class c WHERE c.oid = :oid;

-- part: place; name: the names of its indexes, which are those of keys too
SELECT format('ALTER INDEX %I.%I RENAME TO %I', s.nspname, format('ardoise_index_%s', x.oid), x.relname)
FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_namespace s ON s.oid = x.relnamespace
WHERE i.indrelid = :oid;

-- part: place; name: identity columns
SELECT format('ALTER TABLE %I.%I ALTER COLUMN %I ADD GENERATED %s AS IDENTITY (SEQUENCE NAME %I.%I START WITH %s '
  'INCREMENT BY %s MAXVALUE %s MINVALUE %s CACHE %s %s)', t.nspname, c.relname, a.attname,
  CASE a.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END, n.nspname, s.relname, q.seqstart, q.seqincrement,
  q.seqmax, q.seqmin, q.seqcache, CASE WHEN q.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END)
FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_sequence q ON q.seqrelid = s.oid
JOIN pg_namespace n ON n.oid = s.relnamespace JOIN pg_class c ON c.oid = d.refobjid
JOIN pg_namespace t ON t.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = :oid
  AND d.deptype = 'i';

-- part: place; name: comments on their sequences
SELECT format('COMMENT ON SEQUENCE %I.%I IS %L', n.nspname, s.relname, obj_description(s.oid, 'pg_class'))
FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_namespace n ON n.oid = s.relnamespace
WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = :oid
  AND d.deptype = 'i' AND obj_description(s.oid, 'pg_class') IS NOT NULL;

-- part: place; name: statistics objects
SELECT pg_get_statisticsobjdef(e.oid) FROM pg_statistic_ext e WHERE e.stxrelid = :oid;

-- part: place; name: their targets
SELECT format('ALTER STATISTICS %I.%I SET STATISTICS %s', n.nspname, e.stxname, e.stxstattarget)
FROM pg_statistic_ext e JOIN pg_namespace n ON n.oid = e.stxnamespace WHERE e.stxrelid = :oid AND e.stxstattarget >= 0;

-- part: place; name: comments on them
SELECT format('COMMENT ON STATISTICS %I.%I IS %L', n.nspname, e.stxname, obj_description(e.oid, 'pg_statistic_ext'))
FROM pg_statistic_ext e JOIN pg_namespace n ON n.oid = e.stxnamespace
WHERE e.stxrelid = :oid AND obj_description(e.oid, 'pg_statistic_ext') IS NOT NULL;

-- part: place; name: targets of column statistics
SELECT format('ALTER TABLE %I.%I ALTER COLUMN %I SET STATISTICS %s', s.nspname, c.relname, a.attname, a.attstattarget)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace s ON s.oid = c.relnamespace
WHERE c.oid = :oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attstattarget >= 0;

-- part: place; name: options of columns
SELECT format('ALTER TABLE %I.%I ALTER COLUMN %I SET (%s)', s.nspname, c.relname, a.attname,
  array_to_string(a.attoptions, ', '))
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace s ON s.oid = c.relnamespace
WHERE c.oid = :oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attoptions IS NOT NULL;

-- part: place; name: targets of statistics of indexed expressions
SELECT format('ALTER INDEX %I.%I ALTER COLUMN %s SET STATISTICS %s', s.nspname, x.relname, a.attnum, a.attstattarget)
FROM pg_attribute a JOIN pg_index i ON i.indexrelid = a.attrelid JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_namespace s ON s.oid = x.relnamespace WHERE i.indrelid = :oid AND a.attstattarget >= 0;

-- part: place; name: comment on the table
SELECT format('COMMENT ON TABLE %I.%I IS %L', s.nspname, c.relname, obj_description(c.oid, 'pg_class'))
FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
WHERE c.oid = :oid AND obj_description(c.oid, 'pg_class') IS NOT NULL;

-- part: place; name: comments on constraints
SELECT format('COMMENT ON CONSTRAINT %I ON %I.%I IS %L', n.conname, s.nspname, c.relname,
  obj_description(n.oid, 'pg_constraint'))
FROM pg_constraint n JOIN pg_class c ON c.oid = n.conrelid JOIN pg_namespace s ON s.oid = c.relnamespace
WHERE c.oid = :oid AND obj_description(n.oid, 'pg_constraint') IS NOT NULL;

-- part: place; name: comments on indexes
SELECT format('COMMENT ON INDEX %I.%I IS %L', s.nspname, x.relname, obj_description(x.oid, 'pg_class'))
FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_namespace s ON s.oid = x.relnamespace
WHERE i.indrelid = :oid AND obj_description(x.oid, 'pg_class') IS NOT NULL;

-- part: place; name: the index by which it is clustered
SELECT format('ALTER TABLE %I.%I CLUSTER ON %I', s.nspname, c.relname, x.relname)
FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace s ON s.oid = c.relnamespace WHERE c.oid = :oid AND i.indisclustered;

-- part: place; name: replica identity
SELECT format('ALTER TABLE %I.%I REPLICA IDENTITY %s', s.nspname, c.relname, CASE c.relreplident
  WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING' ELSE (
    SELECT format('USING INDEX %I', x.relname) FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
    WHERE i.indrelid = c.oid AND i.indisreplident) END)
FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace WHERE c.oid = :oid AND c.relreplident <> 'd';

-- part: place; name: owner of statistics objects
SELECT format('ALTER STATISTICS %I.%I OWNER TO %s', n.nspname, e.stxname, e.stxowner::regrole)
FROM pg_statistic_ext e JOIN pg_namespace n ON n.oid = e.stxnamespace, pg_class m
WHERE e.stxrelid = :oid AND m.oid = CAST(:made AS regclass) AND m.relowner <> e.stxowner;

-- part: place; name: no rights but those that were granted: not what is granted here on every new table
SELECT DISTINCT format('REVOKE ALL ON %I.%I FROM %s', s.nspname, c.relname,
  CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END)
FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace, pg_class m, aclexplode(m.relacl) AS g
WHERE c.oid = :oid AND m.oid = CAST(:made AS regclass);

-- part: place; name: not even all of the owner's
SELECT format('REVOKE ALL ON %I.%I FROM %s', s.nspname, c.relname, c.relowner::regrole)
FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace WHERE c.oid = :oid AND c.relacl IS NOT NULL;

-- part: place; name: rights
SELECT format('GRANT %s ON %I.%I TO %s%s', g.privilege_type, s.nspname, c.relname,
  CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END,
  CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace, pg_class m,
  aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) AS g
WHERE c.oid = :oid AND m.oid = CAST(:made AS regclass) AND (c.relacl IS NOT NULL OR m.relacl IS NOT NULL);

-- part: place; name: rights on columns
SELECT format('GRANT %s (%I) ON %I.%I TO %s%s', g.privilege_type, a.attname, s.nspname, c.relname,
  CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END,
  CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace s ON s.oid = c.relnamespace,
  aclexplode(a.attacl) AS g
WHERE c.oid = :oid AND a.attnum > 0 AND NOT a.attisdropped;

-- part: place; name: rights on sequences of identity columns
SELECT format('%s ON SEQUENCE %I.%I %s', each.verb, n.nspname, s.relname, each.whom)
FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_namespace n ON n.oid = s.relnamespace,
LATERAL (
  SELECT 0, 'REVOKE ALL', format('FROM %s', s.relowner::regrole)
  UNION ALL
  SELECT 1, format('GRANT %s', g.privilege_type), format('TO %s%s',
    CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END,
    CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
  FROM aclexplode(s.relacl) AS g) AS each (place, verb, whom)
WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = :oid
  AND d.deptype = 'i' AND s.relacl IS NOT NULL ORDER BY each.place;

-- part: values; name: sequences of identity columns
SELECT format('%I.%I', n.nspname, s.relname), q.seqcache
FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_sequence q ON q.seqrelid = s.oid
JOIN pg_namespace n ON n.oid = s.relnamespace
WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = :oid
  AND d.deptype = 'i' ORDER BY 1;
