/*
 * consume: lines in, rows stored: the sink's loop.
 *
 *   read a load -> divide it among the connections -> all of them commit
 *   -> dead letters of what only the database refused -> flush the dead
 *   letters -> acknowledge the load
 *
 * While one load commits the next one is read. A load is stored as soon as
 * nothing more is there to read at the moment, so a single row does not wait,
 * and under load what came meanwhile makes the next one large.
 *
 * Guarantee: a line is acknowledged after the COMMIT that holds its row, or
 * after its dead letter was confirmed; in that order for a row that only the
 * database refused; and loads are acknowledged in the order in which they
 * came. Killed at any point before, the line comes again, and what was done of
 * it is done once more without a change. So nothing is lost; a dead letter may
 * come twice.
 */
#ifndef SINK_READ_CONSUME_H
#define SINK_READ_CONSUME_H

#include "common/conf/conf.h"
#include "sink/read/row_reader.h"
#include "sink/store/partitions.h"
#include "sink/store/worker.h"

#include <stdatomic.h>

struct consume_counts {
	uint64_t stored;    /* sent to their tables; the newest of each key */
	uint64_t refused;   /* by tombstones, age, or a removed tenant */
	uint64_t older;     /* of a snapshot older than the stored one */
	uint64_t batches;   /* transactions */
	uint64_t snapshots; /* that were stored as a whole */
	uint64_t swept;     /* operators removed */
	uint64_t left;      /* chats marked as left */
};

struct consume {
	struct consume_counts counts;
	struct deadletter dead;
	struct row_reader inlet;

	/* private */
	struct endpoint *in;
	enum exit_code code; /* set by whoever answers NEVER */
	bool by_hand;        /* the input is no queue */
	bool wait_forever;   /* try for ever */
	bool ended;          /* the input was settled to its end */
	size_t batch;        /* rows in one transaction */
	int64_t linger_ms;   /* how long a row of a pipe waits for others */
	struct worker *workers[BATCH_GROUP_PARTS];
	size_t workers_n;
	atomic_uint_least64_t stored; /* batches, counted by the workers */
	struct partitions days;
	struct batch_group loads[2];
	struct batch_group *filling, *storing; /* storing NULL: nothing */
	struct strmap missing; /* tenant -> snapshot that lacks rows */
};

/* in is borrowed and outlives c; opt is what it was opened with. Takes db,
 * and closes it with consume_release(). */
void consume_init(struct consume *c, struct endpoint *in, struct db *db,
    const struct conf *conf, const struct endpoint_options *opt);

/* Runs until the input ends, the queue is empty (until_empty) or a signal asks
 * to stop. Says what was not whole, logs the counts, errors too. */
enum exit_code consume_run(struct consume *c);

void consume_release(struct consume *c);

#endif
