-- Tokens of the read side that count no more, by their id (jti). expires_at:
-- after that nobody need remember; NULL: for ever.
CREATE TABLE IF NOT EXISTS revoked_tokens (
  tenant VARCHAR(64) NOT NULL,
  id VARCHAR(64) NOT NULL,
  revoked_at DATETIME(3) NOT NULL,
  expires_at DATETIME(3) NULL,
  PRIMARY KEY (tenant, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
