/*
 * row_record: records as rows of their tables; see row.h. The record was
 * checked when it was parsed; what the database needs beyond that is looked at
 * here, and what stands in its data.
 */
#define _GNU_SOURCE /* memmem */
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "sink/store/row.h"

/* Bytes that may be read behind a text that is parsed. */
static const char padding[64];

/* DATETIME begins there. */
#define OLDEST_YEAR 1000

static int
check_time(int64_t at, struct buf *why)
{
	if (at >= clock_civil(OLDEST_YEAR, 1, 1, 0, 0, 0) * 1000)
		return 0;
	buf_setf(why, "field 'at' is before the year %d", OLDEST_YEAR);
	return -1;
}

static struct db_value
value(struct text t)
{
	return db_text(t.p, t.len);
}

/* Of a text that only people read what fits. */
static struct db_value
cut(struct row *row, size_t k, struct text t)
{
	size_t len;

	if (t.p == NULL)
		return db_text(NULL, 0);
	len = row_text_bytes(t.p, t.len, row->table->columns[k].max);
	if (len < t.len)
		row->cut |= UINT32_C(1) << k;
	return db_text(t.p, len);
}

struct row *
row_read_message(const struct record *r, const char *line, size_t len,
    struct arena *a, struct buf *why)
{
	struct row *row;
	struct db_value *v;
	struct text sender = r->user;

	if (check_time(r->at, why) != 0)
		return NULL;
	if (sender.p == NULL && r->from == FROM_OPERATOR)
		sender = r->operator_id;
	row = row_new(&tables[TABLE_messages], r, line, len, a);
	row->as_of = r->at;
	/* Not edited: the oldest version there can be. */
	row->version = r->updated_at != CLOCK_NONE && r->updated_at > 0
			   ? r->updated_at
			   : 0;
	v = row->values;
	v[TABLE_COLUMN(messages, tenant)] = value(r->tenant);
	v[TABLE_COLUMN(messages, created_at)] = db_time(r->at);
	v[TABLE_COLUMN(messages, conversation_id)] = value(r->chat);
	v[TABLE_COLUMN(messages, message_id)] = value(r->id);
	v[TABLE_COLUMN(messages, sender)] = db_str(record_from_name(r->from));
	v[TABLE_COLUMN(messages, sender_id)] = value(sender);
	v[TABLE_COLUMN(messages, receiver_id)] = value(r->to);
	v[TABLE_COLUMN(messages, operator)] = value(r->operator_id);
	v[TABLE_COLUMN(messages, channel)] = value(r->channel);
	v[TABLE_COLUMN(messages, message_type)] =
	    cut(row, TABLE_COLUMN(messages, message_type), r->kind);
	v[TABLE_COLUMN(messages, private)] = db_int(r->is_private);
	v[TABLE_COLUMN(messages, automated)] = db_int(r->automated);
	v[TABLE_COLUMN(messages, content)] = value(r->text);
	v[TABLE_COLUMN(messages, data)] = value(r->data);
	v[TABLE_COLUMN(messages, version)] = db_int(row->version);
	row_keep_texts(row, a);
	return row;
}

struct row *
row_read_view(const struct record *r, const char *line, size_t len,
    struct arena *a, struct buf *why)
{
	struct row *row;
	struct db_value *v;

	if (check_time(r->at, why) != 0)
		return NULL;
	row = row_new(&tables[TABLE_message_views], r, line, len, a);
	row->as_of = r->at;
	v = row->values;
	v[TABLE_COLUMN(message_views, tenant)] = value(r->tenant);
	v[TABLE_COLUMN(message_views, viewed_at)] = db_time(r->at);
	v[TABLE_COLUMN(message_views, message_id)] = value(r->message);
	v[TABLE_COLUMN(message_views, user_id)] = value(r->user);
	v[TABLE_COLUMN(message_views, conversation_id)] =
	    r->chat.p != NULL ? value(r->chat) : db_text("", 0);
	/* What the original's table has where nobody says. */
	v[TABLE_COLUMN(message_views, device)] =
	    r->device.p != NULL
		? cut(row, TABLE_COLUMN(message_views, device), r->device)
		: db_str("web");
	row_keep_texts(row, a);
	return row;
}

/* One object inside of a record, read by itself. A zeroed one is empty. */
struct inner {
	struct flat flat;
	struct buf text; /* flat_parse() reads on behind what it parses */
};

static void
inner_release(struct inner *in)
{
	flat_release(&in->flat);
	buf_release(&in->text);
}

/* False: it is no object. What is said of it by `why` is of no use to whoever
 * wrote the line: they wrote JSON. */
