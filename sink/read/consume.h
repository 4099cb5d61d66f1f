/*
 * consume: the sink's loop. It reads lines and stores their rows.
 *
 *   read a group of batches -> divide it among the connections -> all of them
 *   commit -> write dead letters for the rows that only the database refused
 *   -> flush the dead letters -> acknowledge the group
 *
 * While one group is stored, the next one is read. A group is stored as soon
 * as no further line is available, so a single row does not wait; under load
 * more lines arrive meanwhile, and the next group is large. Which groups are
 * stored at a time says group_queue.h.
 *
 * Guarantee: a line is acknowledged after the COMMIT that holds its row, or
 * after its dead letter is confirmed; a row that only the database refused
 * needs both, in this order. Groups are acknowledged in the order in which
 * they were read. After a kill at any earlier point the line is delivered
 * again, and storing it twice changes nothing. So nothing is lost; a dead
 * letter may be written twice.
 */
#ifndef SINK_READ_CONSUME_H
#define SINK_READ_CONSUME_H

#include "common/conf/conf.h"
#include "common/monitoring/daemon_metrics.h"
#include "sink/read/group_queue.h"
#include "sink/read/older_snapshots.h"
#include "sink/read/row_reader.h"

struct consume_counts {
	uint64_t stored;    /* rows upserted, the newest of each key only */
	uint64_t refused;   /* rows under a tombstone, too old, or of a
			       removed tenant */
	uint64_t older;     /* rows of a snapshot older than the stored one */
	uint64_t batches;   /* transactions */
	uint64_t snapshots; /* stored completely */
	uint64_t swept;     /* operators removed at the end of a snapshot */
	uint64_t left;      /* chats marked as left */
};

struct consume {
	struct consume_counts counts;
	struct deadletter dead;
	struct row_reader reader;

	/* private */
	struct daemon_metrics *metrics; /* NULL: none */
	struct endpoint *in;
	enum exit_code code; /* set by the function that returns NEVER */
	bool one_shot;       /* the input is a file or a pipe, no queue */
	bool wait_forever;   /* retry for ever while a server is away */
	bool ended;          /* all of the input is read and acknowledged */
	int64_t linger_ms;   /* how long a row of a pipe waits for others */
	int64_t pumped_ms;   /* when the last heartbeats were looked at */
	size_t full;         /* lines of a group */
	struct group_queue groups;
	struct strmap missing; /* tenant -> progress of a snapshot with rows
				  missing */
	struct older_snapshots older;
};

/* `in` is borrowed and outlives c; opt holds the options it was opened with. c
 * owns db, and consume_release() closes it. */
void consume_init(struct consume *c, struct endpoint *in, struct db *db,
    const struct conf *conf, const struct endpoint_options *opt);

/* Runs until the input ends, the queue is empty (until_empty) or a signal asks
 * to stop. Logs incomplete snapshots, the counts and errors. */
enum exit_code consume_run(struct consume *c);

void consume_release(struct consume *c);

#endif
