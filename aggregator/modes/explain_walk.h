/*
 * explain_walk: the messages of a chat in the order of the clocks, and what
 * each one did to them, as the lines that explain.c shows.
 */
#ifndef AGGREGATOR_MODES_EXPLAIN_WALK_H
#define AGGREGATOR_MODES_EXPLAIN_WALK_H

#include "aggregator/modes/explain.h"

struct explain_line {
	const struct message *m; /* NULL: the next two instead */
	const char *event;
	int64_t at;
	size_t episode;
	bool counts;
	const char *change; /* of a clock, when no interval ended; or NULL */
	bool has_interval;
	bool shown_only; /* the definition does not count this interval */
	struct interval interval;
};

/* In the order of the walk. */
struct explain_lines {
	struct explain_line *lines;
	size_t n, cap;
	size_t first; /* of the lines of the current message */
	size_t episode;
	int64_t a, w; /* the clocks A and W before that message */
	int64_t counts_from;
};

/* Walks over the chat. The lines are the caller's to free. */
void explain_walk(const struct explain *x, struct explain_lines *s);

#endif
