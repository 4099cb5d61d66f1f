/*
 * row_record: see row_record.h.
 */
#define _GNU_SOURCE /* memmem */
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "sink/rows/row_record.h"

static int
check_row_time(int64_t at, struct buf *why)
{
	if (db_takes_time(at))
		return 0;
	buf_setf(why, "field 'at' is before the year 1000");
	return -1;
}

static struct db_value
text_value(struct text t)
{
	return db_text(t.p, t.len);
}

/* Returns a text that only people read, truncated to its column. */
static struct db_value
cut_text_value(struct sink_row *row, size_t k, struct text t)
{
	size_t len;

	if (t.p == NULL)
		return db_text(NULL, 0);
	len = row_text_bytes(t.p, t.len, row->table->columns[k].max);
	if (len < t.len)
		row->cut |= UINT32_C(1) << k;
	return db_text(t.p, len);
}

/* Sets the author and the operator that the message names: if an operator's
 * message has only one of them, it is used for both, as in the aggregator. */
static void
set_writer(struct db_value *v, const struct record *r)
{
	struct text writer = r->user, named = r->operator_id;

	if (r->from == FROM_OPERATOR && writer.p == NULL)
		writer = named;
	if (r->from == FROM_OPERATOR && named.p == NULL)
		named = writer;
	v[TABLE_COLUMN(messages, sender_id)] = text_value(writer);
	v[TABLE_COLUMN(messages, operator)] = text_value(named);
}

static struct sink_row *
read_message_row(const struct record *r, const char *line, size_t len,
    struct arena *a, struct buf *why)
{
	struct sink_row *row;
	struct db_value *v;

	if (check_row_time(r->at, why) != 0)
		return NULL;
	row = row_new(&tables[TABLE_messages], r, line, len, a);
	row->as_of = r->at;
	/* A message that was never edited has the oldest possible version, so
	 * an edit replaces it even if its own time is before 1970. */
	if (r->updated_at == CLOCK_NONE)
		row->version = 0;
	else
		row->version = r->updated_at > 1 ? r->updated_at : 1;
	v = row->values;
	v[TABLE_COLUMN(messages, tenant)] = text_value(r->tenant);
	v[TABLE_COLUMN(messages, created_at)] = db_time(r->at);
	v[TABLE_COLUMN(messages, conversation_id)] = text_value(r->chat);
	v[TABLE_COLUMN(messages, message_id)] = text_value(r->id);
	v[TABLE_COLUMN(messages, sender)] = db_str(record_from_name(r->from));
	set_writer(v, r);
	v[TABLE_COLUMN(messages, receiver_id)] = text_value(r->to);
	v[TABLE_COLUMN(messages, channel)] = text_value(r->channel);
	v[TABLE_COLUMN(messages, message_type)] =
	    cut_text_value(row, TABLE_COLUMN(messages, message_type), r->kind);
	v[TABLE_COLUMN(messages, private)] = db_int(r->is_private);
	v[TABLE_COLUMN(messages, automated)] = db_int(r->automated);
	v[TABLE_COLUMN(messages, content)] = text_value(r->text);
	v[TABLE_COLUMN(messages, data)] = text_value(r->data);
	v[TABLE_COLUMN(messages, version)] = db_int(row->version);
	return row;
}

static struct sink_row *
read_view_row(const struct record *r, const char *line, size_t len,
    struct arena *a, struct buf *why)
{
	struct sink_row *row;
	struct db_value *v;

	if (check_row_time(r->at, why) != 0)
		return NULL;
	row = row_new(&tables[TABLE_message_views], r, line, len, a);
	row->as_of = r->at;
	v = row->values;
	v[TABLE_COLUMN(message_views, tenant)] = text_value(r->tenant);
	v[TABLE_COLUMN(message_views, viewed_at)] = db_time(r->at);
	v[TABLE_COLUMN(message_views, message_id)] = text_value(r->message);
	v[TABLE_COLUMN(message_views, user_id)] = text_value(r->user);
	v[TABLE_COLUMN(message_views, conversation_id)] =
	    r->chat.p != NULL ? text_value(r->chat) : db_text("", 0);
	/* The default in the original system's table. */
	v[TABLE_COLUMN(message_views, device)] =
	    r->device.p != NULL
		? cut_text_value(
		      row, TABLE_COLUMN(message_views, device), r->device)
		: db_str("web");
	return row;
}

