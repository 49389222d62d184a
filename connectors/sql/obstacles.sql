-- PostgreSQL: what stands in the way of a strategy for one table (:oid) and role (:role), one sentence for each. Each
-- query says nothing, or why not. What it names are objects of the catalogue.

-- part: rewrite; name: kind
SELECT 'it is no ordinary table' FROM pg_class c
WHERE c.oid = :oid AND (c.relkind <> 'r' OR c.reloftype <> 0 OR c.relpersistence = 't');

-- part: rewrite; name: inheritance
SELECT 'it is a partition, or inherits, or others inherit from it' FROM pg_class c
WHERE c.oid = :oid AND (c.relispartition OR EXISTS (
  SELECT FROM pg_inherits h WHERE h.inhparent = c.oid OR h.inhrelid = c.oid));

-- part: rewrite; name: foreign_keys
SELECT format('foreign keys point at it (%s)', string_agg(DISTINCT n.conrelid::regclass::text, ', '))
FROM pg_constraint n WHERE n.contype = 'f' AND n.confrelid = :oid HAVING count(*) > 0;

-- part: rewrite; name: triggers
SELECT format('it has triggers (%s)', string_agg(t.tgname, ', ' ORDER BY t.tgname))
FROM pg_trigger t WHERE t.tgrelid = :oid AND NOT t.tgisinternal HAVING count(*) > 0;

-- part: rewrite; name: rules
SELECT format('it has rules (%s)', string_agg(r.rulename, ', ' ORDER BY r.rulename))
FROM pg_rewrite r WHERE r.ev_class = :oid HAVING count(*) > 0;

-- part: rewrite; name: row_security
SELECT 'policies decide on who sees which row' FROM pg_class c
WHERE c.oid = :oid AND (c.relrowsecurity OR c.relforcerowsecurity OR EXISTS (
  SELECT FROM pg_policy p WHERE p.polrelid = c.oid));

-- part: rewrite; name: dependents
SELECT format('views, functions or others depend on it (%s)', string_agg(DISTINCT
  CASE d.classid WHEN 'pg_rewrite'::regclass THEN (SELECT r.ev_class::regclass::text FROM pg_rewrite r WHERE r.oid = d.objid)
  ELSE pg_describe_object(d.classid, d.objid, 0) END, ', '))
FROM pg_class c JOIN pg_depend d ON (d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid)
  OR (d.refclassid = 'pg_type'::regclass AND d.refobjid IN (
    SELECT y.oid FROM pg_type y WHERE y.oid = c.reltype OR y.typelem = c.reltype AND y.typcategory = 'A'))
WHERE c.oid = :oid AND NOT CASE d.classid
  WHEN 'pg_class'::regclass THEN d.objid = c.oid OR d.deptype IN ('i', 'a') OR EXISTS (
    SELECT FROM pg_index i WHERE i.indexrelid = d.objid AND i.indrelid = c.oid)
  WHEN 'pg_constraint'::regclass THEN TRUE
  WHEN 'pg_attrdef'::regclass THEN EXISTS (SELECT FROM pg_attrdef f WHERE f.oid = d.objid AND f.adrelid = c.oid)
  WHEN 'pg_type'::regclass THEN d.objid = c.reltype OR EXISTS (
    SELECT FROM pg_type y WHERE y.oid = d.objid AND y.typelem = c.reltype AND y.typcategory = 'A')
  ELSE d.classid IN ('pg_statistic_ext'::regclass, 'pg_trigger'::regclass, 'pg_policy'::regclass,
    'pg_publication_rel'::regclass)
    OR EXISTS (SELECT FROM pg_rewrite r WHERE d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid AND r.ev_class = c.oid)
  END
HAVING count(*) > 0;

-- part: rewrite; name: publications
SELECT format('it is published (%s)', string_agg(p.pubname, ', ' ORDER BY p.pubname))
FROM pg_publication_tables p JOIN pg_class c ON c.relname = p.tablename
JOIN pg_namespace s ON s.oid = c.relnamespace AND s.nspname = p.schemaname WHERE c.oid = :oid HAVING count(*) > 0;

-- part: rewrite; name: replication
SELECT 'changes of the database are decoded for others, or the table is fed by a subscription'
WHERE EXISTS (SELECT FROM pg_replication_slots r WHERE r.slot_type = 'logical' AND r.database = current_database())
  OR EXISTS (SELECT FROM pg_subscription_rel s WHERE s.srrelid = :oid);

-- part: rewrite; name: owner
SELECT format('the role %s does not own it', CAST(:role AS text)) FROM pg_class c
WHERE c.oid = :oid AND NOT pg_has_role(CAST(:role AS text), c.relowner, 'MEMBER');

