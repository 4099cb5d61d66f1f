/*
 * record: see record.h. Contains the tables of all record types and fields (how
 * a field is read, and which types may or must have it), the words of the
 * enumerations, which a test compares with messaging-records(5), and the
 * conversion of a parsed line to a struct record.
 */
#include "common/records/record.h"

#include <pthread.h>
#include <string.h>

#include "common/base/parse.h"
#include "common/base/prog.h"
#include "common/base/xalloc.h"
#include "common/records/keywords.h"

#define SNAP (1u << RECORD_SNAPSHOT)
#define OPER (1u << RECORD_OPERATOR)
#define CHAT (1u << RECORD_CHAT)
#define MESS (1u << RECORD_MESSAGE)
#define VIEW (1u << RECORD_VIEW)
#define EVEN (1u << RECORD_EVENT)
#define ASSI (1u << RECORD_ASSIGNMENT)
#define LIMI (1u << RECORD_LIMIT)
#define COVE (1u << RECORD_COVERAGE)
#define NAME (1u << RECORD_NAME)
#define NOTI (1u << RECORD_NOTICE)
#define ROW (1u << RECORD_ROW)
#define ALL                                                                    \
	(SNAP | OPER | CHAT | MESS | VIEW | EVEN | ASSI | LIMI | COVE | NAME | \
	    NOTI | ROW)

const char *const record_types[RECORD_TYPES] = {
	[RECORD_UNKNOWN] = "",
	[RECORD_SNAPSHOT] = "snapshot",
	[RECORD_OPERATOR] = "operator",
	[RECORD_CHAT] = "chat",
	[RECORD_MESSAGE] = "message",
	[RECORD_VIEW] = "view",
	[RECORD_EVENT] = "event",
	[RECORD_ASSIGNMENT] = "assignment",
	[RECORD_LIMIT] = "limit",
	[RECORD_COVERAGE] = "coverage",
	[RECORD_NAME] = "name",
	[RECORD_NOTICE] = "notice",
	[RECORD_ROW] = "row",
};

#define AT(member) offsetof(struct record, member)