/* Reads an object inside a record. Returns false if it is not an object. The
 * parser's reason is dropped: it would be misleading, because the line around
 * the object is valid JSON. */
static bool
inner_read(struct flat *f, const char *p, size_t len)
{
	return len > 0 && *p == '{' && flat_parse(f, p, len, NULL) == 0;
}

/* A member of an object, and its column. */
struct data_member {
	const char *name;
	size_t column;
};

/* Sets the columns of the members that are present; `where` precedes the reason
 * if one is bad. */
static int
read_members(struct sink_row *row, const struct flat *f,
    const struct data_member *m, size_t n, const char *where, struct buf *why)
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

/* Returns the record's time, or the present time if it has none. Of two rows
 * with the same key the first stays, so the stored time does not change. */
static int64_t
event_time(const struct record *r)
{
	return r->at != CLOCK_NONE ? r->at : clock_now_ms();
}

/* Data in the form of POST /api/v1/analytics/events fills several columns. A
 * member that does not fit its column is dropped, because data may be any value
 * and the event was counted. Data in any other form are stored as a whole. */
static void
read_event_data(struct sink_row *row, const struct record *r, struct arena *a)
{
	static const struct data_member members[] = {
		{ "event_data", TABLE_COLUMN(events, event_data) },
		{ "source_service", TABLE_COLUMN(events, source_service) },
		{ "session_id", TABLE_COLUMN(events, session_id) },
		{ "ip_address", TABLE_COLUMN(events, ip_address) },
		{ "user_agent", TABLE_COLUMN(events, user_agent) },
	};
	struct flat data = FLAT_INIT;
	const struct flat_field *field;
	struct buf why = BUF_INIT;
	size_t i;

	row->values[TABLE_COLUMN(events, event_data)] = text_value(r->data);
	if (r->data.p != NULL && inner_read(&data, r->data.p, r->data.len) &&
	    flat_find(&data, members[0].name) != NULL) {
		for (i = 0; i < ARRAY_LEN(members); i++) {
			field = flat_find(&data, members[i].name);
			if (field != NULL &&
			    row_set(row, members[i].column, field, &why) != 0)
				row->values[members[i].column] = db_str(NULL);
		}
	}
	row_keep_texts(row, a);
	flat_release(&data);
	buf_release(&why);
}

static struct sink_row *
read_event_row(const struct record *r, const char *line, size_t len,
    struct arena *a, struct buf *why)
{
	struct sink_row *row;
	struct db_value *v;
	int64_t at = event_time(r);

	if (check_row_time(at, why) != 0)
		return NULL;
	row = row_new(&tables[TABLE_events], r, line, len, a);
	row->as_of = at;
	row->undated = r->at == CLOCK_NONE;
	v = row->values;
	v[TABLE_COLUMN(events, tenant)] = text_value(r->tenant);
	v[TABLE_COLUMN(events, id)] = text_value(r->id);
	v[TABLE_COLUMN(events, created_at)] = db_time(at);
	v[TABLE_COLUMN(events, event_type)] = text_value(r->event);
	v[TABLE_COLUMN(events, user_id)] = text_value(r->user);
	v[TABLE_COLUMN(events, conversation_id)] =
	    r->chat.p != NULL ? text_value(r->chat) : db_text("", 0);
	v[TABLE_COLUMN(events, channel_id)] = text_value(r->channel);
	read_event_data(row, r, a);
	return row;
}

static struct sink_row *
read_assignment_row(const struct record *r, const char *line, size_t len,
    struct arena *a, struct buf *why)
{
	struct sink_row *row;
	struct db_value *v;
	int64_t at = event_time(r);

	if (r->simulated) {
		buf_setf(why, RECORD_SIMULATED);
		return NULL;
	}
	if (check_row_time(at, why) != 0 ||
	    check_row_time(r->expires, why) != 0)
		return NULL;
	row = row_new(&tables[TABLE_assignments], r, line, len, a);
	row->as_of = at;
	row->undated = r->at == CLOCK_NONE;
	v = row->values;
	v[TABLE_COLUMN(assignments, tenant)] = text_value(r->tenant);
	v[TABLE_COLUMN(assignments, id)] = text_value(r->id);
	v[TABLE_COLUMN(assignments, reserved_at)] = db_time(at);
	v[TABLE_COLUMN(assignments, chat)] = text_value(r->chat);
	v[TABLE_COLUMN(assignments, operator)] = text_value(r->operator_id);
	v[TABLE_COLUMN(assignments, expires)] = db_time(r->expires);
	return row;
}

