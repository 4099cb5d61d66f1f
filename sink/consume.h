/*
 * consume: lines in, rows stored; the handler that the sink gives to the
 * stage's loop. One batch of the loop is one transaction of store.h.
 *
 * Guarantee: a line is acknowledged after the COMMIT that holds its row, or
 * after its dead letter was confirmed; in that order for a row that only the
 * database refused. Killed at any point before, the line comes again, and
 * what was done of it is done once more without a change. So nothing is lost;
 * a dead letter may come twice.
 */
#ifndef SINK_CONSUME_H
#define SINK_CONSUME_H

#include "common/stage.h"
#include "sink/store.h"

struct consume_counts {
	uint64_t rows;      /* read */
	uint64_t stored;    /* sent to their tables; the newest of each key */
	uint64_t refused;   /* by tombstones, age, or a removed tenant */
	uint64_t older;     /* of a snapshot older than the stored one */
	uint64_t cut;       /* texts cut to the width of their column */
	uint64_t skipped;   /* records that are no rows */
	uint64_t batches;   /* transactions */
	uint64_t snapshots; /* that were stored as a whole */
	uint64_t swept;     /* operators removed */
	uint64_t left;      /* chats marked as left */
};

struct consume {
	struct stage *stage;
	struct consume_counts counts;
	struct deadletter dead;

	/* private */
	struct store store;
	struct batch batch;
	struct flat flat;
	struct buf why;
	bool by_hand;              /* the input is no queue */
	uint32_t said_cut[TABLES]; /* of which columns that was said */
	bool committed;            /* only dead letters of the batch are left */
	size_t next_table, next_row;
	struct strmap open;    /* tenant -> snapshot that has begun */
	struct strmap missing; /* tenant -> snapshot that lacks rows */
};

/* Fills in the stage's handlers. in, db and stage are borrowed and outlive
 * c; opt is what in was opened with. */
void consume_init(struct consume *c, struct stage *stage, struct db *db,
    const struct conf *conf, const struct endpoint_options *opt);

/* After the loop: says what was not whole, logs the counts. The exit code:
 * code, or what is wrong when code is 0. */
enum exit_code consume_finish(struct consume *c, enum exit_code code);

void consume_release(struct consume *c);

#endif
