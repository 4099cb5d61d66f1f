/*
 * profile_record: checks a record that a profile returned, and writes it as
 * JSON members; see profile_record.h. The table of records defines which fields
 * a record has, their kinds, and which are required. A few more fields are for
 * the poller's own use.
 */
#include "poller/crm/profile_record.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/parse.h"
#include "common/base/xalloc.h"
#include "common/json/jsonw.h"
#include "poller/crm/profile_impl.h"

/* In bytes. Longer texts are truncated, because a line has a limit. A name may
 * have at least the 255 characters that a table stores. */
#define TEXT_MAX ((size_t)128 * 1024)
#define PERSON_MAX ((size_t)255 * 4)

/* Maximum bytes of a body, which leaves space for what is added later: the
 * tenant, times, and a person's three texts, with six bytes for each byte that
 * JSON escapes. */
#define BODY_MAX ((size_t)RECORD_MAX_LINE - 4096 - 20480)

/* An absent member, which is NULL, counts as null. */
static bool
is_absent(const json_t *v)
{
	return v == NULL || json_is_null(v);
}

static bool
is_text(const json_t *v, const char *s)
{
	return json_is_string(v) && strcmp(json_string_value(v), s) == 0;
}

/* ---- values of one kind ---- */

/* Returns an identifier as text, "" if absent, NULL if it is invalid. Owned. */
static char *
read_id(const json_t *v)
{
	const char *s = json_string_value(v);
	size_t len = json_string_length(v);
	json_int_t n = json_integer_value(v);

	if (is_absent(v) || (json_is_integer(v) && n == 0))
		return xstrdup("");
	if (json_is_integer(v))
		return xasprintf("%lld", (long long)n);
	return s != NULL && len <= RECORD_MAX_ID &&
		       record_id_error(s, len) == NULL
		   ? xstrndup(s, len)
		   : NULL;
}

/* Reads a time in RFC 3339 (" UTC" is accepted for Z), or in seconds since
 * 1970; CLOCK_NONE if absent. Returns -1 if it is not a time. */
static int
read_time(const json_t *v, int64_t *ms)
{
	char text[64];
	size_t len = json_string_length(v);
	double n;

	*ms = CLOCK_NONE;
	if (is_absent(v) || (json_is_string(v) && len == 0))
		return 0;
	if (json_is_number(v)) {
		n = json_number_value(v);
		if (!(n > -6e10 && n < 2.5e11))
			return -1;
		*ms = (int64_t)(n * 1000 + (n < 0 ? -0.5 : 0.5));
		return 0;
	}
	if (!json_is_string(v) || len >= sizeof text)
		return -1;
	memcpy(text, json_string_value(v), len);
	if (len > 4 && memcmp(text + len - 4, " UTC", 4) == 0) {
		len -= 3;
		text[len - 1] = 'Z';
	}
	return clock_parse(text, len, ms);
}

/* CHAT_NONE if absent. Returns -1 if it is not the status of a chat. */
static int
read_status(const json_t *v, enum chat_status *status)
{
	enum chat_status s;

	*status = CHAT_NONE;
	for (s = CHAT_OPEN; s <= CHAT_GONE; s++)
		if (is_text(v, record_status_name(s)))
			*status = s;
	return is_absent(v) || *status != CHAT_NONE ? 0 : -1;
}

/* ---- fields of the body: return -1 if the value has another kind ---- */

static int
add_id(struct buf *b, const char *name, const json_t *v)
{
	char *id = read_id(v);

	if (id == NULL)
		return -1;
	if (*id != '\0')
		jsonw_str(b, name, id);
	free(id);
	return 0;
}

static int
add_text(struct buf *b, const char *name, const json_t *v, size_t max)
{
	const char *s = json_string_value(v);
	size_t len = json_string_length(v);

	if (s == NULL)
		return is_absent(v) ? 0 : -1;
	if (len > max) {
		len = max;
		while (((unsigned char)s[len] & 0xC0) == 0x80)
			len--;
	}
	jsonw_strn(b, name, s, len);
	return 0;
}

