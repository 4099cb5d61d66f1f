/*
 * close: see close.h.
 */
#include "reaper/close/close.h"

#include <inttypes.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/records/record.h"
#include "reaper/close/transaction.h"

void
close_init(struct close *c)
{
	memset(c, 0, sizeof *c);
	c->archive.fd = -1;
}

void
close_release(struct close *c)
{
	answers_release(&c->answers);
	summary_release(&c->summary);
	buf_release(&c->why);
}

static enum outcome
send_dead_letter(struct close *c, const char *where, const char *line,
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
find_wrong_time(const struct close *c, const struct record *r)
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
collect_answer(struct close *c, const struct record *r)
{
	struct summary_tenant *t =
	    summary_of(&c->summary, r->tenant.p, r->tenant.len);

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
	struct close *c = ctx;
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

/* Refuses to delete a tenant's gone chats if, together with those of the last
 * hour, there are too many. */
static enum outcome
limit_share(struct close *c, struct answer *list, size_t n, uint64_t gone,
    struct summary_tenant *t)
{
	uint64_t rows = 0, with_rows = 0, lately = summary_gone_lately(t);
	enum outcome o = OUTCOME_DONE;

	if (gone + lately > (uint64_t)c->least)
		o = transaction_count(c, list, n, &rows, &with_rows);
	if (o != OUTCOME_DONE || !close_gone_is_too_many(with_rows + lately,
				     rows + lately, c->percent, c->least))
		return o;
	set_fate_of_gone(list, n, FATE_REFUSED);
	c->refused = true;
	log_error("%" PRIu64 " of the %" PRIu64
		  " known chats of tenant '%s' are suddenly missing from the "
		  "CRM; none of their rows were deleted; if they were really "
		  "deleted there, run this again with --force",
	    with_rows + lately, rows + lately, list[0].tenant);
	return OUTCOME_DONE;
}

/* Decides what happens to the gone chats in one tenant's answers. */
static enum outcome
limit_gone(struct close *c, struct answer *list, size_t n)
{
	struct summary_tenant *t =
	    summary_of(&c->summary, list[0].tenant, strlen(list[0].tenant));
	uint64_t gone = 0;
	size_t i;

	for (i = 0; i < n; i++)
		gone += list[i].status == CHAT_GONE;
	if (gone > 0 && !c->whole) {
		set_fate_of_gone(list, n, FATE_KEEP);
		c->unsure += gone;
	} else if (gone > 0 && !c->force) {
		return limit_share(c, list, n, gone, t);
	}
	return OUTCOME_DONE;
}

static enum outcome
send_answer_to_dead_letters(
    struct close *c, const struct answer *one, const char *reason)
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
find_refusal(const struct close *c, const struct answer *one)
{
	if (one->fate == FATE_UNKNOWN)
		return "the database does not know this tenant";
	if (one->fate == FATE_REFUSED && c->from_queue)
		return "too many chats gone at once";
	return NULL;
}

/* Counts the fate of a chat, after the commit. */
static enum outcome
count_fate(struct close *c, const struct answer *one, struct summary_tenant *t)
{
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
	if (deleted && one->status == CHAT_GONE)
		summary_add_gone(t, 1);
	return OUTCOME_DONE;
}

/* Handles the answers about one tenant's chats, from c->next to end. */
static enum outcome
close_chats_of_tenant(struct close *c, size_t end)
{
	struct answer *list = c->answers.list;
	struct summary_tenant *t = summary_of(
	    &c->summary, list[c->next].tenant, strlen(list[c->next].tenant));
	enum outcome o;
	size_t i, n;

	for (i = c->next; i < end; i++)
		list[i].fate =
		    answer_has_left(list[i].status) ? FATE_DELETE : FATE_KEEP;
	o = limit_gone(c, list + c->next, end - c->next);
	while (o == OUTCOME_DONE && c->next < end) {
		n = end - c->next < CLOSE_BATCH ? end - c->next : CLOSE_BATCH;
		o = transaction_run(c, list + c->next, n);
		for (; o == OUTCOME_DONE && n > 0; n--) {
			o = count_fate(c, &list[c->next], t);
			c->next += o == OUTCOME_DONE;
		}
	}
	return o;
}

static enum outcome
carry_out(struct close *c)
{
	enum outcome o = OUTCOME_DONE;

	if (c->next == 0)
		answers_reduce(&c->answers);
	while (o == OUTCOME_DONE && c->next < c->answers.n)
		o = close_chats_of_tenant(
		    c, answers_tenant_end(&c->answers, c->next));
	/* After LATER the stage calls again to handle the remaining answers. A
	 * dry run shows them at its end. */
	if (o == OUTCOME_DONE && !c->dry_run) {
		answers_clear(&c->answers);
		c->next = 0;
	}
	return o;
}

enum outcome
close_flush(void *ctx)
{
	struct close *c = ctx;

	if (!c->from_queue || c->dry_run)
		return OUTCOME_DONE;
	c->whole = true;
	return carry_out(c);
}

enum outcome
close_finish(struct close *c, bool whole)
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
