/*
 * chat_state: see chat_state.h. Numbers in the machine's own order: the file
 * never leaves it. Texts are kept with their NUL, so that they can be used
 * where they are.
 */
#include "poller/chat_state.h"

#include <stdlib.h>
#include <string.h>

#include "common/xalloc.h"

#define FORMAT 1

enum { CLOSING = 1, FETCHED = 2 }; /* flags of a message */

struct head {
	uint32_t format;
	uint32_t failures;
	int64_t opened_at, since, left_at;
	uint32_t settled;
	uint32_t messages;
};

struct reader {
	const char *p, *end;
	bool bad;
};

void
chat_state_release(struct chat_state *c)
{
	free(c->mark);
	free(c->episode);
	history_release(&c->history);
	*c = (struct chat_state){ .mark = NULL };
}

static void
put_text(struct buf *b, const char *s)
{
	uint32_t n = (uint32_t)strlen(s);

	buf_add(b, &n, sizeof n);
	buf_add(b, s, n + 1);
}

void
chat_state_encode(const struct chat_state *c, struct buf *out)
{
	struct head h = { FORMAT, c->failures, c->opened_at, c->since,
		c->left_at, c->settled, (uint32_t)c->history.n };
	size_t i;

	buf_add(out, &h, sizeof h);
	put_text(out, c->mark);
	put_text(out, c->episode);
	for (i = 0; i < c->history.n; i++) {
		const struct history_message *m = &c->history.messages[i];
		char flags = (char)((m->closing ? CLOSING : 0) |
				    (m->fetched ? FETCHED : 0));

		buf_add(out, &m->at, sizeof m->at);
		buf_add(out, &flags, 1);
		put_text(out, m->id);
		put_text(out, m->episode);
		put_text(out, m->body);
	}
}

static void
get(struct reader *r, void *to, size_t n)
{
	if ((size_t)(r->end - r->p) < n) {
		r->bad = true;
		memset(to, 0, n);
		return;
	}
	memcpy(to, r->p, n);
	r->p += n;
}

/* Borrowed, "" when something is wrong. */
static const char *
get_text(struct reader *r, size_t *len)
{
	const char *s;
	uint32_t n;

	get(r, &n, sizeof n);
	s = r->p;
	if (r->bad || (size_t)(r->end - s) <= n || s[n] != '\0') {
		r->bad = true;
		*len = 0;
		return "";
	}
	r->p += n + 1;
	*len = n;
	return s;
}

struct entry {
	int64_t at;
	bool closing, fetched;
	const char *id, *episode, *body;
	size_t len; /* of body */
};

static bool
get_entry(struct reader *r, struct entry *e)
{
	size_t len;
	char flags;

	get(r, &e->at, sizeof e->at);
	get(r, &flags, 1);
	e->closing = (flags & CLOSING) != 0;
	e->fetched = (flags & FETCHED) != 0;
	e->id = get_text(r, &len);
	e->episode = get_text(r, &len);
	e->body = get_text(r, &e->len);
	return !r->bad;
}

static void
get_head(struct reader *r, struct head *h)
{
	get(r, h, sizeof *h);
	r->bad |= h->format != FORMAT;
}

int
chat_state_decode(struct chat_state *c, const void *data, size_t len)
{
	struct reader r = { data, (const char *)data + len, false };
	struct history_message m;
	struct head h;
	struct entry e;
	size_t n;
	uint32_t i;

	*c = (struct chat_state){ .history = HISTORY_INIT };
	get_head(&r, &h);
	c->failures = h.failures;
	c->opened_at = h.opened_at;
	c->since = h.since;
	c->left_at = h.left_at;
	c->settled = h.settled != 0;
	c->mark = xstrdup(get_text(&r, &n));
	c->episode = xstrdup(get_text(&r, &n));
	for (i = 0; i < h.messages && !r.bad && get_entry(&r, &e); i++) {
		/* history_put() copies. */
		m = (struct history_message){ (char *)(uintptr_t)e.id,
			(char *)(uintptr_t)e.episode, (char *)(uintptr_t)e.body,
			e.at, e.closing, e.fetched };
		history_put(&c->history, &m);
	}
	c->history.sorted = true; /* as they were put in */
	if (!r.bad)
		return 0;
	chat_state_release(c);
	return -1;
}

int
chat_peek_decode(struct chat_peek *p, const void *data, size_t len)
{
	struct reader r = { data, (const char *)data + len, false };
	struct head h;
	size_t n;

	get_head(&r, &h);
	p->failures = h.failures;
	p->opened_at = h.opened_at;
	p->left_at = h.left_at;
	p->settled = h.settled != 0;
	p->mark = get_text(&r, &n);
	(void)get_text(&r, &n);
	p->messages = r.p;
	p->end = r.end;
	return r.bad ? -1 : 0;
}

bool
chat_peek_next(struct chat_peek *p, int64_t *at, const char **body, size_t *len)
{
	struct reader r = { p->messages, p->end, false };
	struct entry e;

	if (r.p == r.end || !get_entry(&r, &e))
		return false;
	p->messages = r.p;
	*at = e.at;
	*body = e.body;
	*len = e.len;
	return true;
}
