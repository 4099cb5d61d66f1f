/*
 * close: see close.h.
 */
#include "reaper/close/close.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/records/record.h"
#include "reaper/close/transaction.h"

void
close_init(struct close_run *c)
{
	memset(c, 0, sizeof *c);
	c->archive.fd = -1;
}

void
close_release(struct close_run *c)
{
	answers_release(&c->answers);
	strmap_release(&c->counts, free);
}

/* Returns a tenant's counts, which are added if the tenant is new. */
static struct close_counts *
counts_of(struct close_run *c, struct text tenant)
{
	void **slot = strmap_put(&c->counts, tenant.p, tenant.len);

	if (*slot == NULL)
		*slot = xcalloc(1, sizeof(struct close_counts));
	return *slot;
}

static struct text
tenant_of(const struct answer *one)
{
	return text_from(one->tenant);
}

static enum outcome
send_dead_letter(struct close_run *c, const char *where, const char *line,
    size_t len, const char *reason)
{
	enum outcome o =
	    deadletter_add(c->stage->dead, where, line, len, reason);

	if (o != OUTCOME_DONE)
		c->stage->code = c->stage->dead->code;
	return o;
}

/* Returns what is wrong with the times in an answer, or NULL. A tombstone in
 * the future would bar the rows of a reopened chat. */
static const char *
find_wrong_time(const struct close_run *c, const struct record *r)
{
	if (r->at == CLOCK_NONE)
		return answer_has_left(r->status)
			   ? "a closed chat needs 'at', the time when the CRM "
			     "was asked"
			   : NULL;
	if (!db_takes_time(r->at))
		return "field 'at' is before the year 1000";
	if (r->closed_at != CLOCK_NONE && !db_takes_time(r->closed_at))
		return "field 'closed_at' is before the year 1000";
	if (c->ahead_ms > 0 && r->at > clock_now_ms() + c->ahead_ms)
		return "ahead: its time is too far after the system clock; see "
		       "[aggregator] ahead";
	return NULL;
}

/* Answers that report an open chat are kept, too, because an older answer may
 * follow that reports it as gone. */
static void
collect_answer(struct close_run *c, const struct record *r)
{
	struct close_counts *t = counts_of(c, r->tenant);

	if (r->status == CHAT_NONE)
		return;
	if (r->status == CHAT_CLOSED)
		t->closed++;
	else if (r->status == CHAT_GONE)
		t->gone++;
	else
		t->open++;
	answers_add(&c->answers, r, endpoint_where(c->stage->in));
}

enum outcome
close_handle(void *ctx, char *line, size_t len)
{
	struct close_run *c = ctx;
	struct flat flat = FLAT_INIT;
	struct buf why = BUF_INIT;
	enum outcome o = OUTCOME_DONE;
	const char *wrong;
	struct record r;

	if (record_parse(&r, &flat, line, len, &why) == -1)
		o = send_dead_letter(
		    c, endpoint_where(c->stage->in), line, len, buf_str(&why));
	else if (r.type != RECORD_CHAT)
		; /* the input may be a stream of all record types */
	else if ((wrong = find_wrong_time(c, &r)) != NULL)
		o = send_dead_letter(
		    c, endpoint_where(c->stage->in), line, len, wrong);
	else if (r.at != CLOCK_NONE)
		collect_answer(c, &r);
	flat_release(&flat);
	buf_release(&why);
	return o;
}

bool
close_gone_is_too_many(
    uint64_t gone, uint64_t known, int64_t percent, int64_t least)
{
	return gone > (uint64_t)least && gone * 100 > known * (uint64_t)percent;
}

static void
set_fate_of_gone(struct answer *list, size_t n, enum answer_fate fate)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (list[i].status == CHAT_GONE)
			list[i].fate = fate;
}

/* Refuses to delete a tenant's gone chats if, together with those of earlier
 * batches, there are too many. */
static enum outcome
limit_share(struct close_run *c, struct answer *list, size_t n, uint64_t gone)
{
	uint64_t deleted = counts_of(c, tenant_of(list))->deleted_gone;
	uint64_t rows = 0, with_rows = 0;
	enum outcome o = OUTCOME_DONE;

	if (gone + deleted > (uint64_t)c->least)
		o = transaction_count(c, list, n, &rows, &with_rows);
	with_rows += deleted;
	rows += deleted;
	if (o != OUTCOME_DONE ||
	    !close_gone_is_too_many(with_rows, rows, c->percent, c->least))
		return o;
	set_fate_of_gone(list, n, FATE_REFUSED);
	c->refused = true;
	log_error("%" PRIu64 " of the %" PRIu64
		  " known chats of tenant '%s' are suddenly missing from the "
		  "CRM; none of their rows were deleted; if they were really "
		  "deleted there, run this again with --force",
	    with_rows, rows, list[0].tenant);
	return OUTCOME_DONE;
}