const struct record_field record_fields[] = {
	{ "tenant", FIELD_TENANT, AT(tenant), ALL, ALL },
	{ "snapshot", FIELD_ID, AT(snapshot), ALL, SNAP },
	{ "state", FIELD_STATE, AT(state), SNAP, SNAP },
	{ "records", FIELD_COUNT, AT(records), SNAP, 0 },
	{ "id", FIELD_ID, AT(id), MESS | EVEN | ASSI | NAME | NOTI,
	    MESS | EVEN | ASSI | NAME | NOTI },
	{ "chat", FIELD_ID, AT(chat), CHAT | MESS | VIEW | EVEN | ASSI | NOTI,
	    CHAT | MESS | ASSI },
	{ "at", FIELD_TIME, AT(at),
	    SNAP | OPER | CHAT | MESS | VIEW | EVEN | ASSI | LIMI | NAME,
	    MESS | VIEW | NAME },
	{ "from", FIELD_FROM, AT(from), MESS, MESS },
	{ "user", FIELD_ID, AT(user), MESS | VIEW | EVEN, VIEW },
	{ "operator", FIELD_ID, AT(operator_id),
	    OPER | CHAT | MESS | ASSI | LIMI, OPER | ASSI },
	{ "to", FIELD_ID, AT(to), MESS, 0 },
	{ "channel", FIELD_ID, AT(channel), CHAT | MESS | EVEN | LIMI | NOTI,
	    0 },
	{ "private", FIELD_FLAG, AT(is_private), MESS, 0 },
	{ "automated", FIELD_FLAG, AT(automated), MESS, 0 },
	{ "kind", FIELD_TEXT, AT(kind), MESS | COVE | NAME | NOTI,
	    COVE | NAME | NOTI },
	{ "updated_at", FIELD_TIME, AT(updated_at), MESS, 0 },
	{ "text", FIELD_TEXT, AT(text), MESS, 0 },
	{ "data", FIELD_JSON, AT(data), MESS | EVEN, 0 },
	{ "name", FIELD_TEXT, AT(name), OPER | NAME, NAME },
	{ "available", FIELD_FLAG, AT(available), OPER, 0 },
	{ "available_at", FIELD_TIME, AT(available_at), OPER, 0 },
	{ "max_chats", FIELD_COUNT, AT(max_chats), OPER | LIMI | ASSI, 0 },
	{ "reported_open_chats", FIELD_COUNT, AT(reported_open_chats), OPER,
	    0 },
	{ "status", FIELD_STATUS, AT(status), CHAT, 0 },
	{ "customer", FIELD_ID, AT(customer), CHAT, 0 },
	{ "customer_name", FIELD_TEXT, AT(customer_name), CHAT, 0 },
	{ "customer_phone", FIELD_TEXT, AT(customer_phone), CHAT, 0 },
	{ "tag", FIELD_TEXT, AT(tag), CHAT, 0 },
	{ "tags", FIELD_TEXT, AT(tags), OPER | CHAT, 0 },
	{ "assignment", FIELD_ID, AT(assignment), CHAT, 0 },
	{ "replaces", FIELD_ID, AT(replaces), ASSI, 0 },
	{ "simulated", FIELD_FLAG, AT(simulated), ASSI, 0 },
	{ "opened_at", FIELD_TIME, AT(opened_at), CHAT, 0 },
	{ "closed_at", FIELD_TIME, AT(closed_at), CHAT, 0 },
	{ "stale", FIELD_FLAG, AT(stale), OPER | CHAT, 0 },
	{ "about", FIELD_FLAG, AT(about), MESS, 0 },
	{ "message", FIELD_ID, AT(message), VIEW, VIEW },
	{ "device", FIELD_TEXT, AT(device), VIEW, 0 },
	{ "event", FIELD_ID, AT(event), EVEN, EVEN },
	{ "expires", FIELD_TIME, AT(expires), ASSI, ASSI },
	{ "table", FIELD_TEXT, AT(table), ROW, ROW },
	{ "as_of", FIELD_TIME, AT(as_of), ROW, ROW },
	{ "rule", FIELD_TEXT, AT(rule), NOTI, NOTI },
	{ "scope", FIELD_TEXT, AT(scope), NOTI, 0 },
	{ "begin_at", FIELD_TIME, AT(begin_at), COVE | NOTI, COVE | NOTI },
	{ "fired_at", FIELD_TIME, AT(fired_at), NOTI, NOTI },
	{ "over_at", FIELD_TIME, AT(over_at), NOTI, 0 },
	{ "value", FIELD_COUNT, AT(value), NOTI, 0 },
	{ "target", FIELD_COUNT, AT(target), NOTI, 0 },
	{ "receiver", FIELD_TEXT, AT(receiver), NOTI, 0 },
	{ "end_at", FIELD_TIME, AT(end_at), COVE, COVE },
	{ "source", FIELD_TEXT, AT(source), COVE, COVE },
};

const size_t record_fields_n = ARRAY_LEN(record_fields);

static const char *const status_names[] = {
	[CHAT_NONE] = "",
	[CHAT_OPEN] = "open",
	[CHAT_PENDING] = "pending",
	[CHAT_SNOOZED] = "snoozed",
	[CHAT_CLOSED] = "closed",
	[CHAT_GONE] = "gone",
};

static const char *const from_names[] = {
	[FROM_NONE] = "",
	[FROM_CUSTOMER] = "customer",
	[FROM_OPERATOR] = "operator",
	[FROM_BOT] = "bot",
	[FROM_SYSTEM] = "system",
};

static const char *const state_names[] = {
	[SNAPSHOT_NONE] = "",
	[SNAPSHOT_BEGIN] = "begin",
	[SNAPSHOT_END] = "end",
	[SNAPSHOT_APPLIED] = "applied",
};

const char *
record_status_name(enum chat_status s)
{
	return status_names[s];
}

const char *
record_from_name(enum message_from f)
{
	return from_names[f];
}

/* The number of the key "type", which is not a row of the table. */
#define RECORD_TYPE_KEY 62

