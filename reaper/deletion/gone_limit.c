/*
 * gone_limit: see gone_limit.h.
 */
#include "reaper/deletion/gone_limit.h"

#include <inttypes.h>
#include <string.h>

#include "common/base/log.h"
#include "reaper/deletion/delete_transaction.h"

bool
gone_limit_exceeded(
    uint64_t gone, uint64_t known, int64_t percent, int64_t least)
{
	return gone > (uint64_t)least && gone * 100 > known * (uint64_t)percent;
}

static void
refuse_gone(
    struct chat_deletion *c, const struct chat_answers *l, size_t i, size_t end)
{
	size_t k;

	c->refused = true;
	for (k = i; k < end; k++)
		if (l->list[k]->status == CHAT_GONE)
			l->list[k]->fate = FATE_REFUSED;
}

/* Whether lines are missing, as the poller was killed while it wrote them. A
 * queue has no end at which that could be said. */
static bool
is_part(const struct chat_deletion *c, const struct run_summary_tenant *t)
{
	return !c->from_queue && t->gone < t->gone_said;
}

static uint64_t
count_gone(const struct chat_answers *l, size_t i, size_t end)
{
	uint64_t gone = 0;

	for (; i < end; i++)
		gone += l->list[i]->status == CHAT_GONE;
	return gone;
}

/* Refuses `gone` gone chats of one tenant's answers [i, end) if, with those of
 * the last runs, they are too many. */
static enum outcome
limit_share(struct chat_deletion *c, const struct chat_answers *l, size_t i,
    size_t end, uint64_t gone, struct run_summary_tenant *t)
{
	uint64_t rows = 0, with_rows = 0, lately = run_summary_gone_lately(t);
	enum outcome o;

	if (gone + lately > (uint64_t)c->least) {
		o = delete_count(c, l->list + i, end - i, &rows, &with_rows);
		if (o != OUTCOME_DONE)
			return o;
		/* Whose rows would be gone by now. */
		if (c->dry_run)
			rows -= t->deleted < rows ? t->deleted : rows;
	}
	if (!gone_limit_exceeded(
		with_rows + lately, rows + lately, c->percent, c->least))
		return OUTCOME_DONE;
	refuse_gone(c, l, i, end);
	log_error("%" PRIu64 " of the %" PRIu64
		  " known chats of tenant '%s' are gone from the CRM at once; "
		  "nothing of them was deleted; if this is correct, run it "
		  "again with --force",
	    with_rows + lately, rows + lately, l->list[i]->tenant);
	return OUTCOME_DONE;
}

/* Refuses the gone chats of one tenant's answers [i, end) if they are too
 * many, or not all. */
static enum outcome
limit_gone_of_tenant(
    struct chat_deletion *c, const struct chat_answers *l, size_t i, size_t end)
{
	const char *tenant = l->list[i]->tenant;
	uint64_t gone = count_gone(l, i, end);
	struct run_summary_tenant *t;

	if (gone == 0)
		return OUTCOME_DONE;
	t = run_summary_of(&c->summary, tenant, strlen(tenant));
	if (is_part(c, t)) {
		refuse_gone(c, l, i, end);
		log_error("of %" PRIu64
			  " gone chats of tenant '%s' only %" PRIu64
			  " came; they were left for the next run",
		    t->gone_said, tenant, t->gone);
		return OUTCOME_DONE;
	}
	return c->force ? OUTCOME_DONE : limit_share(c, l, i, end, gone, t);
}

enum outcome
gone_limit_apply(struct chat_deletion *c, const struct chat_answers *l)
{
	enum outcome o = OUTCOME_DONE;
	size_t i, end;

	for (i = 0; i < l->n && o == OUTCOME_DONE; i = end) {
		end = chat_answers_tenant_end(l->list, i, l->n);
		o = limit_gone_of_tenant(c, l, i, end);
	}
	return o;
}