/* Reads the members of the object `name` within analytics, if it exists. */
static int
read_member_group(struct sink_row *row, const struct flat *f, const char *name,
    const struct data_member *m, size_t n, struct arena *a, struct buf *why)
{
	const struct flat_field *group = flat_find(f, name);
	struct flat in = FLAT_INIT;
	int rc = 0;

	if (group == NULL || group->kind == FLAT_NULL)
		return 0;
	if (group->kind == FLAT_JSON &&
	    inner_read(&in, group->val, group->val_len)) {
		rc = read_members(row, &in, m, n, name, why);
		row_keep_texts(row, a);
	} else {
		buf_setf(
		    why, "in analytics: field '%s' must be an object", name);
		rc = -1;
	}
	flat_release(&in);
	return rc;
}

static int
read_analytics_members(struct sink_row *row, const struct flat *f,
    struct arena *a, struct buf *why)
{
	static const struct data_member own[] = {
		{ "id", TABLE_COLUMN(message_analytics, id) },
		{ "direction", TABLE_COLUMN(message_analytics, direction) },
		{ "message_length",
		    TABLE_COLUMN(message_analytics, message_length) },
		{ "response_time",
		    TABLE_COLUMN(message_analytics, response_time) },
	};
	static const struct data_member sentiment[] = {
		{ "score", TABLE_COLUMN(message_analytics, sentiment_score) },
		{ "label", TABLE_COLUMN(message_analytics, sentiment_label) },
		{ "confidence",
		    TABLE_COLUMN(message_analytics, sentiment_confidence) },
	};
	static const struct data_member intent[] = {
		{ "name", TABLE_COLUMN(message_analytics, intent_name) },
		{ "confidence",
		    TABLE_COLUMN(message_analytics, intent_confidence) },
	};

	if (read_members(row, f, own, ARRAY_LEN(own), "analytics", why) != 0 ||
	    read_member_group(row, f, "sentiment", sentiment,
		ARRAY_LEN(sentiment), a, why) != 0)
		return -1;
	return read_member_group(
	    row, f, "intent", intent, ARRAY_LEN(intent), a, why);
}

/* Returns the row of an analytics object; missing members are taken from the
 * message. */
static struct sink_row *
analytics_row(const struct record *r, const struct flat *f, const char *line,
    size_t len, struct arena *a, struct buf *why)
{
	struct sink_row *row =
	    row_new(&tables[TABLE_message_analytics], r, line, len, a);
	struct db_value *v = row->values;

	row->as_of = r->at;
	v[TABLE_COLUMN(message_analytics, tenant)] = text_value(r->tenant);
	v[TABLE_COLUMN(message_analytics, created_at)] = db_time(r->at);
	v[TABLE_COLUMN(message_analytics, message_id)] = text_value(r->id);
	v[TABLE_COLUMN(message_analytics, conversation_id)] =
	    text_value(r->chat);
	v[TABLE_COLUMN(message_analytics, channel_id)] = text_value(r->channel);
	if (read_analytics_members(row, f, a, why) != 0)
		return NULL;
	if (v[TABLE_COLUMN(message_analytics, id)].type == DB_NULL)
		v[TABLE_COLUMN(message_analytics, id)] = text_value(r->id);
	if (v[TABLE_COLUMN(message_analytics, direction)].type == DB_NULL)
		v[TABLE_COLUMN(message_analytics, direction)] =
		    db_str(r->from == FROM_CUSTOMER ? "inbound" : "outbound");
	row_keep_texts(row, a);
	return row;
}

/* Most data have no such member, and searching is cheaper than parsing. Even a
 * name with escapes contains one of its letters. */
static bool
may_have_analytics(struct text data)
{
	static const char *const spelled[] = { "\"analytics\"", "\\u006",
		"\\u007" };
	size_t i;

	for (i = 0; data.p != NULL && i < ARRAY_LEN(spelled); i++)
		if (memmem(data.p, data.len, spelled[i], strlen(spelled[i])) !=
		    NULL)
			return true;
	return false;
}

int
row_read_analytics(const struct record *r, const char *line, size_t len,
    struct arena *a, struct sink_row **row, struct buf *why)
{
	struct flat data = FLAT_INIT, analytics = FLAT_INIT;
	const struct flat_field *f = NULL;
	bool there;

