/*
 * response_plan: how what is asked is put together from days and hours of UTC,
 * and the rest from intervals. Times that follow each other and belong to the
 * same slot (a period, an hour of the week) are a stretch.
 */
#ifndef SINK_RESPONSES_RESPONSE_PLAN_H
#define SINK_RESPONSES_RESPONSE_PLAN_H

#include "common/base/buf.h"
#include "common/containers/strmap.h"
#include "sink/responses/response_span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A range of time, in ms. */
struct response_range {
	int64_t from, to;
};

/* Ranges in order. */
struct response_ranges {
	struct response_range *list; /* owned */
	size_t n, cap;
};
/* Nothing is added where from is not before to. */
void response_ranges_add(struct response_ranges *r, int64_t from, int64_t to);

/* From `begin` on, up to the next stretch. */
struct response_stretch {
	int64_t begin, slot; /* -1: nothing is asked */
};

/* What is asked, by time. */
struct response_plan {
	int64_t from, to;                   /* all of it */
	struct response_stretch *stretches; /* in order; owned */
	size_t stretches_n, stretches_cap;
};

/* From then on, up to the next stretch, the slot is that; -1: none. Stretches
 * are added in their order, the last one is none. */
void response_plan_stretch(
    struct response_plan *p, int64_t begin, int64_t slot);
/* A slot for each period of the span. */
void response_plan_periods(
    struct response_plan *p, const struct response_span *s);
void response_plan_release(struct response_plan *p);

enum response_level {
	RESPONSE_DAYS,
	RESPONSE_HOURS,
	RESPONSE_INTERVALS,
	RESPONSE_LEVELS
};

/* What sums there are: of all hours in [first, end) but those on the list, and
 * of all days that have all their hours. */
struct response_available {
	int64_t first, end;
	int64_t *due; /* in order; owned */
	size_t due_n, due_cap;
};

/* Cuts the stretches into days and hours that have sums, and the rest. With
 * `cut` the hours whose sums are there, but which a stretch cuts, are among the
 * hours, too: they have no slot, but tell how many responses there are. ranges:
 * of RESPONSE_LEVELS, empty. */
void response_plan_cut(const struct response_plan *p,
    const struct response_available *k, bool cut,
    struct response_ranges *ranges);

/* The slot that a day or hour lies in; -1: none. */
int64_t response_plan_slot(
    const struct response_plan *p, int64_t begin, enum response_level level);

/* Puts the slots of the parts of a time that are in the ranges into a map, by
 * their 8 bytes. */
void response_plan_mark(const struct response_plan *p,
    const struct response_ranges *ranges, const struct response_range *time,
    struct strmap *slots);

/* When an interval ended, as SQL, in ms since 1970. */
#define RESPONSE_SLOT_MS                                                       \
	"(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', end_at) DIV 1000)"

/* Appends the slot that an interval of the ranges ended in, as SQL: stretches
 * that share one, as the hours of a week do, are one group there. */
void response_plan_add_slot(const struct response_plan *p,
    const struct response_ranges *ranges, struct buf *sql);

#endif
