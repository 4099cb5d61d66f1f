-- The intervals of an operator, newest first, cost what the answer has, not
-- what all operators together have.
ALTER TABLE intervals
  ADD KEY by_operator (tenant, operator, end_at, chat, message, kind);
