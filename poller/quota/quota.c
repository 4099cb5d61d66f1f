/*
 * quota: see quota.h.
 */
#include "poller/quota/quota.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "poller/client/throttle.h"
#include "poller/quota/budget.h"

/* A pause shorter than retry_budget is waited for during the run; one beyond
 * THROTTLE_MAX_MS is taken for an error. */
static enum exit_code
check_hold(const struct tenant *t, struct store *s, int64_t now_ms)
{
	int64_t wait = store_number(s, "hold_until", 0) - now_ms;
	char text[CLOCK_TEXT];

	if (wait <= 0 || wait < t->retry_budget_ms || wait > THROTTLE_MAX_MS)
		return PROG_OK;
	clock_format(now_ms + wait, text);
	log_error("tenant %s: its CRM wants no call before %s (too many "
		  "requests); the next run after that tries again",
	    t->name, text);
	return PROG_TEMPFAIL;
}

enum exit_code
quota_check(
    const struct tenant *t, struct store *s, struct fetch *f, int64_t now_ms)
{
	enum exit_code code = budget_check(t, s, f, now_ms);

	return code == PROG_OK ? check_hold(t, s, now_ms) : code;
}

void
quota_keep_hold(struct store *s, const struct fetch *f, int64_t now_ms)
{
	int64_t held = fetch_hold_ms(f);

	if (held > 0)
		store_set_number(s, "hold_until", now_ms + held);
}
