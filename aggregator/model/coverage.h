/*
 * coverage: from when to when everything of a tenant was read. Figures of any
 * other time are incomplete: the first poll sees only the chats that are open
 * then, and while nobody reads, chats may open and close unseen.
 *
 * Who states it, in records of type coverage:
 *
 *   poll      the poller, in each snapshot: from the last confirmed snapshot to
 *             this one. The first snapshot states an empty range, which begins
 *             the coverage. After a pause of more than three intervals, a
 *             snapshot begins a new range: the pause is a gap.
 *   webhook   the listener, each minute: from its last statement to now. The
 *             first webhook of a tenant begins the range; while the listener
 *             does not run, there is a gap.
 *   backfill  poller --backfill at its end, and the poller when it has filled a
 *             gap: the time whose chats it has read.
 *
 * Other publishers state none: then nothing is known about gaps, and the sink
 * shows the time of the first record.
 *
 * What is covered depends on the kind:
 *
 *   chats     chats and what is computed from each of them: intervals,
 *             conversations, messages
 *   counts    running totals: users, activity, events, alerts, trends. A
 *             backfill cannot add to them. They begin with the state that
 *             counts them, so a statement counts from the tenant's first record
 *             on (struct model: since), and a new state begins a new range. A
 *             run without a state has none.
 *
 * A statement that touches a range of its kind and source extends it, for
 * counts of any source; others begin a range. Each UTC day of a range is a row
 * of the table coverage, with the beginning in its key: the row of the last day
 * grows, and a flush writes the rows that grew. So reaper --retention, which
 * deletes whole days, deletes their coverage, too, and no later row brings it
 * back. Otherwise rows are never withdrawn, because what was read stays read.
 * Ranges of different sources may overlap; readers of the rows join those that
 * touch (sink/api/completeness.h). The model remembers the last days of the
 * newest ranges, to extend them; it belongs to the tenant's entry in the state.
 * In the minute job and in a stream, this is the same.
 */
#ifndef AGGREGATOR_MODEL_COVERAGE_H
#define AGGREGATOR_MODEL_COVERAGE_H

#include "common/base/text.h"
#include "common/containers/pack.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum coverage_kind { COVERAGE_CHATS, COVERAGE_COUNTS, COVERAGE_KINDS };
enum coverage_source {
	COVERAGE_POLL,
	COVERAGE_WEBHOOK,
	COVERAGE_BACKFILL,
	COVERAGE_SOURCES
};

extern const char *const coverage_kinds[COVERAGE_KINDS];
extern const char *const coverage_sources[COVERAGE_SOURCES];

struct coverage_range {
	enum coverage_kind kind;
	enum coverage_source source;
	int64_t begin, end; /* in ms; the end is not included */
	int64_t unwritten;  /* since then, its rows must be written */
};

/* Of a range: all its rows are written. */
#define COVERAGE_WRITTEN INT64_MAX

/* Ranges that a model remembers. */
#define COVERAGE_RANGES 32

/* Of a longer statement, only the end counts. */
#define COVERAGE_LONGEST_MS (INT64_C(3660) * DAY_MS)

/* Zeroed, it is empty. */
struct coverage {
	struct coverage_range *list; /* owned; NULL: none */
	size_t n;
};

void coverage_release(struct coverage *c);

/* Adds a statement. Returns false if it says nothing new, or its kind or source
 * is unknown: a later version may have others. */
bool coverage_add(struct coverage *c, struct text kind, struct text source,
    int64_t begin, int64_t end);

/* Returns since when chats are covered up to the newest statement; CLOCK_NONE:
 * nothing is stated. */
int64_t coverage_since(const struct coverage *c);

/* All rows of all remembered days must be written. */
void coverage_mark_all(struct coverage *c);
/* All rows are written. Of each range, only the last day is still
 * remembered. */
void coverage_clear_marks(struct coverage *c);

/* Packs or unpacks. */
void coverage_code(struct pack *k, struct coverage *c);

#endif
