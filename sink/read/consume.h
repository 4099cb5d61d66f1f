/*
 * consume: what the sink does with its input: the callbacks of the loop of all
 * readers (stage.h). Lines become rows, and workers store them (workers.h),
 * each in its own transactions.
 *
 *   1 a row, or the end of a snapshot, goes into the batch of its worker
 *   2 the worker stores the batch when it is full, when the input has nothing
 *     more, or when it is old: a single row does not wait, and under load
 *     batches are large. Flushes overlap: a flush is confirmed once each worker
 *     has stored what it had then, whatever the workers have received since
 *   3 dead letters are written for rows that only the database refused
 *   4 once a flush is confirmed, dead letters are confirmed and the input is
 *     acknowledged up to it, by acknowledge_flushes() in common/stage/stage.c
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
#include "common/stage/stage.h"
#include "sink/read/row_reader.h"

struct consume_counts {
	uint64_t stored;    /* rows stored, only the newest of each key */
	uint64_t refused;   /* rows with a tombstone, too old, or from a removed
			     * tenant */
	uint64_t older;     /* rows from a snapshot older than the stored one */
	uint64_t batches;   /* transactions */
	uint64_t snapshots; /* stored completely */
	uint64_t swept;     /* operators removed at the end of a snapshot */
	uint64_t left;      /* chats marked as left */
	uint64_t flushes, known_flushes, refused_flushes;
};

struct consume {
	struct consume_counts counts;
	struct deadletter dead;
	struct row_reader reader;
	struct flush_answers answers;

	/* private */
	struct stage stage;
	bool one_shot; /* the input is a file or pipe, not a queue */
	struct workers *workers;
	struct workers_mark *marks; /* of the flushes that are not confirmed,
				     * the oldest first */
	size_t marks_n, marks_cap;
	int64_t flushed_ms; /* rows that arrived by then are to be stored */
	struct strmap snapshots; /* tenant -> progress of its newest snapshot */
};

/* `in` is borrowed and outlives c; opt has the options it was opened with. c
 * owns db, and consume_release() closes it. */
void consume_init(struct consume *c, struct endpoint *in, struct db *db,
    const struct conf *conf, const struct terms_book *terms,
    const struct endpoint_options *opt);

/* Runs until the input ends, the queue is empty (until_empty) or a signal asks
 * to stop. Logs incomplete snapshots, the counts and errors. */
enum exit_code consume_run(struct consume *c);

void consume_release(struct consume *c);

#endif
