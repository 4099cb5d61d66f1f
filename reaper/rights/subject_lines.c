/*
 * subject_lines: see subject_lines.h.
 */
#include "reaper/rights/subject_lines.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/json/json_text.h"
#include "common/json/jsonw.h"
#include "reaper/rights/subject.h"

/* Text in which it is unknown which members are ids: a webhook payload that a
 * profile did not understand, or a line that is truncated or not JSON. Each
 * string in it may be an id, and so may each number whose name indicates
 * this. */

typedef bool value_fn(const void *ctx, const char *value, size_t len);

/* Reads a string at t->p, without its quotes. Returns false if it has no
 * end. */
static bool
take_json_string(struct flat *f, struct json_text *t, struct text *s)
{
	const char *begin = t->p + 1;

	if (!json_text_string(t))
		return false;
	*s = (struct text){ begin, (size_t)(t->p - begin) - 1 };
	if (memchr(s->p, '\\', s->len) != NULL)
		s->p = flat_unescape(f, s->p, &s->len);
	return true;
}

static struct text
take_json_number(struct json_text *t)
{
	struct text n = { t->p, 0 };

	while (strchr("-+.eE0123456789", json_text_peek(t)) != NULL &&
	       json_text_peek(t) != '\0')
		t->p++;
	n.len = (size_t)(t->p - n.p);
	return n;
}

/* Other numbers, such as amounts, are not ids. */
static bool
names_an_id(const struct text *name)
{
	static const char *const names[] = { "chat", "customer", "user" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++)
		if (text_is(*name, names[i]))
			return true;
	return name->len >= 2 &&
	       strncasecmp(name->p + name->len - 2, "id", 2) == 0;
}

/* True if is_theirs() accepts one of its values, at any depth. Truncated JSON
 * has the values before its end. Strings with escapes are copied into f. */
static bool
any_value(struct flat *f, const char *json, size_t len, value_fn *is_theirs,
    const void *ctx)
{
	struct json_text t = { .p = json, .end = json + len };
	struct text name = { "", 0 }, value;
	char c;

	while ((c = json_text_peek(&t)) != '\0') {
		if (c == '"') {
			if (!take_json_string(f, &t, &value))
				return false;
			json_text_blanks(&t);
			if (json_text_peek(&t) == ':')
				name = value;
			else if (is_theirs(ctx, value.p, value.len))
				return true;
		} else if (c == '-' || text_is_digit(c)) {
			value = take_json_number(&t);
			if (names_an_id(&name) &&
			    is_theirs(ctx, value.p, value.len))
				return true;
		} else {
			t.p++;
		}
	}
	return false;
}

void
subject_lines_release(struct subject_lines *l)
{
	flat_release(&l->flat);
	buf_release(&l->inner);
	buf_release(&l->changed);
}

/* True if the field exists and has that text, or those digits. */
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

/* True if a dead letter is a webhook of the tenant: "webhook TENANT/SOURCE". */
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

/* A value_fn. */
static bool
is_text(const void *ctx, const char *value, size_t len)
{
	return text_is((struct text){ value, len }, ctx);
}

/* What a line contains. */
enum line_kind {
	LINE_OTHER, /* nothing, or data of another tenant */
	LINE_RECORD,
	LINE_VALUES, /* l->inner has the values of a webhook, or of a broken
		      * line or record */
	LINE_AUDIT,  /* l->flat has the parameters of a request */
};

/* A line of the audit of `sink --serve` (sink/access/audit.h). */
static bool
is_of_audit(const struct flat *f)
{
	const struct flat_field *parameters = flat_find(f, "parameters");

	return parameters != NULL && parameters->kind == FLAT_JSON &&
	       flat_find(f, "path") != NULL && flat_find(f, "role") != NULL &&
	       flat_find(f, "type") == NULL;
}

static enum line_kind
read_audit(struct subject_lines *l)
{
	const char *parameters;
	size_t len;

	if (!field_is(&l->flat, "tenant", l->subject->tenant))
		return LINE_OTHER;
	parameters = flat_raw(flat_find(&l->flat, "parameters"), &len);
	return flat_parse(&l->flat, parameters, len, NULL) == 0 ? LINE_AUDIT
								: LINE_OTHER;
}

/* Such a line stays, because it shows who has read the data; the alias replaces
 * the id that a reader requested. If an operator has the same id, it is taken
 * for the operator's. Returns false if there is no such id. */
static bool
change_audit_line(struct subject_lines *l, const char *line, size_t len)
{
	const struct subject *s = l->subject;
	const struct flat_field *user = flat_find(&l->flat, "user_id");
	const char *raw;
	size_t raw_len;

	if (user == NULL || s->is_operator)
		return false;
	raw = flat_raw(user, &raw_len);
	if (!any_value(&l->flat, raw, raw_len, is_text, s->id))
		return false;
	buf_clear(&l->changed);
	buf_add(&l->changed, line, (size_t)(raw - line));
	jsonw_quote(&l->changed, s->alias, strlen(s->alias));
	raw += raw_len;
	buf_add(&l->changed, raw, (size_t)(line + len - raw));
	return true;
}

