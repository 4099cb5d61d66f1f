-- Response times by channel: that of the message that ended the interval. It is
-- not known of what was stored before.
ALTER TABLE intervals ADD COLUMN channel VARCHAR(191) NULL AFTER operator;
