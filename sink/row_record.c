/*
 * row_record: messages and views as rows of their tables; see row.h. The
 * record was checked when it was parsed; what a key needs beyond that is
 * looked at here.
 */
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "sink/row.h"

/* DATETIME ends there, and begins with the year 1000. */
#define OLDEST_YEAR 1000
#define NEWEST_YEAR 9999

/* The collation pads: 'a' and 'a ' would be one key. */
static int
check_key(struct text id, const char *name, struct buf *why)
{
	if (id.p == NULL || id.p[id.len - 1] != ' ')
		return 0;
	buf_setf(why, "field '%s' ends with a blank", name);
	return -1;
}

static int
check_time(int64_t at, struct buf *why)
{
	if (at >= clock_civil(OLDEST_YEAR, 1, 1, 0, 0, 0) * 1000 &&
	    at < clock_civil(NEWEST_YEAR + 1, 1, 1, 0, 0, 0) * 1000)
		return 0;
	buf_setf(why, "field 'at' is not within the years %d to %d",
	    OLDEST_YEAR, NEWEST_YEAR);
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

	if (check_key(r->chat, "chat", why) != 0 ||
	    check_key(r->id, "id", why) != 0 || check_time(r->at, why) != 0)
		return NULL;
	if (sender.p == NULL && r->from == FROM_OPERATOR)
		sender = r->operator_id;
	row = row_new(&tables[TABLE_MESSAGES], r, line, len, a);
	row->as_of = r->at;
	/* Not edited: the oldest version there can be. */
	row->version = r->updated_at != CLOCK_NONE && r->updated_at > 0
			   ? r->updated_at
			   : 0;
	v = row->values;
	v[MESSAGE_TENANT] = value(r->tenant);
	v[MESSAGE_CREATED_AT] = db_time(r->at);
	v[MESSAGE_CONVERSATION_ID] = value(r->chat);
	v[MESSAGE_MESSAGE_ID] = value(r->id);
	v[MESSAGE_SENDER] = db_str(record_from_name(r->from));
	v[MESSAGE_SENDER_ID] = value(sender);
	v[MESSAGE_RECEIVER_ID] = value(r->to);
	v[MESSAGE_OPERATOR] = value(r->operator_id);
	v[MESSAGE_CHANNEL] = value(r->channel);
	v[MESSAGE_MESSAGE_TYPE] = cut(row, MESSAGE_MESSAGE_TYPE, r->kind);
	v[MESSAGE_PRIVATE] = db_int(r->is_private);
	v[MESSAGE_AUTOMATED] = db_int(r->automated);
	v[MESSAGE_CONTENT] = value(r->text);
	v[MESSAGE_DATA] = value(r->data);
	v[MESSAGE_VERSION] = db_int(row->version);
	row_keep_texts(row, a);
	return row;
}

struct row *
row_read_view(const struct record *r, const char *line, size_t len,
    struct arena *a, struct buf *why)
{
	struct row *row;
	struct db_value *v;

	if (check_key(r->message, "message", why) != 0 ||
	    check_key(r->user, "user", why) != 0 ||
	    check_key(r->chat, "chat", why) != 0 || check_time(r->at, why) != 0)
		return NULL;
	row = row_new(&tables[TABLE_MESSAGE_VIEWS], r, line, len, a);
	row->as_of = r->at;
	v = row->values;
	v[VIEW_TENANT] = value(r->tenant);
	v[VIEW_VIEWED_AT] = db_time(r->at);
	v[VIEW_MESSAGE_ID] = value(r->message);
	v[VIEW_USER_ID] = value(r->user);
	v[VIEW_CONVERSATION_ID] =
	    r->chat.p != NULL ? value(r->chat) : db_text("", 0);
	v[VIEW_DEVICE] = cut(row, VIEW_DEVICE, r->device);
	row_keep_texts(row, a);
	return row;
}