/* A broken line is the tenant's if it has the tenant's name. */
static enum line_kind
take_values(struct subject_lines *l, bool webhook)
{
	return webhook || any_value(&l->flat, l->inner.data, l->inner.len,
			      is_text, l->subject->tenant)
		   ? LINE_VALUES
		   : LINE_OTHER;
}

static void
set_inner(struct subject_lines *l, const char *text, size_t len)
{
	buf_clear(&l->inner);
	buf_add(&l->inner, text, len);
}

/* Extracts the record from a dead letter. */
static enum line_kind
read_inner(struct subject_lines *l)
{
	const struct flat_field *record = flat_find(&l->flat, "record");
	bool webhook = is_webhook(l);

	if (record == NULL ||
	    (record->kind != FLAT_STRING && record->kind != FLAT_JSON))
		return LINE_OTHER;
	set_inner(l, record->val, record->val_len);
	if (!webhook &&
	    flat_parse(&l->flat, l->inner.data, l->inner.len, NULL) == 0)
		return LINE_RECORD;
	l->is_broken = !webhook;
	return take_values(l, webhook);
}

static enum line_kind
read_line(struct subject_lines *l, const char *line, size_t len)
{
	enum line_kind kind = LINE_RECORD;

	l->dead = false;
	l->is_broken = flat_parse(&l->flat, line, len, NULL) != 0;
	if (l->is_broken) {
		set_inner(l, line, len);
		return take_values(l, false);
	}
	if (is_of_audit(&l->flat))
		return read_audit(l);
	l->dead = field_is(&l->flat, "type", "dead");
	if (l->dead)
		kind = read_inner(l);
	return kind == LINE_OTHER || kind == LINE_VALUES ||
		       field_is(&l->flat, "tenant", l->subject->tenant)
		   ? kind
		   : LINE_OTHER;
}

/* True if that side wrote the message in the line. */
static bool
is_from(const struct subject_lines *l, const char *side)
{
	return field_is(&l->flat, "sender", side) ||
	       field_is(&l->flat, "from", side);
}

/* True if the field contains the customer's id, and the id means the customer:
 * in a field for customers always, in a field for all users unless an operator
 * has the same id. An operator or bot who wrote a message is another person, as
 * in personal_tables.h. */
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

/* If an operator has the same id, only the chat shows to whom the webhook
 * belongs. */
static bool
is_their_value(const void *ctx, const char *value, size_t len)
{
	const struct subject *s = ctx;

	return strmap_get(&s->chats, value, len) != NULL ||
	       (!s->is_operator && len == strlen(s->id) &&
		   memcmp(value, s->id, len) == 0);
}

/* True if the line is about the customer. For an audit line, l->changed is set
 * to its new form. */
static bool
names_them(
    struct subject_lines *l, enum line_kind kind, const char *line, size_t len)
{
	switch (kind) {
	case LINE_RECORD:
		return is_theirs(l);
	case LINE_VALUES:
		return any_value(&l->flat, l->inner.data, l->inner.len,
		    is_their_value, l->subject);
	case LINE_AUDIT:
		return change_audit_line(l, line, len);
	case LINE_OTHER:
		break;
	}
	return false;
}

/* Appends the record without data that identify a person, and with the alias
 * instead of the id, as in the tables. A record that stays still counts in its
 * snapshot. Returns false if there is nothing to change. */
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

/* Appends what replaces the line. Returns false if it stays as it is. */
static bool
write_instead(struct subject_lines *l, enum line_kind kind, struct buf *instead)
{
	if (kind == LINE_RECORD && !l->dead)
		return write_without(l, instead);
	if (kind == LINE_AUDIT) {
		buf_add(instead, l->changed.data, l->changed.len);
		buf_addc(instead, '\n');
	}
	return true;
}

bool
subject_lines_match(
    struct subject_lines *l, const char *line, size_t len, struct buf *instead)
{
	enum line_kind kind = read_line(l, line, len);
	bool theirs = names_them(l, kind, line, len) ||
		      (kind == LINE_RECORD && is_of_their_chat(l));

	if (theirs && instead != NULL)
		theirs = write_instead(l, kind, instead);
	l->found += theirs;
	l->broken += l->is_broken && !theirs && len > 0;
	return theirs;
}

void
subject_lines_learn(struct subject_lines *l, const char *line, size_t len)
{
	enum line_kind kind = read_line(l, line, len);
	const struct flat_field *v;
	size_t i;

	if (!names_them(l, kind, line, len))
		return;
	l->found++;
	for (i = 0; kind == LINE_RECORD && chat_fields[i] != NULL; i++) {
		v = flat_find(&l->flat, chat_fields[i]);
		if (v != NULL && v->kind != FLAT_NULL)
			subject_add_chat(l->subject, v->val, v->val_len);
	}
}
