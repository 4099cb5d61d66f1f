/*
 * flush_answers: see flush_answers.h.
 */
#include "sink/read/flush_answers.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/json/jsonw.h"

/* Each run of an aggregator is another writer: above this number, the old ones
 * are dropped, and their writers have to send again. */
#define ROUNDS_MAX 1000

struct round {
	int64_t n, seen;       /* flushes 1 to seen were read */
	char *tenant, *reason; /* of the first one that was refused */
};

struct asked {
	char *reply_to;
	char writer[FLUSH_WRITER + 1];
	int64_t round, flushes;
	uint64_t after; /* safe with this flush of the stage; 0: not known */
};

void
flush_answers_init(struct flush_answers *a, struct endpoint *in)
{
	memset(a, 0, sizeof *a);
	a->in = in;
	a->rounds = (struct strmap)STRMAP_INIT;
}

static void
free_round(void *p)
{
	struct round *r = p;

	if (r == NULL)
		return;
	free(r->tenant);
	free(r->reason);
	free(r);
}

void
flush_answers_release(struct flush_answers *a)
{
	size_t i;

	for (i = 0; i < a->n; i++)
		free(a->list[i].reply_to);
	free(a->list);
	strmap_release(&a->rounds, free_round);
}

/* Returns the flush's round, if it is the writer's newest; otherwise begins
 * it. */
static struct round *
round_of(struct flush_answers *a, const struct flush *f)
{
	struct round *r;
	void **slot;

	if (a->rounds.live > ROUNDS_MAX) {
		strmap_release(&a->rounds, free_round);
		a->rounds = (struct strmap)STRMAP_INIT;
	}
	slot = strmap_put(&a->rounds, f->writer.p, f->writer.len);
	r = *slot;
	if (r != NULL && r->n == f->round)
		return r;
	free_round(r);
	*slot = r = xcalloc(1, sizeof *r);
	r->n = f->round;
	return r;
}

void
flush_answers_read(struct flush_answers *a, const struct flush *f)
{
	struct round *r = round_of(a, f);

	if (f->index == r->seen + 1)
		r->seen++;
}

void
flush_answers_refuse(struct flush_answers *a, const struct flush *f)
{
	struct round *r = strmap_get(&a->rounds, f->writer.p, f->writer.len);

	if (r == NULL || r->n != f->round || r->reason != NULL)
		return;
	r->tenant = text_dup(f->tenant);
	r->reason = xstrdup(f->reason);
}

void
flush_answers_ask(struct flush_answers *a, const struct sent *s)
{
	const char *reply_to = endpoint_reply_to(a->in);
	struct asked *q;

	if (reply_to == NULL)
		return;
	XGROW(a->list, a->n, a->cap);
	q = &a->list[a->n++];
	*q = (struct asked){ .reply_to = xstrdup(reply_to),
		.round = s->round,
		.flushes = s->flushes };
	memcpy(q->writer, s->writer.p, FLUSH_WRITER);
}

void
flush_answers_flush(struct flush_answers *a)
{
	size_t i;

	a->begun++;
	for (i = a->n; i > 0 && a->list[i - 1].after == 0; i--)
		a->list[i - 1].after = a->begun;
}

static void
answer(struct flush_answers *a, const struct asked *q)
{
	const struct round *r = strmap_get(&a->rounds, q->writer, FLUSH_WRITER);
	bool whole = q->flushes == 0 ||
		     (r != NULL && r->n == q->round && r->seen >= q->flushes);
	bool refused = r != NULL && r->n == q->round && r->reason != NULL;
	struct buf b = BUF_INIT;

	jsonw_open(&b);
	jsonw_str(&b, "writer", q->writer);
	jsonw_int(&b, "n", q->round);
	jsonw_str(&b, "result",
	    refused ? "refused"
	    : whole ? "stored"
		    : "again");
	if (refused) {
		jsonw_str(&b, "tenant", r->tenant);
		jsonw_str(&b, "reason", r->reason);
	}
	jsonw_close(&b);
	endpoint_reply(a->in, q->reply_to, buf_str(&b), b.len);
	buf_release(&b);
}

void
flush_answers_confirm(struct flush_answers *a, size_t n)
{
	size_t i = 0;

	a->confirmed += n;
	for (; i < a->n && a->list[i].after != 0 &&
	       a->list[i].after <= a->confirmed;
	     i++) {
		answer(a, &a->list[i]);
		free(a->list[i].reply_to);
	}
	a->n -= i;
	memmove(a->list, a->list + i, a->n * sizeof *a->list);
}
