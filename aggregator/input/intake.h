/*
 * intake: takes the lines of a file or a pipe and sorts them by tenant:
 * snapshots between their markers, and what lies outside of any as a stream. A
 * snapshot counts only when it is whole; a tenant's broken one is logged in one
 * line and delays no other tenant.
 *
 * A line belongs to the snapshot it names, not to the markers it happens to lie
 * between, so lines of several tenants, and of a stream, may be mixed. A row is
 * refused, and does not count: what an aggregator wrote has the markers of a
 * snapshot, and would be one without operators and chats.
 *
 * A snapshot in parts is whole when all of them are.
 */
#ifndef AGGREGATOR_INPUT_INTAKE_H
#define AGGREGATOR_INPUT_INTAKE_H

#include "common/records/scan.h"

#include "aggregator/input/snapshot.h"

struct intake_tenant {
	struct marked_tenant marked; /* first */
	char *name;
	size_t name_len;
	struct snapshot *open;    /* begun, not ended; or NULL */
	struct snapshot *whole;   /* the newest whole one; or NULL */
	struct pipeline *stream;  /* or NULL */
	struct buf pass_through;  /* of the stream */
	struct replay_log replay; /* of both, where allocation is selected */
	struct strmap failed;     /* snapshot ids that were logged already */
};

#define INTAKE_RECENT 16

struct intake {
	const struct pipeline_setup *setup;
	struct strmap tenants;      /* name -> struct intake_tenant */
	struct intake_tenant *last; /* of the line before */
	/* Of lines before, by a hash of their names; or NULL. */
	struct intake_tenant *recent[INTAKE_RECENT];
	const char *text_of; /* see struct model; borrowed */
	struct passing passing;

	/* The rest is read only. */
	uint64_t lines;       /* the caller counts those that were not read */
	uint64_t failed;      /* snapshots that are not whole */
	struct record record; /* the last line's */
	struct scan scan;
	const struct intake_source *from;
};

/* Where lines come from. */
struct intake_source {
	void *ctx;
	/* Where a line is, for log lines; borrowed until the next call. */
	const char *(*where)(void *ctx, const char *line);
	/* Called for each bad line. */
	void (*bad)(void *ctx, const char *line, size_t len, const char *why);
};

/* Both arguments are borrowed. */
void intake_init(
    struct intake *in, const struct pipeline_setup *setup, const char *text_of);
void intake_release(struct intake *in);

/* Adds a block of lines, as scan_block() takes it. */
void intake_add_block(struct intake *in, const char *block, size_t len,
    const struct intake_source *from);

/* The input is over; cut: inside a line. Logs each snapshot that did not end,
 * or the cut alone if there is none. */
void intake_end(struct intake *in, bool cut);

/* Tenants by name; owned array of borrowed pointers, *n of them. */
struct intake_tenant **intake_tenants(const struct intake *in, size_t *n);

#endif
