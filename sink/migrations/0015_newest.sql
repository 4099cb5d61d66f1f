-- The newest time that rows about a tenant had: tombstones of a stream age by
-- it. It never falls, though the row that is stored may become one of an older
-- time: a stream that begins anew writes newer versions.
ALTER TABLE tenants ADD COLUMN newest_at DATETIME(3) NULL;
UPDATE tenants t JOIN tenant_metrics_all m USING (tenant)
SET t.newest_at = LEAST(m.as_of, UTC_TIMESTAMP(3)) WHERE t.newest_at IS NULL;
