-- A chat's history and its intervals cost what the chat has, not what its
-- tenant has. The rest of the primary key stands behind these columns anyway.
ALTER TABLE messages ADD KEY by_chat (tenant, conversation_id, created_at);
ALTER TABLE intervals ADD KEY by_chat (tenant, chat, end_at);
