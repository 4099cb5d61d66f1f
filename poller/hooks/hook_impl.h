/*
 * hook_impl: what hook.c and hook_open.c share, for them alone.
 */
#ifndef POLLER_HOOKS_HOOK_IMPL_H
#define POLLER_HOOKS_HOOK_IMPL_H

#include "common/http_server/work_queue.h"
#include "poller/hooks/hook.h"
#include "poller/profile/profile_hook.h"

#include <pthread.h>
#include <stdbool.h>

struct hook {
	char *tenant, *source;
	char *section; /* of the configuration: "crm TENANT" */
	struct profile *profile;
	struct profile_hooks spec; /* what the profile says of its webhooks */
	struct signature_scheme scheme;
	bool signs;
	bool closed; /* for the routes of the original service only */
	char *key;   /* of signatures, or the secret of the address */
	struct work_queue *queue;
};

struct hooks {
	struct hook *all;
	size_t n, failed;
	pthread_mutex_t counting; /* of what follows */
	struct hook_count {
		uint64_t all;
		unsigned since; /* the last warning, at logged_ms */
		int64_t logged_ms;
	} counts[HOOK_RESULTS];
	/* Of hooks_log_counts(): when it is due again, 0 before the first call,
	 * and how many deliveries the last line of the log counted. */
	int64_t log_mono;
	uint64_t logged;
};

#endif