static int
add_time(struct buf *b, const char *name, const json_t *v)
{
	int64_t ms;

	if (read_time(v, &ms) != 0)
		return -1;
	if (ms != CLOCK_NONE)
		jsonw_time(b, name, ms);
	return 0;
}

/* Some CRMs send numbers as text. Profiles return counts as max_chats and
 * reported_open_chats, for which readers of records accept no greater value. */
static int
add_count(struct buf *b, const char *name, const json_t *v)
{
	double d = json_is_number(v) ? json_number_value(v) : -1;
	int64_t n;

	if (json_is_string(v)) {
		if (parse_int(json_string_value(v), 0, RECORD_MAX_COUNT, &n) !=
		    0)
			return -1;
	} else {
		if (d < 0 || d > RECORD_MAX_COUNT)
			return -1;
		n = (int64_t)d;
	}
	jsonw_int(b, name, n);
	return 0;
}

static int
add_choice(struct buf *b, const struct record_field *f, const json_t *v)
{
	enum chat_status s;
	enum message_from from;
	bool ok = f->kind == FIELD_STATUS && read_status(v, &s) == 0;

	for (from = FROM_CUSTOMER; f->kind == FIELD_FROM && from <= FROM_SYSTEM;
	     from++)
		ok |= is_text(v, record_from_name(from));
	return ok ? add_text(b, f->name, v, TEXT_MAX) : -1;
}

/* Appends the member, or nothing if it is absent. */
static int
add_field(struct buf *b, const struct record_field *f, json_t *v)
{
	if (is_absent(v))
		return 0;
	switch (f->kind) {
	case FIELD_ID:
		return add_id(b, f->name, v);
	case FIELD_TEXT:
		return add_text(b, f->name, v, TEXT_MAX);
	case FIELD_TIME:
		return add_time(b, f->name, v);
	case FIELD_COUNT:
		return add_count(b, f->name, v);
	case FIELD_FLAG:
		/* An absent flag means false, so false is only written for
		 * available. */
		if (json_is_true(v) ||
		    (json_is_false(v) && strcmp(f->name, "available") == 0))
			jsonw_bool(b, f->name, json_is_true(v));
		return json_is_boolean(v) ? 0 : -1;
	case FIELD_STATUS:
	case FIELD_FROM:
		return add_choice(b, f, v);
	case FIELD_JSON:
		if (!json_is_array(v) && !json_is_object(v))
			return -1;
		jsonw_key(b, f->name);
		value_dump(v, b);
		return 0;
	case FIELD_TENANT:
	case FIELD_STATE:
		break;
	}
	return 0;
}

static bool
is_one_of(const char *s, const char *const *names)
{
	while (*names != NULL && strcmp(*names, s) != 0)
		names++;
	return *names != NULL;
}

/* True for fields that the poller adds itself, or only with an option. */
static bool
is_added_later(const struct record_field *f, enum record_type type,
    const struct crm_record_options *opt)
{
	static const char *const of_all[] = { "tenant", "snapshot", "about",
		"available_at", NULL };
	static const char *const of_chat[] = { "at", "opened_at", "closed_at",
		"customer_name", "customer_phone", "tag", "assignment", NULL };

	if (type == RECORD_NAME && strcmp(f->name, "at") == 0)
		return true;
	if (is_one_of(f->name, of_all) ||
	    (type == RECORD_CHAT && is_one_of(f->name, of_chat)))
		return true;
	if (strcmp(f->name, "stale") == 0)
		return type != RECORD_OPERATOR;
	return strcmp(f->name, "text") == 0 && !opt->texts;
}

/* True for fields that are omitted if they are unreadable. Response times do
 * not need these fields, so even a webhook or a chat's messages, which must be
 * completely readable, are not lost because of an e-mail address with a
 * trailing space. */
