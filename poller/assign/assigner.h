/*
 * assigner: the assigners of all tenants. Each tenant has one (struct
 * tenant_assigner in reservation.h), which may change its CRM only where
 * [crm NAME] assign allows it. Here they are opened, found by tenant, given
 * their turns of HTTP requests, and their calls are counted in the state.
 */
#ifndef POLLER_ASSIGN_ASSIGNER_H
#define POLLER_ASSIGN_ASSIGNER_H

#include "common/monitoring/daemon_metrics.h"
#include "common/records/record.h"
#include "poller/assign/reservation.h"

struct assigner_slot;

/* Borrowed; must outlive the assigners. */
struct assigners_options {
	const struct tenant *tenants;
	size_t tenants_n;
	const char *state;               /* its folder, or NULL */
	struct tenant_assigner defaults; /* what every assigner starts from */
	/* Called for each failure, with the exit code that it calls for. */
	void (*failed)(void *ctx, enum exit_code code);
	void *ctx;
};

struct assigners {
	const struct assigners_options *opt;
	struct http *http;
	struct assigner_slot *slots; /* in the order of opt->tenants */
	struct strmap unknown;       /* tenants that were logged as unknown */
	int64_t accounted_ms;        /* monotonic; 0: not yet */
};

/* 0; or -1, after logging, when no tenant allows changes. Release it in both
 * cases. */
int assigners_open(struct assigners *all, const struct assigners_options *opt)
    __attribute__((warn_unused_result));

/* With one_shot each tenant's last error is reported by opt->failed. */
void assigners_release(struct assigners *all, bool one_shot);

/* The tenant's assigner. NULL, and an error logged once a tenant, when the
 * tenant is not configured or does not allow changes. */
struct tenant_assigner *assigners_find(
    struct assigners *all, struct text tenant);

/* Number of questions that have not ended, of all tenants. */
size_t assigners_in_flight(const struct assigners *all);

/* Starts requests and hands out answers; waits for some up to wait_ms if there
 * are requests in flight. */
void assigners_turn(struct assigners *all, int64_t wait_ms);

/* Adds the calls made to the state, if there is one, and checks the budget of
 * each tenant: once a minute, or at once. */
void assigners_account(struct assigners *all, bool at_once);

/*
 * assign_metrics: what poller --assign tells Prometheus as a daemon: what came
 * of the reservations and of its calls (daemon_metrics.h has the rest).
 */

struct assign_counts {
	uint64_t lines; /* read, bad ones included */
	uint64_t ended[RESERVATION_RESULTS];
	size_t in_hand;                    /* read and not acknowledged */
	const struct assigners *assigners; /* whose calls they are; open */
};

/* counts are borrowed until the close. NULL without [metrics] folder. Owned. */
struct daemon_metrics *assign_metrics_open(
    const struct conf *conf, const char *queue, struct assign_counts *counts)
    __attribute__((warn_unused_result));

#endif
