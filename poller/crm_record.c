/*
 * crm_record: see crm_record.h. Which fields a record has, of which kind, and
 * which it must have is taken from the table of records; a few more fields
 * are for the engine alone.
 */
#include "poller/crm_record.h"

#include <stdlib.h>
#include <string.h>

#include "common/jsonw.h"
#include "common/parse.h"
#include "common/xalloc.h"

/* Longer texts are cut: a line has a limit. */
#define TEXT_MAX ((size_t)128 * 1024)

/* Of a body: what is added to it later needs room, too. */
#define BODY_MAX ((size_t)RECORD_MAX_LINE - 4096)

/* Whole numbers up to here are exact in a double. */
#define EXACT_MAX 9007199254740992.0

#define FIELDS_MAX 64

/* For the engine, behind the fields of records in the list of keys. */
enum own {
	OWN_TYPE,
	OWN_MARK,
	OWN_LAST,
	OWN_LAST_AT,
	OWN_TAKEN,
	OWN_EPISODE,
	OWN_N
};
static const char *const own_names[OWN_N] = { "type", "mark", "last", "last_at",
	"taken", "episode" };

/* Of each type, the keys its records may have, and where their views go. */
static struct type_keys {
	struct value_keys *keys;
	size_t at[FIELDS_MAX + OWN_N];
	size_t n;
} keys_of[RECORD_TYPES], key_of_type;

static struct value_view views[FIELDS_MAX + OWN_N];
static struct buf scratch;

static bool
is_field_of(const struct record_field *f, size_t type)
{
	/* A customer has the fields of a chat that are about customers. */
	if (type == RECORD_UNKNOWN)
		type = RECORD_CHAT;
	return (f->in & 1u << type) != 0;
}

static void
prepare_type(struct type_keys *k, size_t type)
{
	const char *names[FIELDS_MAX + OWN_N];
	size_t i;

	for (i = 0; i < record_fields_n + OWN_N; i++) {
		if (i < record_fields_n &&
		    !is_field_of(&record_fields[i], type))
			continue;
		names[k->n] = i < record_fields_n
				  ? record_fields[i].name
				  : own_names[i - record_fields_n];
		k->at[k->n++] = i;
	}
	k->keys = value_keys_new(names, k->n);
}

static void
prepare(void)
{
	size_t i;

	if (key_of_type.keys != NULL)
		return;
	for (i = 0; i < RECORD_TYPES; i++)
		prepare_type(&keys_of[i], i);
	key_of_type.keys = value_keys_new(&own_names[OWN_TYPE], 1);
	key_of_type.at[0] = record_fields_n + OWN_TYPE;
	key_of_type.n = 1;
}

void
crm_record_end(void)
{
	size_t i;

	for (i = 0; i < RECORD_TYPES; i++) {
		value_keys_free(keys_of[i].keys);
		keys_of[i] = (struct type_keys){ .keys = NULL };
	}
	value_keys_free(key_of_type.keys);
	key_of_type.keys = NULL;
	buf_release(&scratch);
}

/* Fills views; what is not looked up is absent. */
static void
look_up(const struct value *v, const struct type_keys *k)
{
	struct value_view found[FIELDS_MAX + OWN_N];
	size_t i;

	value_view(v, k->keys, found, &scratch);
	for (i = 0; i < record_fields_n + OWN_N; i++)
		views[i] = (struct value_view){ .kind = VIEW_ABSENT };
	for (i = 0; i < k->n; i++)
		views[k->at[i]] = found[i];
}

static const struct value_view *
own(enum own which)
{
	return &views[record_fields_n + (size_t)which];
}

/* An identifier as text, "" when there is none, NULL when it cannot be one. */
static char *
identifier(const struct value_view *v)
{
	double n = v->number;
	struct buf digits = BUF_INIT;

	switch (v->kind) {
	case VIEW_ABSENT:
		return xstrdup("");
	case VIEW_NUMBER:
		if (n > EXACT_MAX || n < -EXACT_MAX || n != (double)(int64_t)n)
			return NULL;
		if (n != 0)
			buf_addi(&digits, (int64_t)n);
		return buf_take(&digits);
	case VIEW_TEXT:
		return v->len <= RECORD_MAX_ID ? xstrndup(v->text, v->len)
					       : NULL;
	case VIEW_FALSE:
	case VIEW_TRUE:
	case VIEW_TREE:
		break;
	}
	return NULL;
}

