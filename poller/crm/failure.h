/*
 * failure: the meaning of a CRM's errors. For each class of error, a table
 * states whose failure it is, how often the request is attempted, and advice
 * for the user.
 *
 * A question ends in one of three ways: it succeeds; its item (a chat or
 * customer) fails, and the others are still queried; or the tenant fails, and
 * all further questions are pointless.
 *
 * Some errors may belong to either, such as HTTP 500 for a chat. Then a circuit
 * breaker decides, one for each kind of question: after two consecutive items
 * for which the CRM did not answer for a whole [poller] retry_budget, or ten
 * that failed for another reason, the CRM counts as failed.
 */
#ifndef POLLER_CRM_FAILURE_H
#define POLLER_CRM_FAILURE_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "poller/crm/http.h"
#include "poller/crm/profile.h"
#include "poller/crm/tenant.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum failure { FAILURE_NONE, FAILURE_ITEM, FAILURE_TENANT };

/* The result of a request, by which requests are counted. */
enum call_result {
	CALL_OK,
	CALL_GONE,    /* the requested item does not exist */
	CALL_LIMITED, /* too many requests */
	CALL_REFUSED, /* because of the token or its permissions */
	CALL_FAILED,  /* no answer, or an unusable one */
	CALL_PENDING, /* sent, but not finished */
	CALL_RESULTS
};
extern const char *const call_result_names[CALL_RESULTS];

enum call_result failure_result(enum error_class error);

/* Returns how often a page with that error is requested; 0: until the retry
 * budget is used up. */
unsigned failure_tries(enum error_class error);

/* True if the cause is not a single item. */
bool failure_is_general(enum error_class error);

/* True if the CRM may answer later without anyone's action. */
bool failure_passes(enum error_class error);

/* Returns the exit code of a run in which a tenant, or only items of it,
 * failed. */
enum exit_code failure_code(enum error_class error, enum failure whose);

/* Sets *out to advice for the user, as the end of a sentence. */
void failure_way_out(
    const struct tenant *t, enum error_class error, struct buf *out);

/* Logs "tenant NAME: cannot read WHAT: MESSAGE; ADVICE". */
void failure_log(const struct tenant *t, enum error_class error,
    const char *what, const char *message);

/* The weight of a failure for the breaker. */
enum failure_weight {
	FAILURE_ALONE = 0,  /* says nothing about other items */
	FAILURE_OTHER = 1,  /* an error of this item, perhaps of all */
	FAILURE_SILENT = 5, /* no answer, nor an answer to another question
			     * meanwhile */
	FAILURE_OPEN = 10   /* from here on the breaker is open: no item is
			     * queried */
};

/* A zeroed struct is closed. Release it. */
struct breaker {
	char *item; /* the item counted last, or NULL */
	unsigned weight;
};

/* An item counts once, however often it fails in a row. */
void breaker_fail(
    struct breaker *b, const char *item, enum failure_weight weight);

/* The CRM answers such questions. */
void breaker_close(struct breaker *b);

bool breaker_is_open(const struct breaker *b);

/* Returns whose failure it is if a question about one item fails. open: the
 * breaker is open; refused: the CRM refuses this item, perhaps not the
 * others. */
enum failure failure_whose(enum error_class error, bool open, bool refused);

/*
 * throttle: how long to wait before the next request, from the various headers
 * with which CRMs limit the rate of calls.
 */

/* Longer waits in a header are limited to this. */
#define THROTTLE_MAX_MS (INT64_C(3600) * 1000)

/* The wait that an answer requests, apart from a count of 0 remaining calls. */
enum throttle_case {
	THROTTLE_GIVEN,  /* nothing */
	THROTTLE_BUSY,   /* status 503, independent of rates: Retry-After */
	THROTTLE_REFUSED /* too many requests: Retry-After, otherwise the reset,
			  * otherwise the end of the period */
};

/* Returns how many milliseconds to wait, at most THROTTLE_MAX_MS; -1: the
 * answer sets no limit. now_ms is on the CRM's clock; period_ms is the time
 * after which the CRM's count restarts, 0 if unknown. */
int64_t throttle_wait(const struct http_answer_headers *headers,
    enum throttle_case answer, int64_t now_ms, int64_t period_ms);

#endif
