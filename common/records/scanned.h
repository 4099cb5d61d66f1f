/*
 * scanned: the records of a block in little memory, so that one thread may read
 * them and another one use them: what a record has, its texts as pointers into
 * the block, and nothing of what it lacks.
 *
 *     scanned_fill(x, block, len);                        one thread
 *     while ((what = scanned_next(x, &u)) != SCANNED_END) another one
 *
 * Lines that need more than that (bad ones, snapshot markers, rows, unknown
 * types) are left as they stand: SCANNED_LINES gives a run of them, to be read
 * by scan_block(). So reasons are the reader's own.
 */
#ifndef COMMON_RECORDS_SCANNED_H
#define COMMON_RECORDS_SCANNED_H

#include "common/records/scan.h"
#include "common/records/scanned_message.h"

/* Begin with scanned_init(). */
struct scanned {
	const char *block; /* borrowed */
	struct scan scan;  /* skips_text may be set; owns what had escapes */
	/* May be set after scanned_init(): messages and events that belong to
	 * no snapshot are given as SCANNED_MESSAGE and SCANNED_EVENT. */
	bool gives_messages;
	struct scanned_words words; /* of these */

	/* Private. */
	struct record record;
	unsigned char *items; /* each begins with a struct scanned_head */
	size_t len, cap;      /* bytes of them */
	size_t next;          /* the one that scanned_next() takes */
};

/* Where the records of several blocks are given, one after the other. Begin
 * with its record and SCANNED_UNKNOWN. */
struct scanned_user {
	struct record *record; /* of the last SCANNED_RECORD; borrowed */
	const struct scanned_message *message; /* of a SCANNED_MESSAGE */
	const struct scanned_event *event;     /* of a SCANNED_EVENT */
	/* The last record's line without newline; or whole lines. In the
	 * block. */
	const char *line;
	size_t len;
	/* Fields of *record that may not be absent. Set it to
	 * SCANNED_UNKNOWN after another one has changed the record. */
	uint64_t has;
};

#define SCANNED_UNKNOWN UINT64_MAX

enum scanned_what {
	SCANNED_END,
	SCANNED_RECORD,
	SCANNED_MESSAGE,
	SCANNED_EVENT,
	SCANNED_LINES, /* a run of lines, with their newlines */
};

void scanned_init(struct scanned *x);
void scanned_release(struct scanned *x);

/* Reads a block, as scan_block() takes it. It must stay as it is until the last
 * scanned_next(). */
void scanned_fill(struct scanned *x, const char *block, size_t len);

/* A block of lines that nobody has read yet. */
void scanned_leave(struct scanned *x, const char *block, size_t len);

/* The next record, or run of lines, in their order. A record is what
 * scan_record() gave, but for type_name and flat; its text is borrowed until
 * the block, or x, gets another use. */
enum scanned_what scanned_next(struct scanned *x, struct scanned_user *u);

#endif