/* RFC 3339, " UTC" for Z allowed, or seconds. */
static int
instant(const struct value_view *v, int64_t *ms)
{
	char text[64];
	size_t len = v->len;
	double ms_of;

	*ms = CLOCK_NONE;
	if (v->kind == VIEW_ABSENT || (v->kind == VIEW_TEXT && len == 0))
		return 0;
	if (v->kind == VIEW_NUMBER) {
		if (!(v->number > -6e10 && v->number < 2.5e11))
			return -1;
		ms_of = v->number * 1000;
		*ms = (int64_t)(ms_of < 0 ? ms_of - 0.5 : ms_of + 0.5);
		return 0;
	}
	if (v->kind != VIEW_TEXT || len >= sizeof text)
		return -1;
	memcpy(text, v->text, len);
	if (len > 4 && memcmp(text + len - 4, " UTC", 4) == 0) {
		len -= 3;
		text[len - 1] = 'Z';
	}
	return clock_parse(text, len, ms);
}

static int
add_id(struct buf *b, const char *name, const struct value_view *v)
{
	char *id = identifier(v);

	if (id == NULL)
		return -1;
	if (*id != '\0')
		jsonw_str(b, name, id);
	free(id);
	return 0;
}

static int
add_text(struct buf *b, const char *name, const struct value_view *v)
{
	size_t len = v->len;

	if (v->kind == VIEW_ABSENT)
		return 0;
	if (v->kind != VIEW_TEXT)
		return -1;
	if (len > TEXT_MAX) {
		len = TEXT_MAX;
		while (((unsigned char)v->text[len] & 0xC0) == 0x80)
			len--;
	}
	jsonw_strn(b, name, v->text, len);
	return 0;
}

static int
add_time(struct buf *b, const char *name, const struct value_view *v)
{
	int64_t ms;

	if (instant(v, &ms) != 0)
		return -1;
	if (ms != CLOCK_NONE)
		jsonw_time(b, name, ms);
	return 0;
}

/* Numbers have been seen as text. */
static int
add_count(struct buf *b, const char *name, const struct value_view *v)
{
	char text[24];
	int64_t n;

	if (v->kind == VIEW_ABSENT)
		return 0;
	if (v->kind == VIEW_NUMBER && v->number >= 0 && v->number <= 1e15)
		n = (int64_t)v->number;
	else if (v->kind == VIEW_TEXT && v->len < sizeof text) {
		memcpy(text, v->text, v->len);
		text[v->len] = '\0';
		if (parse_int(text, 0, INT64_C(1000000000000000), &n) != 0)
			return -1;
	} else {
		return -1;
	}
	jsonw_int(b, name, n);
	return 0;
}

/* false is what an absent flag means, but of available. */
static int
add_flag(struct buf *b, const char *name, const struct value_view *v)
{
	if (v->kind != VIEW_ABSENT && v->kind != VIEW_TRUE &&
	    v->kind != VIEW_FALSE)
		return -1;
	if (v->kind == VIEW_TRUE ||
	    (v->kind == VIEW_FALSE && strcmp(name, "available") == 0))
		jsonw_bool(b, name, v->kind == VIEW_TRUE);
	return 0;
}

static bool
view_is(const struct value_view *v, const char *s)
{
	return v->kind == VIEW_TEXT && v->len == strlen(s) &&
	       memcmp(v->text, s, v->len) == 0;
}

static int
find_status(const struct value_view *v, enum chat_status *status)
{
	enum chat_status s;

	*status = CHAT_NONE;
	for (s = CHAT_OPEN; s <= CHAT_GONE; s++) {
		if (view_is(v, record_status_name(s)))
			*status = s;
	}
	return v->kind == VIEW_ABSENT || *status != CHAT_NONE ? 0 : -1;
}

static int
add_choice(
    struct buf *b, const struct record_field *f, const struct value_view *v)
{
	enum chat_status s;
	enum message_from from;
	bool ok = false;

	if (v->kind == VIEW_ABSENT)
		return 0;
	if (f->kind == FIELD_STATUS)
		ok = find_status(v, &s) == 0;
	for (from = FROM_CUSTOMER; f->kind == FIELD_FROM && from <= FROM_SYSTEM;
	     from++)
		ok |= view_is(v, record_from_name(from));
	if (!ok)
		return -1;
	jsonw_strn(b, f->name, v->text, v->len);
	return 0;
}