/* Lookup tables (keywords.h) for the names of fields and types and the words of
 * enumerations, made once from the tables above. */
struct record_words {
	struct keywords keys; /* rows of record_fields, and RECORD_TYPE_KEY */
	struct keywords types, states, statuses, froms;

	/* By type: bit i represents row i. */
	uint64_t may[RECORD_TYPES], must[RECORD_TYPES];

	/* A cleared record, and its size: a variable, because gcc copies a
	 * constant size with a slow instruction. */
	struct record blank;
	size_t size;
};

static struct record_words all_words;

static void
make_keys(void)
{
	const char *names[KEYWORDS_NONE] = { NULL };
	size_t i, type;

	if (record_fields_n > RECORD_TYPE_KEY)
		prog_die(PROG_SOFTWARE, "too many kinds of fields");
	for (i = 0; i < record_fields_n; i++) {
		const struct record_field *f = &record_fields[i];

		names[i] = f->name;
		for (type = 0; type < RECORD_TYPES; type++) {
			all_words.may[type] |= (uint64_t)(f->in >> type & 1)
					       << i;
			all_words.must[type] |=
			    (uint64_t)(f->required >> type & 1) << i;
		}
	}
	names[RECORD_TYPE_KEY] = "type";
	keywords_init(&all_words.keys, names, RECORD_TYPE_KEY + 1, "\":");
}

static void
make_all_words(void)
{
	make_keys();
	record_clear(&all_words.blank);
	all_words.size = sizeof all_words.blank;
	keywords_init(&all_words.types, record_types, RECORD_TYPES, "\"");
	keywords_init(&all_words.states, state_names, SNAPSHOT_STATES, "\"");
	keywords_init(&all_words.statuses, status_names, CHAT_GONE + 1, "\"");
	keywords_init(&all_words.froms, from_names, FROM_SYSTEM + 1, "\"");
}

static const struct record_words *
record_words(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, make_all_words);
	return &all_words;
}

/* Returns the index of the value among the words, or 0. */
static unsigned
word_index(const struct flat_field *v, const struct keywords *words)
{
	unsigned i;

	if (v->kind != FLAT_STRING)
		return 0;
	i = keywords_find(words, v->val, v->val_len);
	return i == KEYWORDS_NONE ? 0 : i;
}

/* True for a number without a point and an exponent. */
static bool
is_integer(const struct flat_field *v)
{
	size_t i = 0;

	if (v->kind != FLAT_NUMBER)
		return false;
	while (i < v->val_len && (text_is_digit(v->val[i]) || v->val[i] == '-'))
		i++;
	return i == v->val_len;
}

/* Returns the text of an id; the number -0 is the id 0. */
static struct text
id_text(const struct flat_field *v)
{
	struct text t = { v->val, v->val_len };

	if (v->kind == FLAT_NUMBER && t.len == 2 && memcmp(t.p, "-0", 2) == 0)
		t = (struct text){ t.p + 1, 1 };
	return t;
}

const char *
record_id_error(const char *p, size_t len)
{
	const unsigned char *c = (const unsigned char *)p;
	size_t i;

	/* C0, DEL and C1, which takes two bytes in UTF-8. */
	for (i = 0; i < len; i++)
		if (c[i] < 0x20 || c[i] == 0x7F ||
		    (c[i] == 0xC2 && i + 1 < len && c[i + 1] < 0xA0))
			return "holds a control character";
	return text_ends_with_blank(p, len) ? "ends with a space" : NULL;
}

/* U+0000 and half surrogates become U+FFFD, so different ids could become
 * equal. */
const char *
record_id_field_error(const struct flat_field *v)
{
	if (flat_is_lossy(v))
		return "has \\u0000 or half of a surrogate pair";
	return record_id_error(v->val, v->val_len);
}

/* Stores the id. Returns NULL, or the reason why the value is not one. */
static const char *
read_id_field(const struct flat_field *v, struct text *to)
{
	if (v->kind != FLAT_STRING && !is_integer(v))
		return "must be a string";
	if (v->val_len == 0)
		return "is empty";
	if (v->val_len > RECORD_MAX_ID)
		return "is too long";
	*to = id_text(v);
	if (v->kind != FLAT_STRING ||
	    (v->val == v->raw + 1 && v->val[v->val_len - 1] != ' ' &&
		text_is_plain(v->val, v->val_len)))
		return NULL;
	return record_id_field_error(v);
}

