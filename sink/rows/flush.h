/*
 * flush: what a stream's aggregator sends about a tenant that it keeps in the
 * database: rows, and the changes of the state that they were computed from.
 * The lines, between which there are rows:
 *
 *   {"type":"flush","tenant":T,"stream":S,"version":V,"writer":R,
 *    "prev_version":PV,"prev_writer":"PR","from":F,"identity":I,"host":H,
 *    "n":N,"i":I,"part":1}              begins a flush
 *   {"type":"state","data":"BASE64"}     a part of the changes
 *   {"type":"flushed"}                   ends it
 *
 * One transaction stores all of a flush, if the tenant's last stored flush is
 * the previous one that it names (flush_heads.h).
 */
#ifndef SINK_ROWS_FLUSH_H
#define SINK_ROWS_FLUSH_H

#include "common/base/buf.h"
#include "common/base/text.h"
#include "common/containers/arena.h"
#include "common/json/json_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FLUSH_WRITER = 16 }; /* hexadecimal digits */

enum flush_fate {
	FLUSH_TAKEN,
	FLUSH_KNOWN, /* it is stored already */
	FLUSH_REFUSED,
};

struct state_part {
	struct text base64;
	struct state_part *next;
};

/* The tenant's last stored flush; version 0: none. */
struct flush_head {
	int64_t version, from_version;
	char writer[FLUSH_WRITER + 1];
};

struct flush {
	struct text tenant, stream, writer, identity, host;
	int64_t version;
	struct text prev_writer;
	int64_t prev_version; /* 0: it is the first flush */
	int64_t from_version; /* 0: as before */
	bool forced;          /* whatever the last flush is, if it is older */
	int64_t round, index; /* n, and which flush of this round, from 1 */
	int64_t part;         /* of its messages, from 1 */

	struct state_part *parts, **parts_end;
	const char *bad; /* why it cannot be stored; NULL: it can */

	/* Results of the current attempt. */
	struct flush_head head;
	enum flush_fate fate;
	const char *reason; /* if it is refused */
};

/* Reads a flush line, whose texts are borrowed. Returns -1 and *why if it is
 * bad. */
int flush_read(struct flush *f, const struct flat *line, struct buf *why)
    __attribute__((warn_unused_result));

/* Returns a copy of the flush, with its texts, in the arena. */
struct flush *flush_keep(const struct flush *f, struct arena *a)
    __attribute__((warn_unused_result));

/* Adds the part in a state line, which is copied. Returns -1 and *why if it is
 * bad. */
int flush_add_state(struct flush *f, const struct flat *line, struct arena *a,
    struct buf *why) __attribute__((warn_unused_result));

/* What a caller of sink --state has of a tenant. */
struct flush_version {
	struct text tenant, writer; /* borrowed */
	int64_t version;
};
int flush_version_read(struct flush_version *v, const struct flat *line,
    struct buf *why) __attribute__((warn_unused_result));

/* The line that asks whether a round of flushes is stored (flush_answers.h). */
struct sent {
	struct text writer; /* borrowed */
	int64_t round, flushes;
};
int sent_read(struct sent *s, const struct flat *line, struct buf *why)
    __attribute__((warn_unused_result));

#endif
