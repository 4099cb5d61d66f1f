/*
 * intake: reads the lines of a file or a pipe and gives each to its tenant. The
 * lines of a snapshot, which stand between markers, are kept until its end
 * marker; if it is complete, it then corrects the tenant. A broken snapshot is
 * reported in one line and changes nothing.
 *
 * A line belongs to the snapshot that it names, regardless of its place, so
 * lines of several tenants and of a stream may be mixed. Rows are refused and
 * not counted: an aggregator's output has the markers of a snapshot and would
 * look like a snapshot without operators and chats.
 *
 * A snapshot in parts, which went through an exchange, is refused: behind a
 * queue staging.h puts its parts together.
 */
#ifndef AGGREGATOR_INPUT_INTAKE_H
#define AGGREGATOR_INPUT_INTAKE_H

#include "common/records/scan.h"
#include "common/stage/deadletter.h"

#include "aggregator/allocation/replay_log.h"
#include "aggregator/input/markers.h"
#include "aggregator/tenant/pipeline.h"

struct intake_tenant {
	struct marked_tenant marked; /* first member */
	char *name;
	size_t name_len;
	struct buf lines;      /* of the open snapshot, as scan_block() takes
				* them, but for the bytes behind them */
	struct markers *whole; /* the newest complete snapshot, or NULL */
	struct pipeline *pipeline; /* NULL: no record counts yet */
	struct buf pass_through;   /* records to pass through */
	struct replay_log replay;  /* records, if allocation is selected */
	struct strmap failed;      /* ids of snapshots that were already
				    * reported */
};

/* A line that was read but not yet added. */
struct intake_line {
	struct record record;
	const char *text;
	size_t len;
	struct intake_tenant *tenant;
	uint32_t hash; /* of the chat */
};

/* Lines that are read before the first of them is added, so that their chats
 * are fetched from memory meanwhile. */
#define INTAKE_AHEAD 32

struct intake {
	const struct pipeline_setup *setup;
	struct strmap tenants; /* name -> struct intake_tenant */
	struct intake_tenant *recent[SCAN_TENANTS]; /* by the place that `scan`
						     * gives their names */
	bool passes;             /* selected records are passed through */
	struct deadletter *dead; /* for bad lines; borrowed */
	struct intake_line ahead[INTAKE_AHEAD];
	uint64_t read, added;    /* numbers of lines that were put into `ahead`
				  * and taken out */
	struct intake_line *now; /* the line that is being added */

	/* The following members are read-only for the caller. */
	uint64_t lines;  /* the caller counts lines that were not read */
	uint64_t failed; /* incomplete snapshots */
	struct scan scan;
};

/* The setup is borrowed. */
void intake_init(struct intake *in, const struct pipeline_setup *setup);
void intake_release(struct intake *in);

/* Adds a block of lines in the form that scan_block() takes. */
void intake_add_block(struct intake *in, const char *block, size_t len);

/* Refuses the last line; NULL: it could not be read. */
void intake_refuse(
    struct intake *in, const char *line, size_t len, const char *why);

/* Call at the end of the input. cut: it ended inside a line. Reports each
 * snapshot without an end, or, if there is none, only that the input was cut
 * off. */
void intake_end(struct intake *in, bool cut);

/* Returns the tenants sorted by name: an owned array of *n borrowed
 * pointers. */
struct intake_tenant **intake_tenants(const struct intake *in, size_t *n);

#endif