/* A tenant must be a valid name in the configuration, because it becomes part
 * of file names. */
static const char *
read_tenant_field(const struct flat_field *v, struct text *to)
{
	struct text t = id_text(v);

	if ((v->kind != FLAT_STRING && !is_integer(v)) ||
	    !parse_is_name_n(t.p, t.len, RECORD_MAX_TENANT))
		return "must be the name of a [crm NAME] section: up to 64 "
		       "letters, digits, '_', '.', '-', not beginning with '.' "
		       "or '-'";
	*to = t;
	return NULL;
}

static const char *
read_count_field(const struct flat_field *v, int64_t *to)
{
	char digits[24];

	if (!is_integer(v) || v->val_len >= sizeof digits)
		return "must be a whole number";
	memcpy(digits, v->val, v->val_len);
	digits[v->val_len] = '\0';
	if (parse_int(digits, 0, INT64_MAX, to) == -1)
		return "must be a whole number of at least 0";
	return NULL;
}

static inline const char *
read_field(
    const struct record_field *f, const struct flat_field *v, struct record *r)
{
	void *to = (char *)r + f->offset;
	struct text *text = to;
	bool *flag = to;

	switch (f->kind) {
	case FIELD_TENANT:
		return read_tenant_field(v, to);
	case FIELD_ID:
		return read_id_field(v, to);
	case FIELD_TEXT:
		*text = (struct text){ v->val, v->val_len };
		return v->kind == FLAT_STRING ? NULL : "must be a string";
	case FIELD_TIME:
		return v->kind == FLAT_STRING &&
			       clock_parse(v->val, v->val_len, to) == 0
			   ? NULL
			   : "must be a time like 2026-11-20T10:00:00.123Z";
	case FIELD_COUNT:
		return read_count_field(v, to);
	case FIELD_FLAG:
		*flag = v->kind == FLAT_TRUE;
		if (f->offset == offsetof(struct record, available))
			r->has_available = true;
		return *flag || v->kind == FLAT_FALSE ? NULL
						      : "must be true or false";
	case FIELD_STATE:
		r->state =
		    (enum snapshot_state)word_index(v, &record_words()->states);
		return r->state == SNAPSHOT_NONE ? "must be begin or end"
						 : NULL;
	case FIELD_STATUS:
		r->status =
		    (enum chat_status)word_index(v, &record_words()->statuses);
		return r->status == CHAT_NONE ? "must be open, pending, "
						"snoozed, closed or gone"
					      : NULL;
	case FIELD_FROM:
		r->from =
		    (enum message_from)word_index(v, &record_words()->froms);
		return r->from == FROM_NONE
			   ? "must be customer, operator, bot or system"
			   : NULL;
	case FIELD_JSON:
		text->p = flat_raw(v, &text->len);
		return NULL;
	}
	return NULL;
}

void
record_clear(struct record *r)
{
	memset(r, 0, sizeof *r);
	r->at = CLOCK_NONE;
	r->opened_at = CLOCK_NONE;
	r->closed_at = CLOCK_NONE;
	r->updated_at = CLOCK_NONE;
	r->expires = CLOCK_NONE;
	r->as_of = CLOCK_NONE;
	r->available_at = CLOCK_NONE;
	r->begin_at = CLOCK_NONE;
	r->end_at = CLOCK_NONE;
	r->fired_at = CLOCK_NONE;
	r->over_at = CLOCK_NONE;
	r->value = RECORD_NO_NUMBER;
	r->target = RECORD_NO_NUMBER;
	r->records = RECORD_NO_NUMBER;
	r->max_chats = RECORD_NO_NUMBER;
	r->reported_open_chats = RECORD_NO_NUMBER;
}

