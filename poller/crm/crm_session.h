/*
 * crm_session: a run's access to a tenant's CRM: the client, the difference
 * between the clocks, the tenant's state, and the calls of the run, which are
 * counted in the state. A pause that the CRM requested is also stored there,
 * for later runs.
 */
#ifndef POLLER_CRM_CRM_SESSION_H
#define POLLER_CRM_CRM_SESSION_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "poller/crm/fetch.h"
#include "poller/crm/quota.h"
#include "poller/crm/store.h"
#include "poller/crm/tenant.h"

#include <stdbool.h>
#include <stdint.h>

struct crm_session {
	const struct tenant *tenant;
	struct store *store; /* or NULL */
	struct skew skew;
	struct fetch *fetch;
	enum exit_code code; /* the first reason why the run failed */

	/* private */
	enum usage_who who;
	uint64_t counted[CALL_RESULTS]; /* calls that have been counted in the
					 * state */
};

/* Takes over the store, which may be NULL; borrows the others. Close it. */
void crm_session_open(struct crm_session *s, struct http *http,
    const struct tenant *t, enum usage_who who, struct store *store);
void crm_session_close(struct crm_session *s);

/* Returns the present time on the CRM's clock. */
int64_t crm_session_now(const struct crm_session *s);

/* Observes a pause that the CRM requested in an earlier run; one longer than
 * [poller] retry_budget fails this run, which is logged. */
void crm_session_begin(struct crm_session *s);

/* The tenant failed: drops all questions. Logs only the first reason. */
void crm_session_fail(struct crm_session *s, enum error_class error,
    const char *what, const char *message);

/* The run fails because of the state: drops all questions. Logs only the first
 * reason. */
void crm_session_fail_state(
    struct crm_session *s, enum exit_code code, const char *why);

/* Returns the number of calls made. */
uint64_t crm_session_calls(const struct crm_session *s);

/* True if there are calls that are not counted in the state yet. */
bool crm_session_has_uncounted(const struct crm_session *s);

/* Counts the calls and commits the state, if there is one. */
enum exit_code crm_session_commit(struct crm_session *s, struct buf *why)
    __attribute__((warn_unused_result));

/* The same for a run that does not depend on the state: an error is only
 * logged. */
void crm_session_count(struct crm_session *s);

/*
 * call_metrics: metrics for Prometheus about the calls to a tenant's CRM: their
 * number, by result, and the number left in its budget.
 *
 * A daemon adds its counts to its own metrics. A run that ends cannot be
 * scraped, so it writes them to a file for node_exporter,
 * messaging_calls_MODE_TENANT.prom in [metrics] folder. The counts are those of
 * the month in the tenant's state, so that they grow from run to run; without a
 * state, they only cover the run. To Prometheus, both look like a restart. Each
 * mode has its own file, because a poll and poller --status may end at the same
 * time.
 */

/* Write the head of the counts; then the samples of one mode and tenant,
 * preceded by these labels ("": none). */
void call_metrics_head(struct buf *to);
void call_metrics_add(struct buf *to, const char *labels, const char *mode,
    const char *tenant, const uint64_t results[CALL_RESULTS]);

/* Writes the file at the end of a run, when its state is committed; a poll with
 * a state also writes the remaining budget. */
void call_metrics_keep(const struct crm_session *s);

#endif