static bool
inner_read(struct inner *in, const char *p, size_t len)
{
	struct buf why = BUF_INIT;
	bool good = false;

	if (len > 0 && *p == '{') {
		buf_add(&in->text, p, len);
		buf_add(&in->text, padding, sizeof padding);
		good = flat_parse(&in->flat, in->text.data, len, &why) == 0;
	}
	buf_release(&why);
	return good;
}

/* A member of an object that is a column. */
struct member {
	const char *name;
	size_t column;
};

/* Takes those members that are there; *where is told before the reason. */
static int
take_members(struct row *row, const struct flat *f, const struct member *m,
    size_t n, const char *where, struct buf *why)
{
	const struct flat_field *field;
	char *reason;
	size_t i;

	for (i = 0; i < n; i++) {
		field = flat_find(f, m[i].name);
		if (field == NULL || row_set(row, m[i].column, field, why) == 0)
			continue;
		reason = buf_take(why);
		buf_setf(why, "in %s: %s", where, reason);
		free(reason);
		return -1;
	}
	return 0;
}

/* When it happened, or, where that is not told, when we got to know: of two
 * rows with one key the first stays, so it does not change. */
static int64_t
time_of(const struct record *r)
{
	return r->at != CLOCK_NONE ? r->at : clock_now_ms();
}

/* What POST /api/v1/analytics/events leaves of a request; data of any other
 * form is an event's data as a whole. */
static int
take_event_data(
    struct row *row, const struct record *r, struct arena *a, struct buf *why)
{
	static const struct member members[] = {
		{ "event_data", TABLE_COLUMN(events, event_data) },
		{ "source_service", TABLE_COLUMN(events, source_service) },
		{ "session_id", TABLE_COLUMN(events, session_id) },
		{ "ip_address", TABLE_COLUMN(events, ip_address) },
		{ "user_agent", TABLE_COLUMN(events, user_agent) },
	};
	struct inner data = { .flat = FLAT_INIT };
	int rc = 0;

	row->values[TABLE_COLUMN(events, event_data)] = value(r->data);
	if (r->data.p != NULL && inner_read(&data, r->data.p, r->data.len) &&
	    flat_find(&data.flat, members[0].name) != NULL)
		rc = take_members(
		    row, &data.flat, members, ARRAY_LEN(members), "data", why);
	row_keep_texts(row, a);
	inner_release(&data);
	return rc;
}

struct row *
row_read_event(const struct record *r, const char *line, size_t len,
    struct arena *a, struct buf *why)
{
	struct row *row;
	struct db_value *v;
	int64_t at = time_of(r);

	if (check_time(at, why) != 0)
		return NULL;
	row = row_new(&tables[TABLE_events], r, line, len, a);
	row->as_of = at;
	v = row->values;
	v[TABLE_COLUMN(events, tenant)] = value(r->tenant);
	v[TABLE_COLUMN(events, id)] = value(r->id);
	v[TABLE_COLUMN(events, created_at)] = db_time(at);
	v[TABLE_COLUMN(events, event_type)] = value(r->event);
	v[TABLE_COLUMN(events, user_id)] = value(r->user);
	v[TABLE_COLUMN(events, conversation_id)] =
	    r->chat.p != NULL ? value(r->chat) : db_text("", 0);
	v[TABLE_COLUMN(events, channel_id)] = value(r->channel);
	return take_event_data(row, r, a, why) == 0 ? row : NULL;
}

struct row *
row_read_assignment(const struct record *r, const char *line, size_t len,
    struct arena *a, struct buf *why)
{
	struct row *row;
	struct db_value *v;
	int64_t at = time_of(r);

	if (check_time(at, why) != 0 || check_time(r->expires, why) != 0)
		return NULL;
	row = row_new(&tables[TABLE_assignments], r, line, len, a);
	row->as_of = at;
	v = row->values;
	v[TABLE_COLUMN(assignments, tenant)] = value(r->tenant);
	v[TABLE_COLUMN(assignments, id)] = value(r->id);
	v[TABLE_COLUMN(assignments, reserved_at)] = db_time(at);
	v[TABLE_COLUMN(assignments, chat)] = value(r->chat);
	v[TABLE_COLUMN(assignments, operator)] = value(r->operator_id);
	v[TABLE_COLUMN(assignments, expires)] = db_time(r->expires);
	row_keep_texts(row, a);
	return row;
}

/* The members of `name`, an object within analytics, if there is one. */
static int
take_group(struct row *row, const struct flat *f, const char *name,
    const struct member *m, size_t n, struct arena *a, struct buf *why)
{
	const struct flat_field *group = flat_find(f, name);
	struct inner in = { .flat = FLAT_INIT };
	int rc = 0;

	if (group == NULL || group->kind == FLAT_NULL)
		return 0;
	if (group->kind == FLAT_JSON &&
	    inner_read(&in, group->val, group->val_len)) {
		rc = take_members(row, &in.flat, m, n, name, why);
		row_keep_texts(row, a);
	} else {
		buf_setf(
		    why, "in analytics: field '%s' must be an object", name);
		rc = -1;
	}
	inner_release(&in);
	return rc;
}

