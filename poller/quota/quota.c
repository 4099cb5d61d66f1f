/*
 * quota: see quota.h.
 */
#include "poller/quota/quota.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "poller/client/throttle.h"
#include "poller/quota/budget.h"

/* How long the CRM wants no call; a pause beyond THROTTLE_MAX_MS is taken for
 * an error. */
static int64_t
stored_hold(struct store *s, int64_t now_ms)
{
	int64_t wait = store_number(s, "hold_until", 0) - now_ms;

	return wait > 0 && wait <= THROTTLE_MAX_MS ? wait : 0;
}

bool
quota_apply(
    const struct tenant *t, struct store *s, struct fetch *f, int64_t now_ms)
{
	uint64_t left = budget_left(t, s, now_ms);

	fetch_limit(f, left);
	fetch_hold(f, stored_hold(s, now_ms));
	return left > 0;
}

enum exit_code
quota_check(
    const struct tenant *t, struct store *s, struct fetch *f, int64_t now_ms)
{
	int64_t wait = stored_hold(s, now_ms);
	char text[CLOCK_TEXT];

	if (!quota_apply(t, s, f, now_ms)) {
		budget_report(t);
		return PROG_UNAVAILABLE;
	}
	if (wait <= t->retry_budget_ms) /* it is waited for during the run */
		return PROG_OK;
	clock_format(now_ms + wait, text);
	log_error("tenant %s: its CRM wants no call before %s (too many "
		  "requests); the next run after that tries again",
	    t->name, text);
	return PROG_TEMPFAIL;
}

void
quota_keep_hold(struct store *s, const struct fetch *f, int64_t now_ms)
{
	int64_t held = fetch_hold_ms(f);

	/* A short pause ends none that is longer. */
	if (held > stored_hold(s, now_ms))
		store_set_number(s, "hold_until", now_ms + held);
}