static bool
may_lack(const struct record_field *f, enum record_type type,
    const struct crm_record_options *opt)
{
	static const char *const names[] = { "user", "to", "channel",
		"customer", "text", NULL };

	return (f->required & 1u << type) == 0 &&
	       (opt->partly || is_one_of(f->name, names));
}

static int
add_fields(struct buf *b, const json_t *o, enum record_type type,
    const struct crm_record_options *opt, struct buf *why)
{
	size_t i, before;
	int rc;

	for (i = 0; i < record_fields_n; i++) {
		const struct record_field *f = &record_fields[i];

		if ((f->in & 1u << type) == 0 || is_added_later(f, type, opt))
			continue;
		before = b->len;
		rc = add_field(b, f, json_object_get(o, f->name));
		if (rc != 0) {
			buf_setf(why, "record '%s' has a bad '%s'",
			    record_types[type], f->name);
			if (!may_lack(f, type, opt))
				return -1;
		} else if (b->len == before &&
			   (f->required & 1u << type) != 0) {
			buf_setf(why, "record '%s' has no '%s'",
			    record_types[type], f->name);
			return -1;
		}
	}
	return 0;
}

/* ---- members of a record ---- */

/* Returns NULL if it is absent or bad. */
static char *
id_of(const json_t *o, const char *name)
{
	char *id = read_id(json_object_get(o, name));

	if (id != NULL && *id == '\0') {
		free(id);
		id = NULL;
	}
	return id;
}

static int
time_of(const json_t *o, const char *name, int64_t *ms)
{
	return read_time(json_object_get(o, name), ms);
}

/* Returns any scalar as text; NULL if it is absent or bad. */
static char *
mark_of(const json_t *o)
{
	json_t *v = json_object_get(o, "mark");
	struct buf text = BUF_INIT;

	if (is_absent(v) || json_is_array(v) || json_is_object(v))
		return NULL;
	if (json_is_string(v))
		buf_adds(&text, json_string_value(v));
	else if (json_is_integer(v))
		buf_addi(&text, json_integer_value(v));
	else
		value_dump(v, &text);
	return buf_take(&text);
}

static void
add_person_members(
    struct buf *b, const json_t *o, const struct crm_record_options *opt)
{
	const struct {
		const char *name;
		bool kept;
	} members[] = { { "customer_name", opt->names },
		{ "customer_phone", opt->phones }, { "tag", true } };
	size_t i;

	for (i = 0; i < ARRAY_LEN(members); i++)
		if (members[i].kept)
			(void)add_text(b, members[i].name,
			    json_object_get(o, members[i].name), PERSON_MAX);
}

/* Returns the members without the comma that jsonw writes before the first. */
static char *
detach_members(struct buf *b)
{
	size_t skip = b->len > 0 && b->data[0] == ',';
	char *s = xstrdup(buf_str(b) + skip);

	buf_release(b);
	return s;
}

static bool
is_bad_id(const json_t *o, const char *name)
{
	char *id = read_id(json_object_get(o, name));
	bool bad = id == NULL;

	free(id);
	return bad;
}

/* Returns the first of the poller's own fields that is not a valid mark, id or
 * flag, or NULL: without its mark, a chat would be read in each poll, and
 * without its last message, it would count as complete. */
static const char *
bad_own_field(const json_t *o, enum record_type type)
{
	const json_t *mark = json_object_get(o, "mark");
	const json_t *taken = json_object_get(o, "taken");

	if ((type == RECORD_CHAT || type == RECORD_MESSAGE) &&
	    is_bad_id(o, "episode"))
		return "episode";
	if (type != RECORD_CHAT)
		return NULL;
	if (is_bad_id(o, "last"))
		return "last";
	if (json_is_array(mark) || json_is_object(mark))
		return "mark";
	return is_absent(taken) || json_is_boolean(taken) ? NULL : "taken";
}

