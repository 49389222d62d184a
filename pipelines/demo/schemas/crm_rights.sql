-- The reading role sees everything, the engine's own schema too, and writes temporary tables only; the writing role
-- changes rows, keeps its journal in a schema of its own and removes residue, but alters no table.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO ardoise_read, ardoise_write;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO ardoise_read;
GRANT SELECT, INSERT, UPDATE, DELETE, MAINTAIN ON ALL TABLES IN SCHEMA public TO ardoise_write;
GRANT CREATE, TEMPORARY ON DATABASE crm TO ardoise_write;
GRANT TEMPORARY ON DATABASE crm TO ardoise_read;
ALTER DEFAULT PRIVILEGES FOR ROLE ardoise_write GRANT USAGE ON SCHEMAS TO ardoise_read;
ALTER DEFAULT PRIVILEGES FOR ROLE ardoise_write GRANT SELECT ON TABLES TO ardoise_read;
