/*
 * flush_lines: collects the lines of a flush (flush.h) until it is complete,
 * because no transaction may store a part of one.
 *
 * A flush may be longer than a message. Then each message that continues it
 * begins with the same flush line, with the next part. The beginning of another
 * flush of the stream ends one that was not completed: its writer sends it
 * again, or is no longer in charge. A part without the part before it is
 * dropped: these messages were acknowledged by a sink that was killed.
 */
#ifndef SINK_READ_FLUSH_LINES_H
#define SINK_READ_FLUSH_LINES_H

#include "common/containers/strmap.h"
#include "sink/rows/flush.h"

/* A flush whose lines are collected; its texts belong to its arena. */
struct open_flush {
	struct flush *flush;
	struct arena arena;
	struct buf lines;
};

struct flush_lines {
	/* The flush that is complete; NULL: none. */
	struct open_flush *complete;

	/* private */
	struct strmap open; /* stream -> struct open_flush */
	struct open_flush *now;
	bool skipping; /* these lines belong to no flush that is collected */
};

/* A zeroed struct is empty, except for the map. */
void flush_lines_init(struct flush_lines *l);
void flush_lines_release(struct flush_lines *l);

/* A flush line was read; NULL: it is bad, and its lines are dropped. */
void flush_lines_begin(struct flush_lines *l, const struct flush *f);

/* True if the next lines belong to a flush. */
bool flush_lines_inside(const struct flush_lines *l);

/* Takes lines, up to the end of the flush; returns the number of bytes. */
size_t flush_lines_take(struct flush_lines *l, const char *lines, size_t len);

/* The message ends, which may continue in another one. */
void flush_lines_leave(struct flush_lines *l);

/* Removes the complete flush. */
void flush_lines_drop(struct flush_lines *l);

#endif
