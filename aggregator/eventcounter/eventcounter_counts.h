/*
 * eventcounter_counts: the number of events of each user, by event type. Each
 * type has a counting thread of its own. One thread, the reader, calls all
 * functions here; its users are handed to the counting threads in batches.
 * After event_counts_wait() the counting threads are idle, and the reader may
 * read the counts until it adds another event.
 */
#ifndef AGGREGATOR_EVENTCOUNTER_EVENTCOUNTER_COUNTS_H
#define AGGREGATOR_EVENTCOUNTER_EVENTCOUNTER_COUNTS_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "common/containers/strmap.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum event_type { EVENT_CREATED, EVENT_UPDATED, EVENT_DELETED, EVENT_TYPES };

extern const char *const event_type_names[EVENT_TYPES];

struct user_count {
	const char *user;
	size_t user_len;
	int64_t n;
	bool changed;
};

struct type_counts {
	struct strmap users;         /* user -> struct user_count */
	struct user_count **changed; /* since event_counts_clear_changed() */
	size_t changed_n;

	/* private */
	size_t changed_cap;
	struct buf gathered; /* of the reader: users, each after its length */
	struct buf work;     /* of the counting thread while busy */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t turn;
	bool busy, stop;
};

struct event_counts {
	struct type_counts by_type[EVENT_TYPES];
};

/* Starts the threads. PROG_OK, or the exit code and *why. */
enum exit_code event_counts_open(struct event_counts *p, struct buf *why)
    __attribute__((warn_unused_result));
void event_counts_close(struct event_counts *p);

/* Adds one event of a user of at most 255 bytes; sets the count that an earlier
 * run had. */
void event_counts_add(
    struct event_counts *p, enum event_type type, const char *user, size_t len);
void event_counts_restore(struct event_counts *p, enum event_type type,
    const char *user, size_t len, int64_t n);

/* Waits until all added events are counted. */
void event_counts_wait(struct event_counts *p);
void event_counts_clear_changed(struct event_counts *p);

#endif
