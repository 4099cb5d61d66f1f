/*
 * subject_lines: see subject_lines.h.
 */
#include "reaper/rights/subject_lines.h"

#include <string.h>

#include "common/text/jsonw.h"
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
is_one_of(const struct flat_field *v, const char *const *names)
{
	for (; *names != NULL; names++)
		if (strlen(*names) == v->key_len &&
		    memcmp(*names, v->key, v->key_len) == 0)
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
	l->dead = field_is(&l->flat, "type", "dead");
	if (l->dead)
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

/* Whether the field holds the customer's id as theirs: one for ids of customers
 * does; one for all users unless an operator has the same id. The writer of a
 * message who is an operator or a bot is another one, as in personal_tables.h.
 */
static bool
is_their_id(const struct subject_lines *l, const struct flat_field *v)
{
	static const char *const customers[] = { "customer", NULL };
	static const char *const writers[] = { "user", "user_id", "sender_id",
		NULL };
	static const char *const readers[] = { "to", "receiver_id", NULL };
	const struct subject *s = l->subject;
	bool to_customer;

	if ((v->kind != FLAT_STRING && v->kind != FLAT_NUMBER) ||
	    v->val_len != strlen(s->id) ||
	    memcmp(v->val, s->id, v->val_len) != 0)
		return false;
	if (is_one_of(v, customers))
		return true;
	to_customer = is_from(l, "operator") || is_from(l, "bot");
	if (is_one_of(v, writers))
		return is_from(l, "customer") ||
		       (!to_customer && !s->is_operator);
	return is_one_of(v, readers) && (to_customer || !s->is_operator);
}

static bool
is_theirs(const struct subject_lines *l)
{
	size_t i;

	for (i = 0; i < l->flat.n; i++)
		if (is_their_id(l, &l->flat.field[i]))
			return true;
	return false;
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

/* Appends the record without what tells of a person, and with the alias in the
 * place of their id, as the tables have it. A record that stays counts on in
 * its snapshot. False: there is nothing to change. */
static bool
write_without(struct subject_lines *l, struct buf *to)
{
	static const char *const personal[] = { "customer_name",
		"customer_phone", "tag", "text", "content", "data",
		"session_id", "ip_address", "user_agent", "event_data", NULL };
	const char *alias = l->subject->alias;
	bool changed = false;
	const struct flat_field *v;
	const char *raw;
	size_t i, len;

	jsonw_open(to);
	for (i = 0; i < l->flat.n; i++) {
		v = &l->flat.field[i];
		if (is_one_of(v, personal) && v->kind != FLAT_NULL) {
			changed = true;
			continue;
		}
		jsonw_name(to, v->key, v->key_len);
		if (is_their_id(l, v)) {
			changed = true;
			jsonw_quote(to, alias, strlen(alias));
		} else {
			raw = flat_raw(v, &len);
			buf_add(to, raw, len);
		}
	}
	jsonw_line(to);
	return changed;
}

bool
subject_lines_forget(
    struct subject_lines *l, const char *line, size_t len, struct buf *instead)
{
	bool broken, changed = false;
	enum line_kind kind = read_line(l, line, len, &broken);

	buf_clear(&l->changed);
	switch (kind) {
	case LINE_RECORD:
		changed = is_theirs(l) || is_of_their_chat(l);
		if (changed && !broken && !l->dead)
			changed = write_without(l, instead);
		break;
	case LINE_WEBHOOK:
		changed = webhook_names_them(l);
		break;
	case LINE_AUDIT:
		changed = audit_names_them(l, line, len);
		if (changed) {
			buf_add(instead, l->changed.data, l->changed.len);
			buf_addc(instead, '\n');
		}
		break;
	case LINE_OTHER:
		break;
	}
	l->found += changed;
	l->broken += broken && !changed && len > 0;
	return changed;
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
