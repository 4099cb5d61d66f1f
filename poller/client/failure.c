/*
 * failure: see failure.h.
 */
#include "poller/client/failure.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"

enum way_out { WAY_WAIT, WAY_TOKEN, WAY_CALLS, WAY_URL };

/* An unusable answer may come from a proxy, a listed chat without messages may
 * be too new, and a list may be short for a moment: each is tried so often. */
#define SOME_TRIES 3

static const struct error_rule {
	enum failure whose;
	unsigned tries; /* 0: while the retry budget lasts */
	enum call_result result;
	enum exit_code code;
	enum way_out way;
} rules[] = {
	[ERROR_CLASS_NONE] = { FAILURE_NONE, 1, CALL_OK, PROG_OK, WAY_WAIT },
	[ERROR_CLASS_LATER] = { FAILURE_ITEM, 0, CALL_FAILED, PROG_TEMPFAIL,
	    WAY_WAIT },
	[ERROR_CLASS_THROTTLED] = { FAILURE_TENANT, 0, CALL_LIMITED,
	    PROG_TEMPFAIL, WAY_WAIT },
	[ERROR_CLASS_QUOTA] = { FAILURE_TENANT, 1, CALL_LIMITED,
	    PROG_UNAVAILABLE, WAY_CALLS },
	[ERROR_CLASS_DENIED] = { FAILURE_TENANT, 1, CALL_REFUSED, PROG_NOPERM,
	    WAY_TOKEN },
	[ERROR_CLASS_GONE] = { FAILURE_ITEM, SOME_TRIES, CALL_GONE,
	    PROG_UNAVAILABLE, WAY_URL },
	[ERROR_CLASS_UNUSABLE] = { FAILURE_ITEM, SOME_TRIES, CALL_FAILED,
	    PROG_UNAVAILABLE, WAY_URL },
	[ERROR_CLASS_SHORT] = { FAILURE_ITEM, SOME_TRIES, CALL_FAILED,
	    PROG_TEMPFAIL, WAY_WAIT },
};

enum call_result
failure_result(enum error_class error)
{
	return rules[error].result;
}

unsigned
failure_tries(enum error_class error)
{
	return rules[error].tries;
}

bool
failure_is_general(enum error_class error)
{
	return rules[error].whose == FAILURE_TENANT;
}

bool
failure_passes(enum error_class error)
{
	return rules[error].code == PROG_TEMPFAIL;
}

enum exit_code
failure_code(enum error_class error, enum failure whose)
{
	/* A chat that is forbidden is not the token's fault. */
	if (whose == FAILURE_ITEM && error == ERROR_CLASS_DENIED)
		return PROG_UNAVAILABLE;
	return rules[error].code;
}

void
failure_way_out(const struct tenant *t, enum error_class error, struct buf *out)
{
	switch (rules[error].way) {
	case WAY_WAIT:
		buf_setf(out, "the next run tries again");
		break;
	case WAY_TOKEN:
		buf_setf(out, "check %s and its rights", t->token_source);
		break;
	case WAY_CALLS:
		buf_setf(out, "buy more calls, poll less often, or wait for "
			      "the next month");
		break;
	case WAY_URL:
		buf_setf(out, "check that url '%s' of [%s] is the CRM's API",
		    t->base, t->section);
		break;
	}
}

void
failure_log(const struct tenant *t, enum error_class error, const char *what,
    const char *message)
{
	struct buf way = BUF_INIT;

	failure_way_out(t, error, &way);
	log_error("tenant %s: cannot read %s: %s; %s", t->name, what, message,
	    buf_str(&way));
	buf_release(&way);
}

void
breaker_fail(struct breaker *b, const char *item, enum failure_weight weight)
{
	if (weight == FAILURE_ALONE ||
	    (b->item != NULL && strcmp(b->item, item) == 0))
		return;
	free(b->item);
	b->item = xstrdup(item);
	b->weight += weight;
}

void
breaker_close(struct breaker *b)
{
	free(b->item);
	*b = (struct breaker){ .item = NULL };
}

bool
breaker_is_open(const struct breaker *b)
{
	return b->weight >= FAILURE_OPEN;
}

enum failure
failure_whose(enum error_class error, bool open, bool refused)
{
	enum failure whose = rules[error].whose;

	if (whose == FAILURE_NONE)
		return whose;
	if (open)
		return FAILURE_TENANT;
	return refused ? FAILURE_ITEM : whose;
}
