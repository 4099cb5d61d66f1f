-- The first receipt of a message is looked up by message: once, not once a day
-- that is kept.
ALTER TABLE message_views REMOVE PARTITIONING;
