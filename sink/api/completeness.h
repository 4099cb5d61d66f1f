/*
 * completeness: what the table coverage says about a tenant: since when its
 * figures are complete, and whether those of a period are. All outputs ask
 * here: the API, with it the board, the report, and the terminal. A period that
 * is incomplete is shown as such and compared with nothing.
 *
 * Rows that overlap or touch are one range, whatever their sources (see
 * aggregator/model/coverage.h). Figures are complete since the beginning of the
 * newest range. While the metrics are fresh, that range reaches to now. Running
 * totals (counts) belong to one state, so only its rows count: the newest row,
 * and the rows of the days before it, as long as each ends when the next one
 * begins.
 *
 * A tenant without rows has another publisher, who does not state what is
 * complete: its figures count since the first record, and no later gap is
 * known.
 */
#ifndef SINK_API_COMPLETENESS_H
#define SINK_API_COMPLETENESS_H

#include "sink/api/question.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COMPLETE_CHATS "chats"
#define COMPLETE_COUNTS "counts"

struct complete_range {
	int64_t begin, end; /* in ms; the end is not included */
};

/* A zeroed struct is empty: nothing was read. */
struct completeness {
	bool stated; /* there are rows */
	struct complete_range
	    *list; /* in order, apart from each other; owned */
	size_t n;
};

/* Reads the coverage of that kind. Returns false if the answer is now a
 * problem. */
bool completeness_read(struct question *q, const char *kind,
    struct completeness *c) __attribute__((warn_unused_result));
void completeness_release(struct completeness *c);

/* Returns since when the figures are complete, or the time of the first record;
 * CLOCK_NONE: there are no figures. */
int64_t completeness_since(const struct completeness *c);

/* Whether the figures of a period are complete, as far as it is over. The words
 * are cells of a SHEET_FLAG and members in JSON. */
enum complete_state {
	COMPLETE_NOT,
	COMPLETE_YES,
	COMPLETE_UNKNOWN, /* nothing is stated, and there are records from
			   * before the period */
};
enum complete_state complete_state(
    const struct completeness *c, int64_t begin, int64_t end, int64_t now);
const char *complete_word(enum complete_state s); /* "0", "1" or NULL */
/* Appends the member `complete` of an answer. */
void complete_write(struct buf *to, enum complete_state s);

/* Appends the members complete_since and first_record of an answer: one of them
 * is a time, the other null. */
void completeness_write(const struct completeness *c, struct buf *to);

/* The shapes of a column `complete` and of these members in the description of
 * the API. */
#define COMPLETE_SHAPE                                                         \
	"flag? 'False: the figures lack something that was not read; null: "   \
	"nothing states whether they do'"
#define COMPLETENESS_SHAPE                                                     \
	"complete_since: time? 'Since when the figures are complete; null if " \
	"nothing states it', first_record: time? 'Without complete_since: "    \
	"when the first record was'"

#endif
