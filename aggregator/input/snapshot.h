/*
 * snapshot: the markers of snapshots, the same for a pipe and for a queue:
 * which snapshot and which part of it a line belongs to, and when a part is
 * whole; and the model of the records between them.
 *
 * A snapshot that went through an exchange is in parts, each with markers of
 * its own (common/records/bucket.h).
 *
 * A bad record that names its tenant and its snapshot counts for that, too: it
 * is refused by itself, and the snapshot goes on without it. A line that does
 * not counts for none: the snapshot that lacks it is incomplete.
 */
#ifndef AGGREGATOR_INPUT_SNAPSHOT_H
#define AGGREGATOR_INPUT_SNAPSHOT_H

#include "common/containers/strmap.h"
#include "common/records/bucket.h"

#include "aggregator/allocation/replay_log.h"
#include "aggregator/tenant/pipeline.h"

/* The index of the one part of a snapshot that is not in parts. */
#define MARKERS_WHOLE BUCKET_PARTS
#define MARKERS_PARTS (BUCKET_PARTS + 1)

struct marked_part {
	bool begun;
	bool applied;    /* of a queue: it corrected its tenant */
	int64_t records; /* by its end marker; -1: that has not come yet */
	uint64_t lines;  /* so far */
};

/* A snapshot that began. */
struct markers {
	char *id;
	int64_t at;     /* of the begin marker: as_of */
	int64_t end_at; /* of the end marker, if that has a time */
	bool in_parts;
	struct marked_part parts[MARKERS_PARTS];
};

/* What is known of the snapshots of a tenant; the first member of a struct that
 * is the value in the map below. */
struct marked_tenant {
	struct markers *open; /* NULL: none is */
};

/* A begin marker: of a new snapshot, in place of what *m had; or of one more
 * part. */
void markers_open(struct markers *m, const struct record *begin);
void markers_begin_part(struct markers *m, unsigned part);
/* An end marker. */
void markers_end_part(
    struct markers *m, unsigned part, const struct record *end);
void markers_close(struct markers *m);

/* m may be NULL. */
bool markers_are_of(const struct markers *m, struct text id);

/* The part of the record, a marker or not, if it is of the snapshot *m, which
 * may be NULL. */
unsigned markers_part_of(const struct markers *m, const struct record *r);

static inline bool
marked_part_is_whole(const struct marked_part *p)
{
	return p->records >= 0 && p->lines == (uint64_t)p->records;
}

/* How many parts are whole and not yet applied. */
size_t markers_count_whole(const struct markers *m);

/* The one of the tenants (name -> struct marked_tenant) whose open snapshot a
 * bad line belongs to, and the part. NULL: nobody's. f: what could be read of
 * the line. */
struct marked_tenant *marked_owner(
    const struct strmap *tenants, const struct flat *f, unsigned *part);

/* Which records outside of a snapshot, or in it, are kept and passed on. */
struct passing {
	/* NULL: none is. It may set the time of a message. */
	bool (*passes)(void *ctx, struct record *r);
	void *ctx;
};

/* Appends the record's line, if it passes, with its newline and without its
 * field `snapshot`. */
void passing_add(const struct passing *p, struct buf *to, struct record *r,
    const char *line, size_t len);

/* The same of a line in a block of scan.h that passes, with another time. */
void passing_add_at(struct buf *to, const char *line, size_t len, int64_t at);

/* The records of a snapshot. */
struct snapshot {
	struct markers markers;
	struct pipeline pipeline;
	struct buf pass_through;
	struct replay_log replay;
};

/* Of that time; the caller sets the rest of its markers. */
struct snapshot *snapshot_new(
    const struct pipeline_setup *setup, struct text tenant, int64_t at);
void snapshot_free(struct snapshot *s); /* NULL is fine */

/* Adds a record. NULL, or why it is refused. */
const char *snapshot_add(struct snapshot *s, const struct pipeline_setup *setup,
    const struct passing *passing, struct record *r, const char *line,
    size_t len);

/* A field as text, of a record that is bad or of an unknown type. */
struct text record_peek(const struct flat *f, const char *key);

#define REFUSED_ROW                                                            \
	"it is a row, which an aggregator writes and a sink reads; give "      \
	"records"

#endif
