/*
 * intake: takes the lines of an input and sorts them by tenant: snapshots
 * between their markers, and what lies outside of any as a stream. A snapshot
 * counts only when it is whole; a tenant's broken one is logged in one line and
 * delays no other tenant.
 *
 * A line belongs to the snapshot it names, not to the markers it happens to lie
 * between, so lines of several tenants, and of a stream, may be mixed. A line
 * that cannot be read still counts for the number in the end marker: it is
 * refused by itself and the snapshot goes on without it. A row is refused, too,
 * and does not count: what an aggregator wrote has the markers of a snapshot,
 * and would be one without operators and chats.
 *
 * A snapshot that went through an exchange has markers for each of its parts
 * (common/records/bucket.h); it is whole when all of them are, or those that
 * are wanted.
 */
#ifndef AGGREGATOR_TENANT_INTAKE_H
#define AGGREGATOR_TENANT_INTAKE_H

#include "common/containers/strmap.h"
#include "common/records/bucket.h"
#include "common/records/scan.h"

#include "aggregator/allocation/replay_log.h"
#include "aggregator/tenant/pass_through.h"
#include "aggregator/tenant/pipeline.h"

/* What is between a begin and an end marker. */
struct snapshot_part {
	bool begun, ended;
	uint64_t lines;   /* so far */
	uint64_t records; /* by the end marker */
};

struct snapshot {
	char *id;
	int64_t at;     /* of the begin marker: as_of */
	int64_t end_at; /* of the end marker */
	size_t parts_n; /* 1, or BUCKET_PARTS */
	struct snapshot_part *parts;
	struct pipeline pipeline;
	struct buf pass_through; /* see struct intake: passes */
	struct replay_log replay;
};

struct intake_tenant {
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

#define INTAKE_NO_ROW                                                          \
	"it is a row, which an aggregator writes and a sink reads; give "      \
	"records"

struct intake {
	const struct pipeline_setup *setup;
	struct strmap tenants;      /* name -> struct intake_tenant */
	struct strmap texts;        /* of replay logs */
	struct intake_tenant *last; /* of the line before */
	/* Of lines before, by a hash of their names; or NULL. */
	struct intake_tenant *recent[INTAKE_RECENT];
	const char *text_of; /* see struct model; borrowed */
	bool unordered;      /* from a broker: lines may come after the end */
	/* The parts that a snapshot needs to be whole; others are ignored.
	 * NULL: all. Borrowed. */
	const struct bucket_set *wanted;
	/* The record's line is to be kept and passed through
	 * (pass_through.h); NULL: none is. */
	bool (*passes)(void *ctx, struct record *r);
	void *passes_ctx;

	/* The rest is read only. */
	unsigned last_part; /* of the line before, in its snapshot */
	uint64_t lines;
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

/* Adds a line; record.h says what must be around it in memory. */
void intake_add(struct intake *in, const char *line, size_t len,
    const struct intake_source *from);

/* The same for a block of lines, as scan_block() takes it. */
void intake_add_block(struct intake *in, const char *block, size_t len,
    const struct intake_source *from);

/* A line was too long to be read: it counts for the snapshot it seems to belong
 * to. */
void intake_add_unread(struct intake *in);

/* The input is over; cut: inside a line. Logs each snapshot that did not end,
 * or the cut alone if there is none. */
void intake_end(struct intake *in, bool cut);

/* A field as text, of a record that is bad or of an unknown type. */
struct text intake_peek(const struct flat *f, const char *key);

/* Tenants by name; owned array of borrowed pointers, *n of them. */
struct intake_tenant **intake_tenants(const struct intake *in, size_t *n);

#endif
