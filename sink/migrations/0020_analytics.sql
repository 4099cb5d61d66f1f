-- The hours that a period cuts are added up from this key alone.
ALTER TABLE message_analytics DROP KEY by_time, ADD KEY by_time (tenant,
  created_at, channel_id, direction, sentiment_score, response_time);
