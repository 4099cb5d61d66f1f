/*
 * chat_texts: see chat_texts.h.
 */
#include "aggregator/model/chat_texts.h"

#include <stdlib.h>
#include <string.h>

#include "aggregator/model/model_memory.h"

/* Updated, chat, id. */
#define TEXT_KEY (MESSAGE_ID_TEXT + 8 + RECORD_MAX_ID + 1)

/* A text is kept for each version of a message: updated, chat, id. */
#define TEXT_KEY (MESSAGE_ID_TEXT + 8 + RECORD_MAX_ID + 1)

static size_t
text_key(char key[TEXT_KEY], struct text chat, struct text id, int64_t updated)
{
	memcpy(key, &updated, 8);
	memcpy(key + 8, chat.p, chat.len);
	key[8 + chat.len] = '\0';
	memcpy(key + 9 + chat.len, id.p, id.len);
	return 9 + chat.len + id.len;
}

void
texts_keep(struct model *m, const struct record *r)
{
	char key[TEXT_KEY], *text;
	void **slot;

	if (r->text.p == NULL || m->text_of == NULL ||
	    !text_is(r->chat, m->text_of))
		return;
	slot = strmap_put(&m->private->texts, key,
	    text_key(key, r->chat, r->id, r->updated_at));
	text = text_dup(r->text);
	free(*slot);
	*slot = text;
}

struct text
model_text(
    const struct model *m, const struct chat *c, const struct message *message)
{
	char key[TEXT_KEY], buf[MESSAGE_ID_TEXT];
	struct text t,
	    id = message_id_text(&m->lexicon.message_ids, message->id, buf);

	t.p = strmap_get(&m->private->texts, key,
	    text_key(key, chat_id(c), id, message_updated_at(message)));
	t.len = t.p != NULL ? strlen(t.p) : 0;
	return t;
}
