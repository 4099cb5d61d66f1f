/*
 * markers: the markers of snapshots, which are the same in a pipe and in a
 * queue. They show to which snapshot and part a line belongs, and when a part
 * is complete.
 *
 * A snapshot that went through an exchange is in parts, each with its own
 * markers (common/records/bucket.h).
 *
 * A bad record that names its tenant and its snapshot is refused, but still
 * counts as a line of the snapshot, which continues without it. A bad line that
 * does not name them belongs to no snapshot, so its snapshot will be
 * incomplete.
 */
#ifndef AGGREGATOR_INPUT_MARKERS_H
#define AGGREGATOR_INPUT_MARKERS_H

#include "common/records/bucket.h"
#include "common/records/record.h"

/* Index of the only part of a snapshot that was not split into parts. */
#define MARKERS_WHOLE BUCKET_PARTS
#define MARKERS_PARTS (BUCKET_PARTS + 1)

struct marked_part {
	bool begun;
	bool applied;    /* the part has corrected its tenant */
	int64_t records; /* the number in its end marker; -1 until that
			  * arrives */
	uint64_t lines;  /* lines read so far */
};

/* A snapshot whose begin marker has been read. */
struct markers {
	char *id;
	int64_t at;     /* as_of in the begin marker */
	int64_t end_at; /* the time in the end marker, if it has one */
	bool in_parts;
	struct marked_part parts[MARKERS_PARTS];
};

/* Handles a begin marker, which starts a new snapshot, replacing *m, or one
 * more part of the present one. */
void markers_open(struct markers *m, const struct record *begin);
void markers_begin_part(struct markers *m, unsigned part);
/* Handles an end marker. */
void markers_end_part(
    struct markers *m, unsigned part, const struct record *end);
void markers_close(struct markers *m);

/* True if that is the id of the snapshot; m may be NULL. */
bool markers_are_of(const struct markers *m, struct text id);

/* Returns the part to which the record or marker belongs if it is from the
 * snapshot *m; m may be NULL. */
unsigned markers_part_of(const struct markers *m, const struct record *r);

static inline bool
marked_part_is_whole(const struct marked_part *p)
{
	return p->records >= 0 && p->lines == (uint64_t)p->records;
}

/* Returns how many parts are complete and not yet applied. */
size_t markers_count_whole(const struct markers *m);

/* Appends a record's line without the field `snapshot`, and with another time
 * unless that is CLOCK_NONE. The line is in a block of scan.h. */
void markers_strip(struct buf *to, const char *line, size_t len, int64_t at);

/* Returns a field as text, from a bad record or one of an unknown type. */
struct text record_peek(const struct flat *f, const char *key);

#define REFUSED_ROW                                                            \
	"this is a row for sink, not a record; give the records of poller"

#endif
