/*
 * replay_log: see replay_log.h.
 */
#include "aggregator/simulation/replay_log.h"

#include <stdlib.h>

#include "common/base/prog.h"
#include "common/base/xalloc.h"

#include "aggregator/model/model.h"

void
replay_log_release(struct replay_log *n)
{
	free(n->v);
	buf_release(&n->lines);
	flat_release(&n->flat);
	*n = (struct replay_log){ .v = NULL };
}

static bool
is_of_interest(const struct record *r)
{
	switch (r->type) {
	case RECORD_OPERATOR:
	case RECORD_CHAT:
	case RECORD_LIMIT:
		return true;
	case RECORD_MESSAGE:
		return !r->about;
	case RECORD_UNKNOWN:
	case RECORD_SNAPSHOT:
	case RECORD_VIEW:
	case RECORD_EVENT:
	case RECORD_ASSIGNMENT:
	case RECORD_ROW:
	case RECORD_TYPES:
		break;
	}
	return false;
}

void
replay_log_add(struct replay_log *n, const struct record *r, const char *line,
    size_t len, int64_t snapshot_at)
{
	int64_t when =
	    snapshot_at != CLOCK_NONE ? snapshot_at : model_record_time(r);
	int64_t at = r->at;

	if (!is_of_interest(r))
		return;
	/* As the model dates a chat without a time. */
	if (r->type == RECORD_CHAT && at == CLOCK_NONE)
		at = snapshot_at;
	/* A record without a time is applied with the previous one. */
	if (when == CLOCK_NONE && n->n > 0)
		when = n->v[n->n - 1].when;
	XGROW(n->v, n->n, n->cap);
	n->v[n->n++] = (struct replay_entry){ .when = when,
		.at = at,
		.available_at = r->available_at,
		.line = n->lines.len,
		.len = len,
		.what = REPLAY_RECORD };
	buf_add(&n->lines, line, len);
}

void
replay_log_mark(struct replay_log *n, enum replay_kind what, int64_t at)
{
	XGROW(n->v, n->n, n->cap);
	n->v[n->n++] =
	    (struct replay_entry){ .when = at, .at = at, .what = what };
}

static int
compare_entries(const void *a, const void *b)
{
	const struct replay_entry *x = a, *y = b;

	if (x->when != y->when)
		return x->when < y->when ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

void
replay_log_sort(struct replay_log *n)
{
	static const char behind[64]; /* see record_parse() */
	size_t i;

	buf_add(&n->lines, behind, sizeof behind);
	for (i = 0; i < n->n; i++)
		n->v[i].order = i;
	sort_array(n->v, n->n, sizeof *n->v, compare_entries);
}

void
replay_log_read(
    struct replay_log *n, const struct replay_entry *e, struct record *r)
{
	struct buf why = BUF_INIT;

	/* It has been read before. */
	if (record_parse(r, &n->flat, n->lines.data + e->line, e->len, &why) ==
	    -1)
		prog_die(PROG_SOFTWARE,
		    "bug: a record cannot be read a second time: %s",
		    buf_str(&why));
	buf_release(&why);
	r->at = e->at;
	r->available_at = e->available_at;
}
