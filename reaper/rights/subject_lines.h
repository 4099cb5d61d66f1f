/*
 * subject_lines: which lines of a file are about a customer: records, rows,
 * dead letters with a record or a webhook in them, and lines of an audit. A
 * line that is cut or no JSON is about them if it has the tenant and their id,
 * or a chat of theirs, as values.
 */
#ifndef REAPER_RIGHTS_SUBJECT_LINES_H
#define REAPER_RIGHTS_SUBJECT_LINES_H

#include "common/text/flat.h"
#include "reaper/rights/subject.h"

/* What reading lines needs; zeroed before the first, its subject set. */
struct subject_lines {
	struct subject *subject;
	uint64_t found;  /* lines that were about them */
	uint64_t broken; /* other lines that, or whose records, were broken:
			    cut or no JSON */
	bool is_broken;  /* the last line, or its record */

	/* private */
	struct flat flat;
	struct buf inner, changed;
	bool dead; /* the line is a dead letter */
};

/* Whether the line is about the customer or a chat of theirs. The 64 bytes
 * behind the line must be readable.
 *
 * Unless instead is NULL: whether it has anything of them left. It goes, and
 * what is appended to *instead takes its place: a record without what
 * identifies a person, a line of an audit with the alias; nothing of a dead
 * letter or a broken line. */
bool subject_lines_match(
    struct subject_lines *l, const char *line, size_t len, struct buf *instead);

/* For the customer alone; adds the line's chat to those of the subject. */
void subject_lines_learn(struct subject_lines *l, const char *line, size_t len);

void subject_lines_release(struct subject_lines *l);

#endif
