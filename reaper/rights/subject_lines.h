/*
 * subject_lines: which lines of a file are about a customer: records, rows,
 * dead letters with a record or a webhook in them, and lines of an audit. Of a
 * line that is cut or no JSON, that counts which is whole before that place.
 */
#ifndef REAPER_RIGHTS_SUBJECT_LINES_H
#define REAPER_RIGHTS_SUBJECT_LINES_H

#include "common/text/flat.h"
#include "reaper/rights/subject.h"

/* What reading lines needs; zeroed before the first, its subject set. */
struct subject_lines {
	struct subject *subject;
	uint64_t found;  /* lines that were about them */
	uint64_t broken; /* other lines that, or whose records, were cut or no
			    JSON */

	/* private */
	struct flat flat;
	struct buf inner, whole, changed;
	bool dead; /* the line is a dead letter */
};

/* Whether the line is about the customer or a chat of theirs. The 64 bytes
 * behind the line must be readable. */
bool subject_lines_match(struct subject_lines *l, const char *line, size_t len);

/* The same, of a line that has anything of them left. It goes; what is appended
 * to *instead takes its place: a record without what identifies a person, a
 * line of an audit with the alias; nothing of a dead letter or a line that is
 * cut.
 */
bool subject_lines_forget(
    struct subject_lines *l, const char *line, size_t len, struct buf *instead);

/* The same, for the customer alone; adds the line's chat to those of the
 * subject. */
void subject_lines_learn(struct subject_lines *l, const char *line, size_t len);

void subject_lines_release(struct subject_lines *l);

#endif