/* Decides what happens to the gone chats in one tenant's answers. */
static enum outcome
limit_gone(struct close_run *c, struct answer *list, size_t n)
{
	uint64_t gone = 0;
	size_t i;

	for (i = 0; i < n; i++)
		gone += list[i].status == CHAT_GONE;
	if (gone > 0 && !c->whole) {
		set_fate_of_gone(list, n, FATE_KEEP);
		c->unsure += gone;
	} else if (gone > 0 && !c->force) {
		return limit_share(c, list, n, gone);
	}
	return OUTCOME_DONE;
}

static enum outcome
send_answer_to_dead_letters(
    struct close_run *c, const struct answer *one, const char *reason)
{
	struct buf line = BUF_INIT;
	enum outcome o;

	answer_write(&line, one);
	o = send_dead_letter(c, one->where, line.data, line.len, reason);
	buf_release(&line);
	return o;
}

/* Returns the reason why an answer becomes a dead letter, or NULL. */
static const char *
find_refusal(const struct close_run *c, const struct answer *one)
{
	if (one->fate == FATE_UNKNOWN)
		return "the database does not know this tenant";
	if (one->fate == FATE_REFUSED && c->from_queue)
		return "too many chats gone at once";
	return NULL;
}

/* Counts the fate of a chat, after the commit. */
static enum outcome
count_fate(struct close_run *c, const struct answer *one)
{
	struct close_counts *t = counts_of(c, tenant_of(one));
	const char *refusal = find_refusal(c, one);
	bool deleted = answer_deletes(one);
	enum outcome o = OUTCOME_DONE;

	if (refusal != NULL)
		o = send_answer_to_dead_letters(c, one, refusal);
	if (o != OUTCOME_DONE)
		return o;
	t->deleted += deleted;
	t->newer += one->fate == FATE_NEWER;
	t->refused += one->fate == FATE_REFUSED;
	t->deleted_gone += deleted && one->status == CHAT_GONE;
	return OUTCOME_DONE;
}

/* Handles n answers about chats of one tenant. */
static enum outcome
close_chats_of_tenant(struct close_run *c, struct answer *list, size_t n)
{
	enum outcome o;
	size_t i, first, end;

	for (i = 0; i < n; i++)
		list[i].fate =
		    answer_has_left(list[i].status) ? FATE_DELETE : FATE_KEEP;
	o = limit_gone(c, list, n);
	for (first = 0; o == OUTCOME_DONE && first < n; first = end) {
		end = n - first < CLOSE_BATCH ? n : first + CLOSE_BATCH;
		o = transaction_run(c, list + first, end - first);
		for (i = first; o == OUTCOME_DONE && i < end; i++)
			o = count_fate(c, &list[i]);
	}
	return o;
}

static enum outcome
carry_out(struct close_run *c)
{
	struct answers *a = &c->answers;
	enum outcome o = OUTCOME_DONE;
	size_t i, end;

	answers_reduce(a);
	for (i = 0; o == OUTCOME_DONE && i < a->n; i = end) {
		end = answers_tenant_end(a, i);
		o = close_chats_of_tenant(c, a->list + i, end - i);
	}
	/* A dry run shows them at its end. */
	if (!c->dry_run)
		answers_clear(a);
	return o;
}

enum outcome
close_flush(void *ctx)
{
	struct close_run *c = ctx;

	if (!c->from_queue || c->dry_run)
		return OUTCOME_DONE;
	c->whole = true;
	return carry_out(c);
}

enum outcome
close_finish(struct close_run *c, bool whole)
{
	enum outcome o;

	/* Answers that were not handled are delivered again. */
	if (c->from_queue && !c->dry_run)
		return OUTCOME_DONE;
	c->whole = whole;
	o = carry_out(c);
	if (c->unsure > 0)
		log_warn("the input was incomplete: %" PRIu64
			 " chats that are gone were left for the next run",
		    c->unsure);
	return o;
}
