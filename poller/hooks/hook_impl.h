/*
 * hook_impl: what hook.c and hook_open.c share; nobody else includes it.
 */
#ifndef POLLER_HOOKS_HOOK_IMPL_H
#define POLLER_HOOKS_HOOK_IMPL_H

#include "common/http_server/work_queue.h"
#include "poller/hooks/hook.h"
#include "poller/profile/profile_hook.h"

#include <pthread.h>
#include <stdbool.h>

struct hook {
	char *tenant, *source, *section;
	struct profile *profile;
	struct profile_hooks told;
	struct signature_scheme scheme;
	bool signs;
	bool closed; /* to all but the routes of the originals */
	char *key;   /* of signatures, or the secret */
	struct work_queue *queue;
};

struct hooks {
	struct hook *all;
	size_t n, failed;
	pthread_mutex_t counting; /* guards what follows */
	struct counted {
		uint64_t all;
		unsigned since; /* the last line of the log, at told_ms */
		int64_t told_ms;
	} tallies[HOOK_TALLIES];
	/* hooks_tell's: when it is time again (0: it was never called), and
	 * how many were told of */
	int64_t tell_mono;
	uint64_t told;
};

#endif