static int
add_field(
    struct buf *b, const struct record_field *f, const struct value_view *v)
{
	switch (f->kind) {
	case FIELD_ID:
		return add_id(b, f->name, v);
	case FIELD_TEXT:
		return add_text(b, f->name, v);
	case FIELD_TIME:
		return add_time(b, f->name, v);
	case FIELD_COUNT:
		return add_count(b, f->name, v);
	case FIELD_FLAG:
		return add_flag(b, f->name, v);
	case FIELD_STATUS:
	case FIELD_FROM:
		return add_choice(b, f, v);
	case FIELD_JSON:
		if (v->kind == VIEW_TREE)
			jsonw_raw(b, f->name, v->text, v->len);
		return v->kind == VIEW_TREE || v->kind == VIEW_ABSENT ? 0 : -1;
	case FIELD_TENANT:
	case FIELD_STATE:
		break;
	}
	return 0;
}

static const struct value_view *
find_view(const char *name)
{
	static const struct value_view none = { .kind = VIEW_ABSENT };
	size_t i;

	for (i = 0; i < record_fields_n; i++) {
		if (strcmp(record_fields[i].name, name) == 0)
			return &views[i];
	}
	return &none;
}

/* What the engine adds itself, or only where it is wanted. */
static bool
is_engines(const struct record_field *f, enum record_type type,
    const struct crm_record_options *opt)
{
	static const char *const of_all[] = { "tenant", "snapshot", "about" };
	static const char *const of_chat[] = { "at", "opened_at", "closed_at",
		"stale", "customer_name", "customer_phone", "tag",
		"assignment" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(of_all); i++) {
		if (strcmp(f->name, of_all[i]) == 0)
			return true;
	}
	for (i = 0; type == RECORD_CHAT && i < ARRAY_LEN(of_chat); i++) {
		if (strcmp(f->name, of_chat[i]) == 0)
			return true;
	}
	return f->kind == FIELD_TEXT && strcmp(f->name, "text") == 0 &&
	       !opt->texts;
}

/* Whose record it is, for a list has many. */
static void
name_owner(enum record_type type, struct buf *why)
{
	const char *who = type == RECORD_OPERATOR ? "operator" : "chat";
	char *id = identifier(find_view(who)), *reason = xstrdup(buf_str(why));

	if (id != NULL && *id != '\0')
		buf_setf(why, "%s %s: %s", who, id, reason);
	free(id);
	free(reason);
}

static int
add_fields(struct buf *b, enum record_type type,
    const struct crm_record_options *opt, struct buf *why)
{
	size_t i, before;

	for (i = 0; i < record_fields_n; i++) {
		const struct record_field *f = &record_fields[i];

		if ((f->in & 1u << type) == 0 || is_engines(f, type, opt))
			continue;
		before = b->len;
		if (add_field(b, f, &views[i]) != 0) {
			buf_setf(why, "record '%s' has a bad '%s'",
			    record_types[type].name, f->name);
			if (!opt->partly || (f->required & 1u << type) != 0)
				return -1;
		} else if (b->len == before &&
			   (f->required & 1u << type) != 0) {
			buf_setf(why, "record '%s' has no '%s'",
			    record_types[type].name, f->name);
			return -1;
		}
	}
	return 0;
}

static void
add_person(struct buf *b, const struct crm_record_options *opt)
{
	if (opt->names)
		(void)add_text(b, "customer_name", find_view("customer_name"));
	if (opt->phones)
		(void)add_text(
		    b, "customer_phone", find_view("customer_phone"));
	(void)add_text(b, "tag", find_view("tag"));
}

/* jsonw puts a comma before each member but the first of an object. */
static char *
take_members(struct buf *b)
{
	size_t skip = b->len > 0 && b->data[0] == ',';
	char *s = xstrdup(buf_str(b) + skip);

	buf_release(b);
	return s;
}

/* The id if there is one. */
static char *
id_or_null(const struct value_view *v)
{
	char *id = identifier(v);

	if (id != NULL && *id == '\0') {
		free(id);
		id = NULL;
	}
	return id;
}

