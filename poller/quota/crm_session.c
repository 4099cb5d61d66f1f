/*
 * crm_session: see crm_session.h.
 */
#include "poller/quota/crm_session.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "poller/client/throttle.h"

void
crm_session_open(struct crm_session *s, struct http *http,
    const struct tenant *t, enum usage_who who, struct store *store)
{
	*s = (struct crm_session){ .tenant = t, .store = store, .who = who };
	s->fetch = fetch_new(http, t, &s->skew);
	if (store != NULL)
		s->skew.offset_ms = store_number(store, "skew", 0);
}

void
crm_session_close(struct crm_session *s)
{
	fetch_free(s->fetch);
	store_close(s->store);
	*s = (struct crm_session){ .code = s->code };
}

int64_t
crm_session_now(const struct crm_session *s)
{
	return skew_apply(&s->skew, clock_now_ms());
}

/* How long the CRM wants no call; a pause beyond THROTTLE_MAX_MS is taken for
 * an error. */
static int64_t
stored_hold(const struct crm_session *s)
{
	int64_t wait =
	    store_number(s->store, "hold_until", 0) - crm_session_now(s);

	return wait > 0 && wait <= THROTTLE_MAX_MS ? wait : 0;
}

void
crm_session_begin(struct crm_session *s)
{
	int64_t wait = s->store != NULL ? stored_hold(s) : 0;
	char text[CLOCK_TEXT];

	fetch_hold(s->fetch, wait);
	if (wait <= s->tenant->retry_budget_ms) /* it is waited for */
		return;
	clock_format(crm_session_now(s) + wait, text);
	log_error("tenant %s: its CRM is rate-limited until %s; the next run "
		  "after that tries again",
	    s->tenant->name, text);
	s->code = PROG_TEMPFAIL;
	fetch_stop(s->fetch);
}

void
crm_session_fail(struct crm_session *s, enum error_class error,
    const char *what, const char *message)
{
	if (s->code == PROG_OK) {
		s->code = failure_code(error, FAILURE_TENANT);
		failure_log(s->tenant, error, what, message);
	}
	fetch_stop(s->fetch);
}

uint64_t
crm_session_calls(const struct crm_session *s)
{
	return usage_calls(fetch_calls(s->fetch));
}

/* Other runs may have been told of another pause: the longer one counts, for
 * this run, too. */
static void
keep_hold(struct crm_session *s)
{
	int64_t held = fetch_hold_ms(s->fetch), stored = stored_hold(s);

	if (held > stored)
		store_set_number(
		    s->store, "hold_until", crm_session_now(s) + held);
	else
		fetch_hold(s->fetch, stored);
}

enum exit_code
crm_session_commit(struct crm_session *s, struct buf *why)
{
	uint64_t calls = crm_session_calls(s), n = calls - s->counted;
	enum exit_code code;

	if (s->store == NULL)
		return PROG_OK;
	usage_add(s->store, s->who, crm_session_now(s), n);
	keep_hold(s);
	code = store_commit(s->store, why);
	if (code == PROG_OK)
		s->counted = calls;
	return code;
}

void
crm_session_count(struct crm_session *s)
{
	struct buf why = BUF_INIT;

	if (crm_session_commit(s, &why) != PROG_OK)
		log_warn("tenant %s: %s", s->tenant->name, buf_str(&why));
	buf_release(&why);
}
