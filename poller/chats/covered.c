/*
 * covered: see covered.h.
 */
#include "poller/chats/covered.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/json/jsonw.h"
#include "poller/crm/quota.h"

/* A longer pause, in intervals, is a gap. cron starts a job a few seconds early
 * or late. */
#define GAP_INTERVALS 3
#define JITTER_MS (MINUTE_MS / 2)

/* The last two times between snapshots. */
static const char APART[] = "apart", APART_BEFORE[] = "apart_before";

static int64_t
lesser(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
greater(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Returns the interval of polls: that of the budget, or of cron if it starts
 * the job less often. The lesser of two counts, because one may be an earlier
 * gap. */
static int64_t
interval_ms(const struct crm_session *crm, int64_t as_of)
{
	int64_t apart = store_number(crm->store, APART, 0);
	int64_t before = store_number(crm->store, APART_BEFORE, apart);
	int64_t paced =
	    MINUTE_MS * quota_interval(crm->tenant, crm->store, as_of);

	return greater(paced, lesser(apart, before));
}

/* Records the gap, to be filled. It extends one that is not filled yet. */
static void
note_gap(const struct crm_session *crm, int64_t begin, int64_t end)
{
	char from[CLOCK_TEXT], to[CLOCK_TEXT];

	if (store_number(crm->store, COVERED_GAP_END, 0) == 0)
		store_set_number(crm->store, COVERED_GAP_BEGIN, begin);
	/* Conversations that were read may have gone on since. */
	if (store_number(crm->store, COVERED_GAP_PLACE, 0) > begin)
		store_set_number(crm->store, COVERED_GAP_PLACE, begin);
	store_set_number(crm->store, COVERED_GAP_END, end);
	clock_format(begin, from);
	clock_format(end, to);
	log_info("gap", "tenant=%s from=%s to=%s", crm->tenant->name, from, to);
}

void
covered_end_gap(struct store *s)
{
	store_set_number(s, COVERED_GAP_BEGIN, 0);
	store_set_number(s, COVERED_GAP_END, 0);
	store_set_number(s, COVERED_GAP_PLACE, 0);
	store_set_number(s, COVERED_GAP_UNREAD, 0);
}

void
covered_members(struct buf *to, const char *kind, const char *source,
    int64_t begin, int64_t end)
{
	jsonw_str(to, "kind", kind);
	jsonw_time(to, "begin_at", begin);
	jsonw_time(to, "end_at", end);
	jsonw_str(to, "source", source);
}

static void
add_statement(struct emit *e, const char *kind, int64_t begin, int64_t end)
{
	struct buf members = BUF_INIT;

	covered_members(&members, kind, "poll", begin, end);
	emit_record(e, "coverage", members.data, members.len);
	buf_release(&members);
}

void
covered_state(
    struct crm_session *crm, struct emit *e, int64_t as_of, bool complete)
{
	int64_t begin, apart;

	if (crm->store == NULL)
		return;
	begin = store_number(crm->store, COVERED_UNTIL, 0);
	if (begin == 0 || begin > as_of) {
		begin = as_of;
	} else {
		apart = as_of - begin;
		if (!complete &&
		    apart >
			GAP_INTERVALS * interval_ms(crm, as_of) + JITTER_MS) {
			note_gap(crm, begin, as_of);
			begin = as_of;
		}
		store_set_number(crm->store, APART_BEFORE,
		    store_number(crm->store, APART, apart));
		store_set_number(crm->store, APART, apart);
	}
	add_statement(e, "chats", begin, as_of);
	add_statement(e, "counts", begin, as_of);
}
