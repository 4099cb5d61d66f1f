/*
 * failure: what an error of a CRM means. One table says for each class of error
 * whose failure it is, how often it is tried, and what a person can do.
 *
 * A question ends in one of three ways: it is done; its item (a chat or a
 * customer) failed, and the others are asked about; or the tenant failed, and
 * nothing else is worth asking.
 *
 * Some errors may be either, such as HTTP 500 for a chat. There a circuit
 * breaker decides, one for each kind of question: after two items in a row
 * about which the CRM was silent for a whole [poller] retry_budget, or ten that
 * failed for another reason, it is the CRM that fails.
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

/* What came of a request, for metrics. */
enum call_result {
	CALL_OK,
	CALL_GONE,    /* what it asked for is not there */
	CALL_LIMITED, /* too many requests */
	CALL_REFUSED, /* because of the token, or of its rights */
	CALL_FAILED,  /* no answer, or none that can be used */
	CALL_RESULTS
};

enum call_result failure_result(enum error_class error);

/* How often a page is asked for that ends in that error; 0: while the retry
 * budget lasts. */
unsigned failure_tries(enum error_class error);

/* Whether no item is the reason. */
bool failure_is_general(enum error_class error);

/* Whether the CRM may answer later without anybody doing something. */
bool failure_passes(enum error_class error);

/* The exit code of a run in which a tenant, or only items of it, failed. */
enum exit_code failure_code(enum error_class error, enum failure whose);

/* Sets *out to what a person can do about it, as the end of a sentence. */
void failure_way_out(
    const struct tenant *t, enum error_class error, struct buf *out);

/* Logs "tenant NAME: cannot read WHAT: MESSAGE; WAY OUT". */
void failure_log(const struct tenant *t, enum error_class error,
    const char *what, const char *message);

/* A failure as the breaker counts it. */
enum failure_weight {
	FAILURE_ALONE = 0,  /* it says nothing of other items */
	FAILURE_OTHER = 1,  /* an error of this item, perhaps of all */
	FAILURE_SILENT = 5, /* no answer, and no other one meanwhile */
	FAILURE_OPEN = 10   /* no item is worth asking about any more */
};

/* Zeroed it is closed. Release it. */
struct breaker {
	char *item; /* that was counted last, or NULL */
	unsigned weight;
};

/* An item counts once, however often it fails in a row. */
void breaker_fail(
    struct breaker *b, const char *item, enum failure_weight weight);

/* The CRM answers such questions. */
void breaker_close(struct breaker *b);

bool breaker_is_open(const struct breaker *b);

/* Whose failure the error of a question about one item is. open: the breaker;
 * refused: the CRM denies this item, perhaps not the others. */
enum failure failure_whose(enum error_class error, bool open, bool refused);

/*
 * throttle: how long to wait before the next request, from the different
 * headers by which CRMs limit the rate of calls.
 */

/* A longer wait in a header counts as this. */
#define THROTTLE_MAX_MS (INT64_C(3600) * 1000)

/* The answer, by what causes a wait beside a count of 0 remaining calls. */
enum throttle_case {
	THROTTLE_GIVEN,  /* nothing */
	THROTTLE_BUSY,   /* status 503, no matter of rates: Retry-After */
	THROTTLE_REFUSED /* too many requests: Retry-After, else the reset, else
			    the end of the period */
};

/* Milliseconds to wait, THROTTLE_MAX_MS at most; -1: the answer sets no limit.
 * now_ms is on the CRM's clock; period_ms is the time after which its count
 * starts again, 0 if unknown. */
int64_t throttle_wait(const struct http_answer_headers *headers,
    enum throttle_case answer, int64_t now_ms, int64_t period_ms);

#endif
