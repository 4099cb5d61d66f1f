/*
 * replay_log: see replay_log.h.
 */
#include "aggregator/allocation/replay_log.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

void
replay_log_release(struct replay_log *n)
{
	free(n->v);
	*n = (struct replay_log){ .v = NULL };
}

static const char *
intern_text(struct strmap *texts, struct text t)
{
	void **slot;

	if (t.p == NULL)
		return NULL;
	slot = strmap_put(texts, t.p, t.len);
	if (*slot == NULL)
		*slot = xstrndup(t.p, t.len);
	return *slot;
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

/* When it happened; of a chat record without a time: when it was opened. */
static int64_t
replay_record_time(const struct record *r)
{
	return r->at == CLOCK_NONE && r->type == RECORD_CHAT ? r->opened_at
							     : r->at;
}

void
replay_log_add(struct replay_log *n, struct strmap *texts,
    const struct record *r, int64_t snapshot_at)
{
	int64_t when =
	    snapshot_at != CLOCK_NONE ? snapshot_at : replay_record_time(r);
	struct replay_entry *to;

	if (!is_of_interest(r))
		return;
	/* A record without a time is applied with the one before it. */
	if (when == CLOCK_NONE && n->n > 0)
		when = n->v[n->n - 1].when;
	XGROW(n->v, n->n, n->cap);
	to = &n->v[n->n++];
	*to = (struct replay_entry){ .when = when,
		.at = r->at,
		.opened_at = r->opened_at,
		.available_at = r->available_at,
		.max_chats = r->max_chats,
		.chat = intern_text(texts, r->chat),
		.operator_id = intern_text(texts, r->operator_id),
		.customer = intern_text(texts, r->customer),
		.channel = intern_text(texts, r->channel),
		.tags = intern_text(texts, r->tags),
		.assignment = intern_text(texts, r->assignment),
		.name = intern_text(texts, r->name),
		.what = REPLAY_RECORD,
		.type = (uint8_t)r->type,
		.status = (uint8_t)r->status,
		.from = (uint8_t)r->from,
		.available = r->available,
		.has_available = r->has_available,
		.quiet = r->is_private || r->automated,
		.stale = r->stale };
	if (r->from == FROM_SYSTEM)
		to->kind = intern_text(texts, r->kind);
	/* Others change neither the status nor the operator. */
	if (r->from == FROM_CUSTOMER || r->from == FROM_SYSTEM)
		to->id = intern_text(texts, r->id);
}

static void
add_snapshot_marker(struct replay_log *to, enum replay_kind what, int64_t at)
{
	XGROW(to->v, to->n, to->cap);
	to->v[to->n++] = (struct replay_entry){
		.when = at, .at = at, .what = (uint8_t)what
	};
}

void
replay_log_add_snapshot(
    struct replay_log *to, struct replay_log *snapshot, int64_t at)
{
	size_t i;

	add_snapshot_marker(to, REPLAY_SNAPSHOT_BEGIN, at);
	for (i = 0; i < snapshot->n; i++) {
		XGROW(to->v, to->n, to->cap);
		to->v[to->n++] = snapshot->v[i];
	}
	add_snapshot_marker(to, REPLAY_SNAPSHOT_END, at);
	replay_log_release(snapshot);
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
	size_t i;

	for (i = 0; i < n->n; i++)
		n->v[i].order = i;
	if (n->n > 1)
		qsort(n->v, n->n, sizeof *n->v, compare_entries);
}

static struct text
text_or_none(const char *s)
{
	return (struct text){ s, s != NULL ? strlen(s) : 0 };
}

void
replay_entry_record(const struct replay_entry *e, struct record *r)
{
	record_clear(r);
	r->type = (enum record_type)e->type;
	r->status = (enum chat_status)e->status;
	r->from = (enum message_from)e->from;
	r->at = e->at;
	r->opened_at = e->opened_at;
	r->available_at = e->available_at;
	r->max_chats = e->max_chats;
	r->chat = text_or_none(e->chat);
	r->operator_id = text_or_none(e->operator_id);
	r->customer = text_or_none(e->customer);
	r->channel = text_or_none(e->channel);
	r->tags = text_or_none(e->tags);
	r->kind = text_or_none(e->kind);
	r->assignment = text_or_none(e->assignment);
	r->name = text_or_none(e->name);
	r->id = text_or_none(e->id);
	r->available = e->available;
	r->has_available = e->has_available;
	r->is_private = e->quiet;
	r->stale = e->stale;
}
