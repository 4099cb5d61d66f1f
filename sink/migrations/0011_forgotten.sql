-- Whom reaper --forget forgot, without telling who that is: digest is a hash of
-- an id, with a key of the tenant. kind: customer, user (where ids of operators
-- stand, too) or chat; alias: what stands in place of the id. Rows about them
-- that are not newer than asked_at are stored without what tells of a person.
CREATE TABLE IF NOT EXISTS forgotten (
  tenant VARCHAR(64) NOT NULL,
  digest CHAR(32) NOT NULL,
  kind VARCHAR(16) NOT NULL,
  alias VARCHAR(191) NULL,
  asked_at DATETIME(3) NOT NULL,
  done_at DATETIME(3) NULL,
  PRIMARY KEY (tenant, digest)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- The key, NULL before the first; and a number that grows whenever that table
-- changes, by which sinks know that they have to read it again.
ALTER TABLE tenants ADD COLUMN forget_key CHAR(32) NULL;
ALTER TABLE tenants ADD COLUMN forgets BIGINT NOT NULL DEFAULT 0;