/* Puts the chat's or operator's id before the reason. */
static void
name_owner(const json_t *o, enum record_type type, struct buf *why)
{
	const char *who = type == RECORD_OPERATOR ? "operator" : "chat";
	char *id = id_of(o, who), *reason = xstrdup(buf_str(why));

	if (id != NULL)
		buf_setf(why, "%s %s: %s", who, id, reason);
	free(id);
	free(reason);
}

/* ---- a record ---- */

static int
read_chat(struct crm_record *r, const json_t *o,
    const struct crm_record_options *opt, struct buf *why)
{
	const struct {
		const char *name;
		int64_t *ms;
	} times[] = { { "at", &r->at }, { "opened_at", &r->opened_at },
		{ "closed_at", &r->closed_at }, { "last_at", &r->last_at } };
	int rc = 0;
	size_t i;

	r->id = id_of(o, "chat");
	r->customer = id_of(o, "customer");
	r->last = id_of(o, "last");
	r->mark = mark_of(o);
	r->operator_id = id_of(o, "operator");
	r->taken =
	    r->operator_id == NULL && json_is_true(json_object_get(o, "taken"));
	for (i = 0; i < ARRAY_LEN(times); i++) {
		if (time_of(o, times[i].name, times[i].ms) == 0)
			continue;
		buf_setf(why, "record 'chat' has a bad '%s'", times[i].name);
		rc = -1;
	}
	if (read_status(json_object_get(o, "status"), &r->status) != 0)
		rc = -1;
	return opt->partly ? 0 : rc;
}

/* A bad time is dropped, because the record's arrival is a good substitute. */
static void
read_operator(struct crm_record *r, const json_t *o)
{
	const json_t *available = json_object_get(o, "available");

	r->id = id_of(o, "operator");
	if (time_of(o, "at", &r->at) != 0)
		r->at = CLOCK_NONE;
	r->available = json_is_true(available);
	r->has_available = json_is_boolean(available);
	if (time_of(o, "available_at", &r->available_at) != 0)
		r->available_at = CLOCK_NONE;
}

static int
read_message(struct crm_record *r, const json_t *o)
{
	r->id = id_of(o, "id");
	r->chat = id_of(o, "chat");
	r->operator_id = id_of(o, "operator");
	if (is_text(json_object_get(o, "from"), "system")) {
		r->closing = is_text(json_object_get(o, "kind"), "closed");
		r->assigning = is_text(json_object_get(o, "kind"), "assigned");
		r->opening = is_text(json_object_get(o, "kind"), "opened");
	} else {
		r->opening = !json_is_true(json_object_get(o, "private")) &&
			     !json_is_true(json_object_get(o, "automated"));
	}
	return time_of(o, "at", &r->at);
}

/* Reads the fields besides the body, which depend on the type. */
static int
read_by_type(struct crm_record *r, json_t *o,
    const struct crm_record_options *opt, struct buf *why)
{
	r->episode = id_of(o, "episode");
	if (r->type == RECORD_MESSAGE)
		return read_message(r, o);
	if (r->type == RECORD_UNKNOWN) {
		r->id = id_of(o, "customer");
		return 0;
	}
	if (r->type == RECORD_NAME) {
		r->id = id_of(o, "id");
		return 0;
	}
	r->raw = json_incref(o);
	if (r->type == RECORD_CHAT)
		return read_chat(r, o, opt, why);
	read_operator(r, o);
	return 0;
}

static int
find_type(const json_t *o, enum record_type *type)
{
	static const enum record_type types[] = { RECORD_OPERATOR, RECORD_CHAT,
		RECORD_MESSAGE, RECORD_NAME };
	const json_t *name = json_object_get(o, "type");
	size_t i;

	*type = RECORD_UNKNOWN;
	for (i = 0; i < ARRAY_LEN(types); i++)
		if (is_text(name, record_types[types[i]]))
			*type = types[i];
	return *type != RECORD_UNKNOWN || is_text(name, "customer") ? 0 : -1;
}