	*row = NULL;
	if (r->type != RECORD_MESSAGE || !may_have_analytics(r->data))
		return 0;
	if (inner_read(&data, r->data.p, r->data.len))
		f = flat_find(&data, "analytics");
	there = f != NULL && f->kind == FLAT_JSON &&
		inner_read(&analytics, f->val, f->val_len);
	if (there)
		*row = analytics_row(r, &analytics, line, len, a, why);
	flat_release(&data);
	flat_release(&analytics);
	return there && *row == NULL ? -1 : 0;
}

/* A record about a message only has its analytics. */
static struct sink_row *
read_about_row(const struct record *r, const char *line, size_t len,
    struct arena *a, struct buf *why)
{
	struct sink_row *row;

	if (check_row_time(r->at, why) != 0 ||
	    row_read_analytics(r, line, len, a, &row, why) != 0)
		return NULL;
	if (row == NULL)
		buf_setf(
		    why, "a record about a message has no analytics in 'data'");
	return row;
}

/* Names for people. An unknown kind is stored, too: a later version may use
 * it. */
static struct sink_row *
name_row(const struct record *r, struct text kind, struct text id,
    struct text name, const char *line, size_t len, struct arena *a)
{
	struct sink_row *row = row_new(&tables[TABLE_names], r, line, len, a);
	struct db_value *v = row->values;

	v[TABLE_COLUMN(names, tenant)] = text_value(r->tenant);
	v[TABLE_COLUMN(names, kind)] = text_value(kind);
	v[TABLE_COLUMN(names, id)] = text_value(id);
	v[TABLE_COLUMN(names, name)] =
	    cut_text_value(row, TABLE_COLUMN(names, name), name);
	return row;
}

static void
date_name_row(struct sink_row *row, int64_t as_of, int64_t version)
{
	row->as_of = as_of;
	row->version = version;
	row->values[TABLE_COLUMN(names, as_of)] = db_time(as_of);
	row->values[TABLE_COLUMN(names, version)] = db_int(version);
}

static struct sink_row *
read_name_row(const struct record *r, const char *line, size_t len,
    struct arena *a, struct buf *why)
{
	static const char *const kinds[] = { "channel", "team", "label" };
	struct sink_row *row;
	size_t i = 0;

	if (check_row_time(r->at, why) != 0)
		return NULL;
	while (i < ARRAY_LEN(kinds) && !text_is(r->kind, kinds[i]))
		i++;
	if (i == ARRAY_LEN(kinds)) {
		buf_setf(why, "field 'kind' must be channel, team or label");
		return NULL;
	}
	row = name_row(r, r->kind, r->id, r->name, line, len, a);
	date_name_row(row, r->at, r->at > 0 ? r->at : 0);
	return row;
}

struct sink_row *
row_read_operator_name(const struct sink_row *of, const struct record *r,
    const char *line, size_t len, struct arena *a)
{
	const struct db_value *v = of->values;
	const struct db_value *id =
	    &v[TABLE_COLUMN(operator_metrics, operator)];
	const struct db_value *name = &v[TABLE_COLUMN(operator_metrics, name)];
	struct sink_row *row;

	if (of->table != &tables[TABLE_operator_metrics] ||
	    name->type == DB_NULL || name->len == 0)
		return NULL;
	row = name_row(r, text_from("operator"),
	    (struct text){ id->text, id->len },
	    (struct text){ name->text, name->len }, line, len, a);
	row->of = of;
	date_name_row(row, of->as_of, of->version);
	return row;
}

struct sink_row *
row_read(const struct record *r, const char *line, size_t len, struct arena *a,
    struct buf *why)
{
	if (r->type == RECORD_MESSAGE && r->about)
		return read_about_row(r, line, len, a, why);
	if (r->type == RECORD_MESSAGE)
		return read_message_row(r, line, len, a, why);
	if (r->type == RECORD_VIEW)
		return read_view_row(r, line, len, a, why);
	if (r->type == RECORD_EVENT)
		return read_event_row(r, line, len, a, why);
	if (r->type == RECORD_ASSIGNMENT)
		return read_assignment_row(r, line, len, a, why);
	if (r->type == RECORD_NAME)
		return read_name_row(r, line, len, a, why);
	return row_read_columns(r, line, len, a, why);
}