static int
read_chat(struct crm_record *r, struct value *v,
    const struct crm_record_options *opt, struct buf *why)
{
	const struct value_view *mark = own(OWN_MARK);
	const char *bad = NULL;

	r->id = id_or_null(find_view("chat"));
	r->customer = id_or_null(find_view("customer"));
	r->last = id_or_null(own(OWN_LAST));
	r->mark =
	    mark->kind == VIEW_TEXT ? xstrndup(mark->text, mark->len) : NULL;
	r->assigned = find_view("operator")->kind != VIEW_ABSENT;
	r->taken = !r->assigned && own(OWN_TAKEN)->kind == VIEW_TRUE;
	r->raw = value_ref(v);
	if (instant(find_view("at"), &r->at) != 0)
		bad = "at";
	if (instant(find_view("opened_at"), &r->opened_at) != 0)
		bad = "opened_at";
	if (instant(find_view("closed_at"), &r->closed_at) != 0)
		bad = "closed_at";
	if (instant(own(OWN_LAST_AT), &r->last_at) != 0)
		bad = "last_at";
	if (bad != NULL) {
		buf_setf(why, "record 'chat' has a bad '%s'", bad);
		if (!opt->partly)
			return -1;
	}
	return find_status(find_view("status"), &r->status) == 0 || opt->partly
		   ? 0
		   : -1;
}

static int
find_type(const struct value_view *v, enum record_type *type)
{
	static const enum record_type types[] = { RECORD_OPERATOR, RECORD_CHAT,
		RECORD_MESSAGE };
	size_t i;

	*type = RECORD_UNKNOWN;
	for (i = 0; i < ARRAY_LEN(types); i++) {
		if (view_is(v, record_types[types[i]].name))
			*type = types[i];
	}
	return *type != RECORD_UNKNOWN || view_is(v, "customer") ? 0 : -1;
}

static int
read_by_type(struct crm_record *r, struct value *v,
    const struct crm_record_options *opt, struct buf *why)
{
	switch (r->type) {
	case RECORD_CHAT:
		return read_chat(r, v, opt, why);
	case RECORD_OPERATOR:
		r->id = id_or_null(find_view("operator"));
		r->available = find_view("available")->kind == VIEW_TRUE;
		r->raw = value_ref(v);
		break;
	case RECORD_MESSAGE:
		r->id = id_or_null(find_view("id"));
		r->chat = id_or_null(find_view("chat"));
		r->closing = view_is(find_view("from"), "system") &&
			     view_is(find_view("kind"), "closed");
		return instant(find_view("at"), &r->at);
	case RECORD_UNKNOWN:
		r->id = id_or_null(find_view("customer"));
		break;
	case RECORD_SNAPSHOT:
	case RECORD_VIEW:
	case RECORD_EVENT:
	case RECORD_ASSIGNMENT:
	case RECORD_LIMIT:
	case RECORD_ROW:
	case RECORD_TYPES:
		break;
	}
	return 0;
}

int
crm_record_read(struct crm_record *r, struct value *v,
    const struct crm_record_options *opt, struct buf *why)
{
	struct buf body = BUF_INIT, person = BUF_INIT;
	int rc = -1;

	*r = (struct crm_record){ .at = CLOCK_NONE,
		.last_at = CLOCK_NONE,
		.opened_at = CLOCK_NONE,
		.closed_at = CLOCK_NONE };
	prepare();
	look_up(v, &key_of_type);
	if (find_type(own(OWN_TYPE), &r->type) != 0) {
		buf_setf(why, "a record is of no type that is known here");
	} else {
		look_up(v, &keys_of[r->type]);
		rc = r->type == RECORD_UNKNOWN
			 ? 0
			 : add_fields(&body, r->type, opt, why);
	}
	if (body.len > BODY_MAX) {
		buf_setf(
		    why, "a record is longer than %d bytes", RECORD_MAX_LINE);
		rc = -1;
	}
	if (rc == 0) {
		add_person(&person, opt);
		r->episode = id_or_null(own(OWN_EPISODE));
		rc = read_by_type(r, v, opt, why);
	}
	if (opt->partly && why->len > 0)
		name_owner(r->type, why);
	r->body = take_members(&body);
	r->person = take_members(&person);
	if (rc != 0) {
		enum record_type type = r->type;

		crm_record_release(r);
		r->type = type;
	}
	return rc;
}

void
crm_record_release(struct crm_record *r)
{
	free(r->body);
	free(r->person);
	free(r->id);
	free(r->chat);
	free(r->customer);
	free(r->mark);
	free(r->last);
	free(r->episode);
	value_unref(r->raw);
	*r = (struct crm_record){ .type = RECORD_UNKNOWN };
}
