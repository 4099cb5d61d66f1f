/*
 * chat_state: see chat_state.h. The bytes are the chat's own members, the
 * number of messages, and each message; texts end with NUL.
 */
#include "poller/store/chat_state.h"

#include <stdlib.h>

#include "common/base/xalloc.h"
#include "common/containers/pack.h"

#define LAYOUT 4

/* Bytes: a time, flags, and length and NUL of three texts. */
#define MESSAGE_LEAST 8

enum { CLOSING = 1, FETCHED = 2 }; /* flags of a message */

void
chat_state_release(struct chat_state *c)
{
	free(c->row);
	free(c->mark);
	free(c->episode);
	free(c->operator_id);
	history_release(&c->history);
	*c = (struct chat_state){ .row = NULL };
}

void
chat_state_encode(const struct chat_state *c, struct buf *out)
{
	const struct history_message *m;
	size_t i;

	pack_put_number(out, LAYOUT);
	pack_put_number(out, c->failures);
	pack_put_number(out, c->complete);
	pack_put_signed(out, c->opened_at);
	pack_put_signed(out, c->since);
	pack_put_signed(out, c->left_at);
	pack_put_string(out, c->row != NULL ? c->row : "");
	pack_put_string(out, c->mark);
	pack_put_string(out, c->episode);
	pack_put_string(out, c->operator_id);
	pack_put_number(out, c->history.n);
	for (i = 0; i < c->history.n; i++) {
		m = &c->history.messages[i];
		pack_put_signed(out, m->at);
		pack_put_number(out,
		    (m->closing ? CLOSING : 0u) | (m->fetched ? FETCHED : 0u));
		pack_put_string(out, m->id);
		pack_put_string(out, m->episode);
		pack_put_string(out, m->body);
	}
}

/* What stands before the messages; borrowed. */
struct chat_head {
	struct pack rest;
	struct chat_peek peek;
	int64_t since;
	const char *episode;
	uint64_t messages;
};

static struct chat_head
get_head(const void *data, size_t len)
{
	struct chat_head h = { .rest = pack_open(data, len, LAYOUT) };
	struct pack *r = &h.rest;
	size_t n;

	h.peek.failures = (unsigned)pack_number(r);
	h.peek.complete = pack_number(r) != 0;
	h.peek.opened_at = pack_signed(r);
	h.since = pack_signed(r);
	h.peek.left_at = pack_signed(r);
	h.peek.row = pack_string(r, &n);
	h.peek.mark = pack_string(r, &n);
	h.episode = pack_string(r, &n);
	h.peek.operator_id = pack_string(r, &n);
	h.messages = pack_count(r, MESSAGE_LEAST);
	return h;
}

struct stored_message {
	int64_t at;
	bool closing, fetched;
	const char *id, *episode, *body;
	size_t len; /* of body */
};

static bool
get_message(struct pack *r, struct stored_message *e)
{
	uint64_t flags;
	size_t len;

	e->at = pack_signed(r);
	flags = pack_number(r);
	e->closing = (flags & CLOSING) != 0;
	e->fetched = (flags & FETCHED) != 0;
	e->id = pack_string(r, &len);
	e->episode = pack_string(r, &len);
	e->body = pack_string(r, &e->len);
	return !r->bad;
}

int
chat_state_decode(struct chat_state *c, const void *data, size_t len)
{
	struct chat_head h = get_head(data, len);
	struct history_message m;
	struct stored_message e;

	*c = (struct chat_state){ .history = HISTORY_INIT };
	c->failures = h.peek.failures;
	c->complete = h.peek.complete;
	c->opened_at = h.peek.opened_at;
	c->since = h.since;
	c->left_at = h.peek.left_at;
	c->row = xstrdup(h.peek.row);
	c->mark = xstrdup(h.peek.mark);
	c->episode = xstrdup(h.episode);
	c->operator_id = xstrdup(h.peek.operator_id);
	for (; h.messages > 0 && get_message(&h.rest, &e); h.messages--) {
		/* history_put() copies. */
		m = (struct history_message){ (char *)(uintptr_t)e.id,
			(char *)(uintptr_t)e.episode, (char *)(uintptr_t)e.body,
			e.at, e.closing, e.fetched };
		history_put(&c->history, &m);
	}
	c->history.sorted = true; /* they were encoded in order */
	if (pack_end(&h.rest) == 0)
		return 0;
	chat_state_release(c);
	return -1;
}

int
chat_peek_decode(struct chat_peek *p, const void *data, size_t len)
{
	struct chat_head h = get_head(data, len);

	*p = h.peek;
	p->messages = h.rest;
	return h.rest.bad ? -1 : 0;
}

bool
chat_peek_next(struct chat_peek *p, int64_t *at, const char **body, size_t *len)
{
	struct stored_message e;

	if (!pack_more(&p->messages) || !get_message(&p->messages, &e))
		return false;
	*at = e.at;
	*body = e.body;
	*len = e.len;
	return true;
}
