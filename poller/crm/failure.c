/*
 * failure: see failure.h.
 */
#include "poller/crm/failure.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"

enum way_out { WAY_WAIT, WAY_TOKEN, WAY_CALLS, WAY_URL };

/* An unusable answer may come from a proxy, and a listed chat without messages
 * may be too new: each is attempted this often. */
#define SOME_TRIES 3

/* A list may be too short once, or in every poll; in that case, further
 * attempts waste calls. */
#define SHORT_TRIES 2

static const struct error_rule {
	enum failure whose;
	unsigned tries; /* 0: as long as the retry budget lasts */
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
	[ERROR_CLASS_SHORT] = { FAILURE_ITEM, SHORT_TRIES, CALL_FAILED,
	    PROG_TEMPFAIL, WAY_WAIT },
};

const char *const call_result_names[CALL_RESULTS] = {
	[CALL_OK] = "ok",
	[CALL_GONE] = "gone",
	[CALL_LIMITED] = "limited",
	[CALL_REFUSED] = "refused",
	[CALL_FAILED] = "failed",
	[CALL_PENDING] = "pending",
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
	/* A forbidden chat does not mean that the token is wrong. */
	if (whose == FAILURE_ITEM && error == ERROR_CLASS_DENIED)
		return PROG_UNAVAILABLE;
	return rules[error].code;
}

/* Adds the path of the profile's own URL, unless the tenant's URL has it. */
static void
add_usual_path(const struct tenant *t, struct buf *out)
{
	const char *url = profile_about(t->profile)->hosts[0].url;
	const char *host = url != NULL ? strstr(url, "://") : NULL;
	const char *path = host != NULL ? strchr(host + 3, '/') : NULL;

	if (path != NULL && path[1] != '\0' && !text_ends_with(t->base, path))
		buf_addf(out, ", whose path is usually %s", path);
}

void
failure_way_out(const struct tenant *t, enum error_class error, struct buf *out)
{
	switch (rules[error].way) {
	case WAY_WAIT:
		buf_setf(out, "the next run tries again");
		break;
	case WAY_TOKEN:
		buf_setf(out, "check %s and its permissions", t->token_source);
		break;
	case WAY_CALLS:
		buf_setf(out, "buy more calls, poll less often, or wait for "
			      "the next month");
		break;
	case WAY_URL:
		buf_setf(out, "check that url '%s' of [%s] is the CRM's API",
		    t->base, t->section);
		add_usual_path(t, out);
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

/* ---- throttle ---- */

/* Pure. */

/* Greater numbers are points in time, in seconds or milliseconds. */
#define SECONDS_FROM 100000000.0 /* 1973 */
#define MILLISECONDS_FROM 100000000000.0

/* Reads digits with an optional fraction; returns -1 for anything else. */
static double
parse_number(const char *s)
{
	char *end;
	double n;

	if (!text_is_digit(*s) || s[strspn(s, "0123456789.")] != '\0')
		return -1;
	n = strtod(s, &end);
	return *end == '\0' ? n : -1;
}

static int64_t
bounded(double ms)
{
	if (ms < 0)
		return -1;
	return ms < (double)THROTTLE_MAX_MS ? (int64_t)ms : THROTTLE_MAX_MS;
}

static int64_t
by_retry_after(const char *text, int64_t now_ms)
{
	double seconds = parse_number(text);
	int64_t date;

	if (seconds >= 0)
		return bounded(seconds * 1000);
	if (*text == '\0' || *text == '-')
		return -1;
	date = http_date(text);
	return date == CLOCK_NONE ? -1 : bounded((double)(date - now_ms));
}

/* The header has the seconds left, or a point in time in seconds or
 * milliseconds. */
static int64_t
by_reset(const char *text, int64_t now_ms)
{
	double n = parse_number(text);

	if (n < 0)
		return -1;
	if (n >= MILLISECONDS_FROM)
		return bounded(n - (double)now_ms);
	if (n >= SECONDS_FROM)
		return bounded(n * 1000 - (double)now_ms);
	return bounded(n * 1000);
}

int64_t
throttle_wait(const struct http_answer_headers *headers,
    enum throttle_case answer, int64_t now_ms, int64_t period_ms)
{
	bool used_up = answer == THROTTLE_REFUSED ||
		       parse_number(headers->value[HTTP_REMAINING]) == 0;
	int64_t wait = -1;

	if (answer != THROTTLE_GIVEN)
		wait = by_retry_after(headers->value[HTTP_RETRY_AFTER], now_ms);
	if (wait < 0 && used_up)
		wait = by_reset(headers->value[HTTP_RESET], now_ms);
	if (wait < 0 && used_up && period_ms > 0)
		wait = bounded((double)(period_ms - now_ms % period_ms));
	return wait;
}
