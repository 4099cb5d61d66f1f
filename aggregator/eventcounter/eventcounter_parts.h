/*
 * eventcounter_parts: the counts, a partition for each type of event with a
 * thread of its own. One thread, the reader, calls everything here; what it
 * adds is handed over in pieces. After parts_settle() the partitions rest, and
 * the reader may look at their counts until it adds again.
 */
#ifndef AGGREGATOR_EVENTCOUNTER_EVENTCOUNTER_PARTS_H
#define AGGREGATOR_EVENTCOUNTER_EVENTCOUNTER_PARTS_H

#include "common/base/buf.h"
#include "common/base/prog.h"
#include "common/containers/strmap.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum event_type { EVENT_CREATED, EVENT_UPDATED, EVENT_DELETED, EVENT_TYPES };

extern const char *const event_type_names[EVENT_TYPES];

struct count {
	const char *user;
	size_t user_len;
	int64_t n;
	bool changed;
};

struct shard {
	struct strmap counts;   /* user -> struct count */
	struct count **changed; /* since parts_clear_changed() */
	size_t changed_n;

	/* private */
	size_t changed_cap;
	struct buf gathered; /* the reader's: users, each behind its length */
	struct buf work;     /* the thread's while busy */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t turn;
	bool busy, leave;
};

struct parts {
	struct shard part[EVENT_TYPES];
};

/* PROG_OK, or the code and what to say when a thread cannot be had. */
enum exit_code parts_open(struct parts *p, struct buf *why)
    __attribute__((warn_unused_result));
void parts_close(struct parts *p);

/* One more; or so many, as they were before. */
void parts_add(
    struct parts *p, enum event_type type, const char *user, size_t len);
void parts_restore(struct parts *p, enum event_type type, const char *user,
    size_t len, int64_t n);

/* Waits until all that was added is counted. */
void parts_settle(struct parts *p);
void parts_clear_changed(struct parts *p);

#endif
