/*
 * record: reads a line of the records that the programs exchange;
 * messaging-records(5) documents them. record.c has the table of their fields.
 *
 * A parsed record borrows its texts from the line and from the reader until the
 * next record_parse(). Absent and null mean the same: text NULL, time
 * CLOCK_NONE, number RECORD_NO_NUMBER, flag false.
 */
#ifndef COMMON_RECORDS_RECORD_H
#define COMMON_RECORDS_RECORD_H

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/json/json_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_MAX_LINE (1024 * 1024)
#define RECORD_NO_NUMBER INT64_MIN

/* In bytes. Longer ids and tenant names are refused, because they are keys in
 * the database. */
#define RECORD_MAX_ID 191
#define RECORD_MAX_TENANT 64
/* The greatest value of a count column (tables.c), and therefore of the fields
 * that become such columns: max_chats, reported_open_chats. */
#define RECORD_MAX_COUNT UINT32_MAX

enum record_type {
	RECORD_UNKNOWN, /* a type of a later version: skipped, not an error */
	RECORD_SNAPSHOT,
	RECORD_OPERATOR,
	RECORD_CHAT,
	RECORD_MESSAGE,
	RECORD_VIEW,
	RECORD_EVENT,
	RECORD_ASSIGNMENT,
	RECORD_LIMIT,
	RECORD_COVERAGE,
	RECORD_NAME,
	RECORD_NOTICE,
	RECORD_ROW,
	RECORD_TYPES
};

enum snapshot_state {
	SNAPSHOT_NONE,
	SNAPSHOT_BEGIN,
	SNAPSHOT_END,
	SNAPSHOT_APPLIED, /* it corrected a stream, whose rows come first */
	SNAPSHOT_STATES
};

enum chat_status {
	CHAT_NONE,
	CHAT_OPEN,
	CHAT_PENDING,
	CHAT_SNOOZED,
	CHAT_CLOSED,
	CHAT_GONE,
};

enum message_from {
	FROM_NONE,
	FROM_CUSTOMER,
	FROM_OPERATOR,
	FROM_BOT,
	FROM_SYSTEM,
};

struct record {
	enum record_type type;
	struct text type_name;
	struct text tenant;
	struct text snapshot;

	struct text id, chat, operator_id, user, to, channel, message, event;
	struct text name, customer, customer_name, customer_phone, tag;
	struct text kind, text, data, device, table, tags;
	struct text assignment, replaces, source, rule, scope, receiver;

	int64_t at, opened_at, closed_at, updated_at, expires, as_of;
	int64_t available_at;
	int64_t begin_at, end_at, fired_at, over_at;
	int64_t records, max_chats, reported_open_chats, value, target;

	enum snapshot_state state;
	enum chat_status status;
	enum message_from from;
	bool is_private, automated, stale, about, simulated;
	bool available, has_available;

	/* All fields as received; a row's columns are read from them. */
	const struct flat *flat;
};

/* How a field is read and checked. */
enum field_kind {
	FIELD_TENANT, /* parse_is_name(), at most RECORD_MAX_TENANT bytes */
	FIELD_ID,     /* a string of 1 to RECORD_MAX_ID bytes that
		       * record_id_error() accepts, or an integer, by its
		       * digits */
	FIELD_TEXT,   /* string */
	FIELD_TIME,   /* RFC 3339 */
	FIELD_COUNT,  /* integer >= 0 */
	FIELD_FLAG,   /* true or false */
	FIELD_STATE,  /* begin, end */
	FIELD_STATUS, /* open, pending, snoozed, closed, gone */
	FIELD_FROM,   /* customer, operator, bot, system */
	FIELD_JSON,   /* any value, as written */
};

struct record_field {
	const char *name;
	enum field_kind kind;
	size_t offset;     /* offset in struct record */
	unsigned in;       /* types that may have it: 1u << record_type */
	unsigned required; /* types that must have it */
};

extern const struct record_field record_fields[];
extern const size_t record_fields_n;
extern const char *const record_types[RECORD_TYPES]; /* their names */

/* Parses one line (without newline). Returns 0, or -1 with the reason in *why.
 * An unknown type gives 0 and RECORD_UNKNOWN. Unknown fields are skipped. 64
 * bytes after the line must be readable. */
int record_parse(struct record *r, struct flat *f, const char *line, size_t len,
    struct buf *why) __attribute__((warn_unused_result));

/* The reason why simulated assignments are refused where only real ones are
 * allowed. */
#define RECORD_SIMULATED "it is simulated: nobody reserved the chat"

/* Returns NULL, or the reason why the text is not an id: a control character,
 * or a space at its end. Ids are keys in the database, where 'a' and 'a ' are
 * equal. */
const char *record_id_error(const char *p, size_t len);

/* The same for a field, whose escapes must also be convertible without loss. */
const char *record_id_field_error(const struct flat_field *v);

/* Makes all fields absent. */
void record_clear(struct record *r);

/* Return the words used in records; "" for the first of each enumeration. */
const char *record_status_name(enum chat_status s);
const char *record_from_name(enum message_from f);

#endif