/* If a key is repeated, the last one counts, here and below. */
static int
read_type(struct record *r, const struct record_words *words, struct buf *why)
{
	const struct flat_field *type = flat_find(r->flat, "type");
	unsigned found;

	if (type == NULL || type->kind != FLAT_STRING || type->val_len == 0) {
		buf_setf(why, "field 'type' is missing");
		return -1;
	}
	r->type_name.p = type->val;
	r->type_name.len = type->val_len;
	found = keywords_find(&words->types, type->val, type->val_len);
	if (found != KEYWORDS_NONE)
		r->type = (enum record_type)found;
	return 0;
}

/* Returns the first required field that is missing, or NULL. Bit i of missing
 * stands for row i of the table. */
static const char *
missing_field(const struct record *r, uint64_t missing)
{
	if (missing != 0)
		return record_fields[__builtin_ctzll(missing)].name;
	if (r->type != RECORD_SNAPSHOT)
		return NULL;
	if (r->state != SNAPSHOT_END && r->at == CLOCK_NONE)
		return "at";
	if (r->state == SNAPSHOT_END && r->records == RECORD_NO_NUMBER)
		return "records";
	return NULL;
}

/* Reads every field that the type may have, the last one first. */
static int
read_record_fields(struct record *r, const struct record_words *words,
    uint64_t *present, struct buf *why)
{
	const struct keywords *keys = &words->keys;
	uint64_t may = words->may[r->type], bit;
	const char *wrong;
	unsigned row;
	size_t i;

	for (i = r->flat->n; i-- > 0;) {
		const struct flat_field *v = &r->flat->field[i];

		row = keywords_find(keys, v->key, v->key_len);
		bit = UINT64_C(1) << row;
		if ((may & bit) == 0)
			continue;
		may &= ~bit;
		if (v->kind == FLAT_NULL)
			continue;
		wrong = read_field(&record_fields[row], v, r);
		if (wrong != NULL) {
			buf_setf(why, "field '%s' %s", record_fields[row].name,
			    wrong);
			return -1;
		}
		*present |= bit;
	}
	return 0;
}

/* True for a closed chat outside snapshots that reports no time, so it is not
 * known what it closes. */
static bool
lacks_time(const struct record *r)
{
	return r->type == RECORD_CHAT && r->status == CHAT_CLOSED &&
	       r->snapshot.p == NULL && r->at == CLOCK_NONE &&
	       r->closed_at == CLOCK_NONE;
}

static int
check_bounds(const struct record *r, struct buf *why)
{
	if (lacks_time(r)) {
		buf_setf(why, "a closed chat outside a snapshot needs 'at' or "
			      "'closed_at'");
		return -1;
	}
	if (r->max_chats > RECORD_MAX_COUNT ||
	    r->reported_open_chats > RECORD_MAX_COUNT) {
		buf_setf(why, "field '%s' must be 0 to %u",
		    r->max_chats > RECORD_MAX_COUNT ? "max_chats"
						    : "reported_open_chats",
		    RECORD_MAX_COUNT);
		return -1;
	}
	if (r->type == RECORD_COVERAGE && r->end_at < r->begin_at) {
		buf_setf(why, "field 'end_at' is before 'begin_at'");
		return -1;
	}
	return 0;
}

static int
read_record(struct record *r, struct buf *why)
{
	const struct record_words *words = record_words();
	const char *missing, *name;
	uint64_t present = 0;

	if (read_type(r, words, why) == -1)
		return -1;
	if (r->type == RECORD_UNKNOWN)
		return 0;
	if (read_record_fields(r, words, &present, why) == -1)
		return -1;
	missing = missing_field(r, words->must[r->type] & ~present);
	if (missing != NULL) {
		name = record_types[r->type];
		buf_setf(why, "field '%s' is missing in %s %s record", missing,
		    strchr("aeiou", name[0]) != NULL ? "an" : "a", name);
		return -1;
	}
	return check_bounds(r, why);
}

int
record_parse(struct record *r, struct flat *f, const char *line, size_t len,
    struct buf *why)
{
	memcpy(r, &record_words()->blank, record_words()->size);
	r->flat = f;
	return flat_parse(f, line, len, why) == 0 ? read_record(r, why) : -1;
}
