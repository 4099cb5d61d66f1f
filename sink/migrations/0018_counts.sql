-- The sums of response_rollups have a letter for a count that took digits and a
-- comma. All of them are added up again, as those of 0012 were: sink --migrate
-- does that.
INSERT INTO rollups_due (tenant, day, done)
  SELECT DISTINCT tenant, DATE(`hour`), 0 FROM response_hours
  ON DUPLICATE KEY UPDATE done = 0;
INSERT INTO rollups_due (tenant, day, done)
  SELECT DISTINCT tenant, DATE(`hour`), 0 FROM response_hours_parts
  ON DUPLICATE KEY UPDATE done = 0;
DELETE FROM response_rollups;
