/*
 * subject_lines: finds the lines of a file that are about a customer: records,
 * rows, dead letters with a record or webhook in them, and audit lines. A line
 * that is truncated or not JSON is about them if its values include the tenant,
 * and the customer's id or one of their chats.
 */
#ifndef REAPER_RIGHTS_SUBJECT_LINES_H
#define REAPER_RIGHTS_SUBJECT_LINES_H

#include "common/json/json_text.h"
#include "reaper/rights/subject.h"

/* The context for reading lines; zeroed before the first one, except its
 * subject. */
struct subject_lines {
	struct subject *subject;
	uint64_t found;  /* lines that were about them */
	uint64_t broken; /* other lines that were broken, or had a broken
			  * record */
	bool is_broken;  /* the last line, or the record in it */

	/* private */
	struct flat flat;
	struct buf inner, changed;
	bool dead; /* the line is a dead letter */
};

/* Returns whether the line is about the customer or one of their chats.
 *
 * If instead is not NULL, returns whether the line still has any data about
 * them. It is then replaced by the text appended to *instead: a record without
 * data that identify a person, an audit line with the alias; nothing for a dead
 * letter or a broken line. */
bool subject_lines_match(
    struct subject_lines *l, const char *line, size_t len, struct buf *instead);

/* If the line is about the customer, adds its chat to those of the subject. */
void subject_lines_learn(struct subject_lines *l, const char *line, size_t len);

void subject_lines_release(struct subject_lines *l);

#endif
