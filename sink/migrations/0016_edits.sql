-- The newest edit of a message that the tenant had: a message that is older may
-- have a newer version at another time. What was edited before this is not
-- known, so any message of before counts as one that may.
ALTER TABLE tenants ADD COLUMN edited_at DATETIME(3) NULL;
UPDATE tenants SET edited_at = UTC_TIMESTAMP(3) WHERE edited_at IS NULL;
