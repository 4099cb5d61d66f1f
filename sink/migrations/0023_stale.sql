-- From when on a tenant's metrics count as stale: three polling intervals after
-- its newest snapshot was stored.
ALTER TABLE tenants ADD COLUMN stale_at DATETIME(3) NULL;
UPDATE tenants SET stale_at = stored_at + INTERVAL 3 MINUTE
  WHERE stale_at IS NULL;
