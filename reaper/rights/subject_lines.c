/*
 * subject_lines: see subject_lines.h.
 */
#include "reaper/rights/subject_lines.h"

#include <string.h>

#include "reaper/files/cut_line.h"
#include "reaper/rights/audit_line.h"
#include "reaper/rights/webhook_values.h"

/* The readable bytes that flat_parse() wants behind a line. */
#define BEHIND 64

void
subject_lines_release(struct subject_lines *l)
{
	flat_release(&l->flat);
	buf_release(&l->inner);
	buf_release(&l->whole);
	buf_release(&l->changed);
}

/* Whether the field is there and has that text, or those digits. */
static bool
field_is(const struct flat *f, const char *name, const char *text)
{
	const struct flat_field *v = flat_find(f, name);

	return v != NULL &&
	       (v->kind == FLAT_STRING || v->kind == FLAT_NUMBER) &&
	       v->val_len == strlen(text) &&
	       memcmp(v->val, text, v->val_len) == 0;
}

static bool
any_field_is(const struct flat *f, const char *const *names, const char *text)
{
	for (; *names != NULL; names++)
		if (field_is(f, *names, text))
			return true;
	return false;
}

/* Whether a dead letter is a webhook of the tenant: "webhook TENANT/SOURCE". */
static bool
is_webhook(const struct subject_lines *l)
{
	static const char start[] = "webhook ";
	const struct flat_field *where = flat_find(&l->flat, "where");
	size_t first = sizeof start - 1, len = strlen(l->subject->tenant);

	return where != NULL && where->kind == FLAT_STRING &&
	       where->val_len > first + len &&
	       memcmp(where->val, start, first) == 0 &&
	       memcmp(where->val + first, l->subject->tenant, len) == 0 &&
	       where->val[first + len] == '/';
}

/* What a line tells. */
enum line_kind {
	LINE_OTHER, /* no JSON, or of another tenant */
	LINE_RECORD,
	LINE_WEBHOOK, /* its payload is l->inner */
	LINE_AUDIT,
};

/* Takes the record out of a dead letter; *broken if it is cut or no JSON. */
static enum line_kind
read_inner(
    struct subject_lines *l, const struct flat_field *record, bool *broken)
{
	bool webhook = is_webhook(l), inner_broken, any;
	size_t inner;

	if (record == NULL ||
	    (record->kind != FLAT_STRING && record->kind != FLAT_JSON))
		return LINE_OTHER;
	inner = record->val_len;
	buf_clear(&l->inner);
	buf_add(&l->inner, record->val, inner);
	memset(buf_room(&l->inner, BEHIND), 0, BEHIND);
	if (webhook)
		return LINE_WEBHOOK;
	any = cut_line_parse(
	    &l->flat, l->inner.data, inner, &l->whole, &inner_broken);
	*broken = *broken || inner_broken;
	return any ? LINE_RECORD : LINE_OTHER;
}

static enum line_kind
read_line(struct subject_lines *l, const char *line, size_t len, bool *broken)
{
	enum line_kind kind = LINE_RECORD;

	if (!cut_line_parse(&l->flat, line, len, &l->whole, broken))
		return LINE_OTHER;
	if (!*broken && audit_line_is(&l->flat))
		kind = LINE_AUDIT;
	if (field_is(&l->flat, "type", "dead"))
		kind = read_inner(l, flat_find(&l->flat, "record"), broken);
	return kind == LINE_OTHER || kind == LINE_WEBHOOK ||
		       field_is(&l->flat, "tenant", l->subject->tenant)
		   ? kind
		   : LINE_OTHER;
}

/* Whether that side wrote the message of the line. */
static bool
is_from(const struct subject_lines *l, const char *side)
{
	return field_is(&l->flat, "sender", side) ||
	       field_is(&l->flat, "from", side);
}

/* Whether a column or field for ids of customers has the customer's; one for
 * all users counts unless an operator has the same id. The writer of a message
 * who is an operator or a bot is another one, as in personal_tables.h. */
static bool
is_theirs(const struct subject_lines *l)
{
	static const char *const writers[] = { "user", "user_id", "sender_id",
		NULL };
	static const char *const readers[] = { "to", "receiver_id", NULL };
	const struct subject *s = l->subject;
	bool to_customer = is_from(l, "operator") || is_from(l, "bot");
	bool by_customer = is_from(l, "customer");

	if (field_is(&l->flat, "customer", s->id))
		return true;
	if ((by_customer || (!to_customer && !s->is_operator)) &&
	    any_field_is(&l->flat, writers, s->id))
		return true;
	return (to_customer || !s->is_operator) &&
	       any_field_is(&l->flat, readers, s->id);
}

static const char *const chat_fields[] = { "chat", "conversation_id", NULL };

static bool
is_of_their_chat(const struct subject_lines *l)
{
	const struct flat_field *v;
	size_t i;

	for (i = 0; chat_fields[i] != NULL; i++) {
		v = flat_find(&l->flat, chat_fields[i]);
		if (v != NULL && v->kind != FLAT_NULL &&
		    strmap_get(&l->subject->chats, v->val, v->val_len) != NULL)
			return true;
	}
	return false;
}

/* Where an operator has the same id, a webhook is known by its chat only. */
static bool
is_their_value(const void *ctx, const char *value, size_t len)
{
	const struct subject *s = ctx;

	return strmap_get(&s->chats, value, len) != NULL ||
	       (!s->is_operator && len == strlen(s->id) &&
		   memcmp(value, s->id, len) == 0);
}

static bool
webhook_names_them(struct subject_lines *l)
{
	return webhook_values_any(
	    &l->flat, l->inner.data, l->inner.len, is_their_value, l->subject);
}

/* Puts the line as it then is into l->changed. */
static bool
audit_names_them(struct subject_lines *l, const char *line, size_t len)
{
	buf_clear(&l->changed);
	return audit_line_change(&l->flat, l->subject, line, len, &l->changed);
}

bool
subject_lines_match(struct subject_lines *l, const char *line, size_t len)
{
	bool match = false, broken;

	buf_clear(&l->changed);
	switch (read_line(l, line, len, &broken)) {
	case LINE_RECORD:
		match = is_theirs(l) || is_of_their_chat(l);
		break;
	case LINE_WEBHOOK:
		match = webhook_names_them(l);
		break;
	case LINE_AUDIT:
		match = audit_names_them(l, line, len);
		break;
	case LINE_OTHER:
		break;
	}
	l->found += match;
	l->broken += broken && !match && len > 0;
	return match;
}

bool
subject_lines_forget(
    struct subject_lines *l, const char *line, size_t len, struct buf *instead)
{
	if (!subject_lines_match(l, line, len))
		return false;
	if (l->changed.len > 0) {
		buf_add(instead, l->changed.data, l->changed.len);
		buf_addc(instead, '\n');
	}
	return true;
}

void
subject_lines_learn(struct subject_lines *l, const char *line, size_t len)
{
	bool broken;
	enum line_kind kind = read_line(l, line, len, &broken);
	const struct flat_field *v;
	size_t i;

	if (kind == LINE_WEBHOOK)
		l->found += webhook_names_them(l);
	if (kind == LINE_AUDIT)
		l->found += audit_names_them(l, line, len);
	if (kind != LINE_RECORD || !is_theirs(l))
		return;
	l->found++;
	for (i = 0; chat_fields[i] != NULL; i++) {
		v = flat_find(&l->flat, chat_fields[i]);
		if (v != NULL && v->kind != FLAT_NULL)
			subject_add_chat(l->subject, v->val, v->val_len);
	}
}
