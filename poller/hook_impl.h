/*
 * hook_impl: what hook.c and hook_open.c share; nobody else includes it.
 */
#ifndef POLLER_HOOK_IMPL_H
#define POLLER_HOOK_IMPL_H

#include "poller/hook.h"
#include "poller/profile_hook.h"

#include <pthread.h>
#include <stdbool.h>

struct hook {
	char *tenant, *source, *section;
	struct profile *profile;
	struct profile_hooks told;
	struct signature_scheme scheme;
	bool signs;
	bool closed;           /* to all but the routes of the originals */
	char *key;             /* of signatures, or the secret */
	pthread_mutex_t *lock; /* of libjq, for all */
};

struct hooks {
	struct hook *all;
	size_t n, failed;
	pthread_mutex_t lock;
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

/* The timer of libjq's calls is for the thread that makes one: others must not
 * be interrupted by its end. */
void hook_let_timer_in(bool yes);

#endif
