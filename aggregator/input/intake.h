/*
 * intake: reads the lines of a file or a pipe and gives each to its tenant:
 * those of a snapshot to the staging, all others at once. A complete snapshot
 * corrects its tenant. An incomplete one is reported and changes nothing.
 *
 * A line belongs to the snapshot that it names, regardless of its place, so
 * lines of several tenants and of a stream may be mixed.
 */
#ifndef AGGREGATOR_INPUT_INTAKE_H
#define AGGREGATOR_INPUT_INTAKE_H

#include "common/records/scan.h"
#include "common/stage/deadletter.h"

#include "aggregator/input/staging.h"
#include "aggregator/simulation/replay_log.h"
#include "aggregator/tenant/pipeline.h"

/* A tenant with records that count. */
struct intake_tenant {
	struct intake *intake;
	char *name;
	struct pipeline pipeline;
	char *snapshot; /* id of the newest complete snapshot, or NULL */
	struct buf pass_through;  /* records to pass through */
	struct replay_log replay; /* records, if allocation is selected */
};

/* A record outside snapshots that was read but not yet added. */
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
	struct staging staging;
	struct strmap tenants; /* name -> struct intake_tenant */
	struct intake_tenant *recent[SCAN_TENANTS]; /* by the place that `scan`
						     * gives their names */
	bool passes;             /* selected records are passed through */
	struct deadletter *dead; /* for bad lines; borrowed */
	struct intake_line ahead[INTAKE_AHEAD];
	uint64_t read, added; /* numbers of records that were put into `ahead`
			       * and taken out */
	struct scan scan;
	uint64_t lines; /* the caller counts lines that were not read */
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