-- part: rewrite; name: schema
SELECT format('the role %s may not create tables beside it', CAST(:role AS text)) FROM pg_class c
WHERE c.oid = :oid AND NOT (has_schema_privilege(CAST(:role AS text), c.relnamespace, 'CREATE')
  AND has_schema_privilege(c.relowner, c.relnamespace, 'CREATE'));

-- part: rewrite; name: references
SELECT format('the role %s may not reference %s', CAST(:role AS text), string_agg(DISTINCT n.confrelid::regclass::text, ', '))
FROM pg_constraint n WHERE n.conrelid = :oid AND n.contype = 'f'
  AND NOT has_table_privilege(CAST(:role AS text), n.confrelid, 'REFERENCES') HAVING count(*) > 0;

-- part: rewrite; name: grantors
SELECT 'others than its owner have granted rights on it' FROM pg_class c
WHERE c.oid = :oid AND EXISTS (
  SELECT FROM aclexplode(c.relacl) g WHERE g.grantor <> c.relowner
  UNION ALL
  SELECT FROM pg_attribute a, aclexplode(a.attacl) g WHERE a.attrelid = c.oid AND g.grantor <> c.relowner);

-- part: rewrite; name: unfinished
SELECT 'a constraint of it is not validated, or an index not valid' FROM pg_class c
WHERE c.oid = :oid AND (EXISTS (SELECT FROM pg_constraint n WHERE n.conrelid = c.oid AND NOT n.convalidated)
  OR EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND NOT (i.indisvalid AND i.indisready)));

-- part: rewrite; name: tablespace
SELECT 'it or an index of it lies in a tablespace of its own'
WHERE EXISTS (SELECT FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
  WHERE (c.oid = :oid OR i.indrelid = :oid) AND c.reltablespace <> 0);

-- part: rewrite; name: extension
SELECT 'it belongs to an extension, or carries a security label'
WHERE EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = :oid AND d.deptype = 'e')
  OR EXISTS (SELECT FROM pg_seclabel l WHERE l.classoid = 'pg_class'::regclass AND l.objoid = :oid);

-- part: rewrite; name: event_triggers
SELECT format('event triggers watch over definitions (%s)', string_agg(e.evtname, ', ' ORDER BY e.evtname))
FROM pg_event_trigger e WHERE e.evtenabled <> 'D' HAVING count(*) > 0;

-- part: rewrite; name: size
SELECT format('with its indexes it takes more than the %s that `most` of its store''s `rewrite` allows',
  pg_size_pretty(CAST(:most AS bigint)))
WHERE pg_total_relation_size(CAST(:oid AS oid)) > CAST(:most AS bigint);

-- part: partitions; name: kind
SELECT 'it has no partitions' FROM pg_class c WHERE c.oid = :oid AND c.relkind <> 'p';

-- part: partitions; name: foreign_keys
SELECT format('foreign keys point at it (%s)', string_agg(DISTINCT n.conrelid::regclass::text, ', '))
FROM pg_constraint n WHERE n.contype = 'f' AND n.conparentid = 0 AND n.confrelid IN (
  SELECT t.relid FROM pg_partition_tree(CAST(:oid AS oid)) t) HAVING count(*) > 0;

-- part: partitions; name: triggers
SELECT format('triggers watch over deletion (%s)', string_agg(DISTINCT t.tgname, ', '))
FROM pg_trigger t WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgtype::int & 40 <> 0 -- DELETE or TRUNCATE
  AND t.tgrelid IN (SELECT p.relid FROM pg_partition_tree(CAST(:oid AS oid)) p) HAVING count(*) > 0;

-- part: partitions; name: rules
SELECT 'it has rules' WHERE EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class IN (
  SELECT p.relid FROM pg_partition_tree(CAST(:oid AS oid)) p));

-- part: partitions; name: row_security
SELECT 'policies decide on who sees which row' FROM pg_class c
WHERE c.oid IN (SELECT p.relid FROM pg_partition_tree(CAST(:oid AS oid)) p)
  AND (c.relrowsecurity OR c.relforcerowsecurity) LIMIT 1;

-- part: partitions; name: publications
SELECT format('it is published (%s)', string_agg(DISTINCT p.pubname, ', '))
FROM pg_publication_tables p JOIN pg_class c ON c.relname = p.tablename
JOIN pg_namespace s ON s.oid = c.relnamespace AND s.nspname = p.schemaname
WHERE c.oid IN (SELECT t.relid FROM pg_partition_tree(CAST(:oid AS oid)) t) HAVING count(*) > 0;

-- part: partitions; name: rights
SELECT format('the role %s may not empty partitions (GRANT TRUNCATE)', CAST(:role AS text))
FROM pg_partition_tree(CAST(:oid AS oid)) p
WHERE p.isleaf AND NOT has_table_privilege(CAST(:role AS text), p.relid, 'TRUNCATE') LIMIT 1;