/* Finds the type, and reads the fields of that type into the body. */
static int
read_fields(struct crm_record *r, const json_t *o,
    const struct crm_record_options *opt, struct buf *body, struct buf *why)
{
	const char *bad;

	if (find_type(o, &r->type) != 0) {
		buf_setf(why, "a record has an unknown type");
		return -1;
	}
	if (r->type != RECORD_UNKNOWN &&
	    add_fields(body, o, r->type, opt, why) != 0)
		return -1;
	bad = bad_own_field(o, r->type);
	if (bad != NULL) {
		buf_setf(why, "record '%s' has a bad '%s'",
		    record_types[r->type], bad);
		if (!opt->partly)
			return -1;
	}
	if (body->len <= BODY_MAX)
		return 0;
	buf_setf(why, "a record is longer than %d bytes", RECORD_MAX_LINE);
	return -1;
}

int
crm_record_read(struct crm_record *r, json_t *o,
    const struct crm_record_options *opt, struct buf *why)
{
	struct buf body = BUF_INIT, person = BUF_INIT;
	enum record_type type;
	int rc;

	*r = (struct crm_record){ .at = CLOCK_NONE,
		.last_at = CLOCK_NONE,
		.opened_at = CLOCK_NONE,
		.closed_at = CLOCK_NONE };
	rc = read_fields(r, o, opt, &body, why);
	if (rc == 0) {
		add_person_members(&person, o, opt);
		rc = read_by_type(r, o, opt, why);
	}
	if ((opt->partly || rc == 0) && why->len > 0)
		name_owner(o, r->type, why);
	r->body = detach_members(&body);
	r->person = detach_members(&person);
	if (rc != 0) {
		type = r->type;
		crm_record_release(r);
		r->type = type;
	}
	return rc;
}

static void
write_text(struct buf *to, const char *key, const char *value)
{
	if (value != NULL)
		jsonw_str(to, key, value);
}

static void
write_time(struct buf *to, const char *key, int64_t ms)
{
	if (ms != CLOCK_NONE)
		jsonw_time(to, key, ms);
}

void
crm_record_add_chat(struct buf *to, const struct crm_record *r,
    const char *person, int64_t opened_at, int64_t at)
{
	jsonw_members(to, r->body, strlen(r->body));
	if (*person != '\0')
		jsonw_members(to, person, strlen(person));
	write_time(to, "opened_at", opened_at);
	if (r->status == CHAT_CLOSED)
		write_time(to, "closed_at", r->closed_at);
	jsonw_time(to, "at", at);
}

void
crm_record_add_available_at(
    struct buf *to, const struct crm_record *r, int64_t now_ms)
{
	if (r->has_available)
		jsonw_time(to, "available_at",
		    r->available_at != CLOCK_NONE ? r->available_at : now_ms);
}

void
crm_record_write(const struct crm_record *r, struct buf *out)
{
	jsonw_open(out);
	jsonw_str(out, "type",
	    r->type == RECORD_UNKNOWN ? "customer" : record_types[r->type]);
	if (*r->body != '\0')
		jsonw_members(out, r->body, strlen(r->body));
	if (*r->person != '\0')
		jsonw_members(out, r->person, strlen(r->person));
	if (r->type == RECORD_CHAT) {
		write_time(out, "opened_at", r->opened_at);
		write_time(out, "closed_at", r->closed_at);
		write_time(out, "at", r->at);
		write_time(out, "last_at", r->last_at);
	}
	if (r->type == RECORD_OPERATOR)
		write_time(out, "available_at", r->available_at);
	write_text(out, "last", r->last);
	write_text(out, "mark", r->mark);
	write_text(out, "episode", r->episode);
	if (r->taken)
		jsonw_bool(out, "taken", true);
	jsonw_close(out);
}

void
crm_record_release(struct crm_record *r)
{
	free(r->body);
	free(r->person);
	free(r->id);
	free(r->chat);
	free(r->operator_id);
	free(r->customer);
	free(r->mark);
	free(r->last);
	free(r->episode);
	json_decref(r->raw);
	*r = (struct crm_record){ .type = RECORD_UNKNOWN };
}
