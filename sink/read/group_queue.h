/*
 * group_queue: the groups of rows that are being stored, in the order in which
 * they were read, behind them the one that is being filled; and the workers
 * that store them.
 *
 *   oldest  ...  newest   filling
 *   running or stored     read into
 *
 * A group goes to all workers, or, a small one, to one of them. Messages do not
 * wait for metrics, nor these for them: while a small group of one kind runs,
 * small groups of the other kind are stored one after the other by another
 * worker. The caller removes groups from the front only, once they are stored.
 *
 * Only one thread uses it; the workers do the rest.
 */
#ifndef SINK_READ_GROUP_QUEUE_H
#define SINK_READ_GROUP_QUEUE_H

#include "common/conf/conf.h"
#include "sink/rows/batch_group.h"
#include "sink/store/partitions.h"
#include "sink/store/store_worker.h"

#include <stdatomic.h>

/* How many are in it at most, without the one that is filled. */
enum { GROUP_QUEUE_MAX = 12 };

struct group_queue {
	/* private */
	struct store_worker *workers[BATCH_GROUP_PARTS];
	size_t workers_n;
	uint64_t retries[BATCH_GROUP_PARTS]; /* so far, of each worker */
	atomic_uint_least64_t stored; /* batches, counted by the workers */
	struct partitions partitions;
	struct batch_group groups[GROUP_QUEUE_MAX + 1];
	struct batch_group *running[GROUP_QUEUE_MAX], *filling;
	size_t n;
	size_t whole; /* rows that one worker alone stores, at most */
	bool beside;  /* groups of two kinds may run at a time */
	bool wait_forever;
};

/* q owns db, and group_queue_release() closes it. endless: the input is not a
 * file or pipe. wait_forever: what fails is tried again. */
void group_queue_init(struct group_queue *q, struct db *db,
    const struct conf *conf, bool endless, bool wait_forever);
void group_queue_release(struct group_queue *q);

/* The group to read into. */
struct batch_group *group_queue_filling(struct group_queue *q);

/* The first that was started and not removed; NULL: none. */
struct batch_group *group_queue_oldest(struct group_queue *q);

/* Whether the group that is filled, which has lines, may be started now. */
bool group_queue_may_start(struct group_queue *q);

/* Gives it, sorted, to idle workers; the next one is filled then. */
void group_queue_start(struct group_queue *q);

/* Waits up to timeout_ms until the oldest group is stored: true. There is
 * one. */
bool group_queue_oldest_stored(struct group_queue *q, int timeout_ms);

/* The same, or until what the filled group has to wait for is. */
void group_queue_wait(struct group_queue *q, int timeout_ms);

/* The connection that says why a stored group's outcome is not DONE. */
struct db *group_queue_db(struct group_queue *q, const struct batch_group *g);

/* The oldest is done with. */
void group_queue_remove(struct group_queue *q);

#endif