static int
take_analytics(
    struct row *row, const struct flat *f, struct arena *a, struct buf *why)
{
	static const struct member own[] = {
		{ "id", TABLE_COLUMN(message_analytics, id) },
		{ "direction", TABLE_COLUMN(message_analytics, direction) },
		{ "message_length",
		    TABLE_COLUMN(message_analytics, message_length) },
		{ "response_time",
		    TABLE_COLUMN(message_analytics, response_time) },
	};
	static const struct member sentiment[] = {
		{ "score", TABLE_COLUMN(message_analytics, sentiment_score) },
		{ "label", TABLE_COLUMN(message_analytics, sentiment_label) },
		{ "confidence",
		    TABLE_COLUMN(message_analytics, sentiment_confidence) },
	};
	static const struct member intent[] = {
		{ "name", TABLE_COLUMN(message_analytics, intent_name) },
		{ "confidence",
		    TABLE_COLUMN(message_analytics, intent_confidence) },
	};

	if (take_members(row, f, own, ARRAY_LEN(own), "analytics", why) != 0 ||
	    take_group(row, f, "sentiment", sentiment, ARRAY_LEN(sentiment), a,
		why) != 0)
		return -1;
	return take_group(row, f, "intent", intent, ARRAY_LEN(intent), a, why);
}

/* A row of what analytics says; what it does not say the message tells. */
static struct row *
analytics_row(const struct record *r, const struct flat *f, const char *line,
    size_t len, struct arena *a, struct buf *why)
{
	struct row *row =
	    row_new(&tables[TABLE_message_analytics], r, line, len, a);
	struct db_value *v = row->values;

	row->as_of = r->at;
	v[TABLE_COLUMN(message_analytics, tenant)] = value(r->tenant);
	v[TABLE_COLUMN(message_analytics, created_at)] = db_time(r->at);
	v[TABLE_COLUMN(message_analytics, message_id)] = value(r->id);
	v[TABLE_COLUMN(message_analytics, conversation_id)] = value(r->chat);
	v[TABLE_COLUMN(message_analytics, channel_id)] = value(r->channel);
	if (take_analytics(row, f, a, why) != 0)
		return NULL;
	if (v[TABLE_COLUMN(message_analytics, id)].type == DB_NULL)
		v[TABLE_COLUMN(message_analytics, id)] = value(r->id);
	if (v[TABLE_COLUMN(message_analytics, direction)].type == DB_NULL)
		v[TABLE_COLUMN(message_analytics, direction)] =
		    db_str(r->from == FROM_CUSTOMER ? "inbound" : "outbound");
	row_keep_texts(row, a);
	return row;
}

/* The row of data's analytics in *row, or NULL there. -1 and *why: it is
 * bad. */
static int
read_analytics(const struct record *r, const char *line, size_t len,
    struct arena *a, struct row **row, struct buf *why)
{
	static const char name[] = "analytics", quoted[] = "\"analytics\"";
	struct inner data = { .flat = FLAT_INIT },
		     analytics = { .flat = FLAT_INIT };
	const struct flat_field *f = NULL;
	bool there;

	*row = NULL;
	/* Most data has none, and is not read for that. */
	if (r->data.p == NULL ||
	    memmem(r->data.p, r->data.len, quoted, sizeof quoted - 1) == NULL)
		return 0;
	if (inner_read(&data, r->data.p, r->data.len))
		f = flat_find(&data.flat, name);
	there = f != NULL && f->kind == FLAT_JSON &&
		inner_read(&analytics, f->val, f->val_len);
	if (there)
		*row = analytics_row(r, &analytics.flat, line, len, a, why);
	inner_release(&data);
	inner_release(&analytics);
	return there && *row == NULL ? -1 : 0;
}

struct row *
row_read_about(const struct record *r, const char *line, size_t len,
    struct arena *a, struct buf *why)
{
	struct row *row;

	if (check_time(r->at, why) != 0 ||
	    read_analytics(r, line, len, a, &row, why) != 0)
		return NULL;
	if (row == NULL)
		buf_setf(why, "a record about a message has no analytics in "
			      "its field 'data'");
	return row;
}

int
row_read_analytics(const struct record *r, const char *line, size_t len,
    struct arena *a, struct row **row, struct buf *why)
{
	*row = NULL;
	if (r->type != RECORD_MESSAGE || r->about)
		return 0;
	return read_analytics(r, line, len, a, row, why);
}
