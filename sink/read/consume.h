/*
 * consume: the sink's loop. It reads lines, and workers store their rows
 * (workers.h), each in its own transactions.
 *
 *   1 a row, or the end of a snapshot, goes into the batch of its worker
 *   2 the worker stores the batch when it is full, when the input has nothing
 *     more, or when it is old: a single row does not wait, and under load
 *     batches are large
 *   3 dead letters are written for rows that only the database refused
 *   4 once the batches with all rows and ends up to a line are stored, dead
 *     letters are confirmed and the input is acknowledged up to that line
 *
 * What is left if the program, or the machine, stops after
 *
 *   1                   nothing; the lines are delivered again
 *   2 before COMMIT     the same: the database rolls the transaction back
 *   2 after COMMIT      the rows; the lines are delivered again, which changes
 *                       nothing (batch_store.h). The same holds for rows of
 *                       other workers whose lines follow one that is not stored
 *   3                   the rows, and the dead letter, perhaps unconfirmed; it
 *                       is written again
 *   4 before the        the same; dead letters are written twice
 *     acknowledgement
 *   4                   everything; nothing is delivered again
 *
 * Therefore no line is lost or counted twice, and only a dead letter may be
 * written twice.
 */
#ifndef SINK_READ_CONSUME_H
#define SINK_READ_CONSUME_H

#include "common/conf/conf.h"
#include "common/monitoring/prometheus.h"
#include "sink/read/row_reader.h"

struct read_mark;

struct consume_counts {
	uint64_t stored;    /* rows stored, only the newest of each key */
	uint64_t refused;   /* rows with a tombstone, too old, or from a removed
			     * tenant */
	uint64_t older;     /* rows from a snapshot older than the stored one */
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
	bool one_shot;       /* the input is a file or pipe, not a queue */
	bool wait_forever;   /* retry for ever while a server is unreachable */
	bool ended;          /* all input was read and acknowledged */
	int64_t linger_ms;   /* how long a row from a pipe waits for others */
	int64_t pumped_ms;   /* when heartbeats were last served */
	struct workers *workers;
	struct read_mark *marks; /* ends of lines that are not acknowledged
				  * yet, */
	size_t marks_n, marks_cap, acked; /* except for the first ones */
	struct strmap snapshots; /* tenant -> progress of its newest snapshot */
};

/* `in` is borrowed and outlives c; opt has the options it was opened with. c
 * owns db, and consume_release() closes it. */
void consume_init(struct consume *c, struct endpoint *in, struct db *db,
    const struct conf *conf, const struct endpoint_options *opt);

/* Runs until the input ends, the queue is empty (until_empty) or a signal asks
 * to stop. Logs incomplete snapshots, the counts and errors. */
enum exit_code consume_run(struct consume *c);

void consume_release(struct consume *c);

#endif
