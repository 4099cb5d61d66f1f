/*
 * crm_session: what one run has of a tenant's CRM: its client, the difference
 * of the clocks, the state of the tenant, and the calls of the run, which are
 * counted there. A pause that the CRM asked for is kept there, too, from run to
 * run.
 */
#ifndef POLLER_CRM_CRM_SESSION_H
#define POLLER_CRM_CRM_SESSION_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "poller/crm/fetch.h"
#include "poller/crm/quota.h"
#include "poller/crm/store.h"
#include "poller/crm/tenant.h"

#include <stdint.h>

struct crm_session {
	const struct tenant *tenant;
	struct store *store; /* or NULL */
	struct skew skew;
	struct fetch *fetch;
	enum exit_code code; /* the first reason for which the run failed */

	/* private */
	enum usage_who who;
	uint64_t counted;               /* calls counted in the state, */
	uint64_t results[CALL_RESULTS]; /* and what came of them */
};

/* Takes over the store, which may be NULL; borrows the others. Close it. */
void crm_session_open(struct crm_session *s, struct http *http,
    const struct tenant *t, enum usage_who who, struct store *store);
void crm_session_close(struct crm_session *s);

/* The present time on the CRM's clock. */
int64_t crm_session_now(const struct crm_session *s);

/* Keeps to a pause that the CRM asked for in an earlier run; one longer than
 * [poller] retry_budget fails this run, which is logged. */
void crm_session_begin(struct crm_session *s);

/* The tenant failed: drops all questions. Logs the first reason only. */
void crm_session_fail(struct crm_session *s, enum error_class error,
    const char *what, const char *message);

/* The number of calls made. */
uint64_t crm_session_calls(const struct crm_session *s);

/* Counts the calls and commits the state, if there is one. */
enum exit_code crm_session_commit(struct crm_session *s, struct buf *why)
    __attribute__((warn_unused_result));

/* The same, of a run that an error of the state does not fail: it is logged. */
void crm_session_count(struct crm_session *s);

/*
 * call_metrics: what Prometheus is told of the calls to a tenant's CRM: how
 * many there were, by what came of them, and how many its budget leaves.
 *
 * A daemon adds its counts to its own metrics. A run that ends is gone before
 * anybody could ask it: it keeps them in a file for node_exporter,
 * messaging_calls_MODE_TENANT.prom in [metrics] folder. The counts are those of
 * the tenant's state, so that they grow from run to run; without it they are
 * those of the run, which Prometheus takes for a restart. Each mode has a file
 * of its own, since a poll and poller --status may end at one time.
 */

/* The head of the counts, then the samples of one mode and tenant, with these
 * labels before their own ("": none). */
void call_metrics_head(struct buf *to);
void call_metrics_add(struct buf *to, const char *labels, const char *mode,
    const char *tenant, const uint64_t results[CALL_RESULTS]);

/* Writes the file when a run ends, and its state is committed; a poll with a
 * state also writes what the budget leaves. */
void call_metrics_keep(const struct crm_session *s);

#endif
