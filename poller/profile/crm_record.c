/*
 * crm_record: see crm_record.h. The table of records says which fields a record
 * has, of which kind, and which are required. A few more fields are for the
 * poller's own use.
 */
#include "poller/profile/crm_record.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/text/jsonw.h"
#include "poller/profile/crm_field.h"

/* Bytes of a body, which leaves room for what is added later: the tenant,
 * times, and the three texts of a person, with six bytes for each that JSON
 * escapes. */
#define BODY_MAX ((size_t)RECORD_MAX_LINE - 4096 - 20480)

#define FIELDS_MAX 64

/* Fields for the poller, after those of records in the list of keys. */
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

/* For each type: the keys of its records, and the indexes of their views. */
static _Thread_local struct type_keys {
	struct value_keys *keys;
	size_t at[FIELDS_MAX + OWN_N];
	size_t n;
} keys_of[RECORD_TYPES], key_of_type;

/* The values of the keys of one object. */
struct fields {
	struct value_view views[FIELDS_MAX + OWN_N];
	struct buf dump; /* of those that are trees */
};

static bool
is_field_of(const struct record_field *f, size_t type)
{
	/* A customer has the fields of a chat that are about customers. */
	if (type == RECORD_UNKNOWN)
		type = RECORD_CHAT;
	return (f->in & 1u << type) != 0;
}

static void
prepare_type_keys(struct type_keys *k, size_t type)
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
prepare_keys(void)
{
	size_t i;

	if (key_of_type.keys != NULL)
		return;
	for (i = 0; i < RECORD_TYPES; i++)
		prepare_type_keys(&keys_of[i], i);
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
}

/* Sets the views of the keys in k; all others are absent. */
static void
look_up_fields(
    struct fields *f, const struct value *v, const struct type_keys *k)
{
	struct value_view found[FIELDS_MAX + OWN_N];
	size_t i;

	value_view(v, k->keys, found, &f->dump);
	for (i = 0; i < record_fields_n + OWN_N; i++)
		f->views[i] = (struct value_view){ .kind = VIEW_ABSENT };
	for (i = 0; i < k->n; i++)
		f->views[k->at[i]] = found[i];
}

static const struct value_view *
own_view(const struct fields *f, enum own which)
{
	return &f->views[record_fields_n + (size_t)which];
}

static const struct value_view *
find_view(const struct fields *f, const char *name)
{
	static const struct value_view none = { .kind = VIEW_ABSENT };
	size_t i;

	for (i = 0; i < record_fields_n; i++) {
		if (strcmp(record_fields[i].name, name) == 0)
			return &f->views[i];
	}
	return &none;
}

/* Fields that the poller adds itself, or only with an option. */
static bool
is_added_later(const struct record_field *f, enum record_type type,
    const struct crm_record_options *opt)
{
	static const char *const of_all[] = { "tenant", "snapshot", "about" };
	static const char *const of_chat[] = { "at", "opened_at", "closed_at",
		"customer_name", "customer_phone", "tag", "assignment" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(of_all); i++) {
		if (strcmp(f->name, of_all[i]) == 0)
			return true;
	}
	for (i = 0; type == RECORD_CHAT && i < ARRAY_LEN(of_chat); i++) {
		if (strcmp(f->name, of_chat[i]) == 0)
			return true;
	}
	if (strcmp(f->name, "available_at") == 0)
		return true;
	if (strcmp(f->name, "stale") == 0)
		return type != RECORD_OPERATOR;
	return f->kind == FIELD_TEXT && strcmp(f->name, "text") == 0 &&
	       !opt->texts;
}

/* Puts the chat's or operator's id before the reason. */
static void
name_owner(const struct fields *f, enum record_type type, struct buf *why)
{
	const char *who = type == RECORD_OPERATOR ? "operator" : "chat";
	char *id = crm_field_id(find_view(f, who)),
	     *reason = xstrdup(buf_str(why));

	if (id != NULL && *id != '\0')
		buf_setf(why, "%s %s: %s", who, id, reason);
	free(id);
	free(reason);
}

/* What is left out if it cannot be read. Response times need none of these, so
 * even a webhook or a chat's messages, which are read whole or not at all, are
 * not lost for an e-mail with a blank behind it. */
static bool
may_lack(const struct record_field *f, enum record_type type,
    const struct crm_record_options *opt)
{
	static const char *const names[] = { "user", "to", "channel",
		"customer", "text" };
	size_t i;

	if ((f->required & 1u << type) != 0)
		return false;
	for (i = 0; i < ARRAY_LEN(names) && !opt->partly; i++) {
		if (strcmp(f->name, names[i]) == 0)
			return true;
	}
	return opt->partly;
}

static int
add_fields(struct buf *b, const struct fields *all, enum record_type type,
    const struct crm_record_options *opt, struct buf *why)
{
	size_t i, before;

	for (i = 0; i < record_fields_n; i++) {
		const struct record_field *f = &record_fields[i];

		if ((f->in & 1u << type) == 0 || is_added_later(f, type, opt))
			continue;
		before = b->len;
		if (crm_field_add(b, f, &all->views[i]) != 0) {
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

static void
add_person_members(
    struct buf *b, const struct fields *f, const struct crm_record_options *opt)
{
	if (opt->names)
		crm_field_add_name(
		    b, "customer_name", find_view(f, "customer_name"));
	if (opt->phones)
		crm_field_add_name(
		    b, "customer_phone", find_view(f, "customer_phone"));
	crm_field_add_name(b, "tag", find_view(f, "tag"));
}

/* The members without the comma in front of the first, which jsonw writes. */
static char *
detach_members(struct buf *b)
{
	size_t skip = b->len > 0 && b->data[0] == ',';
	char *s = xstrdup(buf_str(b) + skip);

	buf_release(b);
	return s;
}

/* What cannot be a mark, an id or a flag among the poller's own fields, or
 * NULL: without its mark a chat would be read in each poll, without its last
 * message it would count as complete. */
static const char *
bad_own_field(const struct fields *f, enum record_type type)
{
	static const enum own ids[] = { OWN_EPISODE, OWN_LAST };
	size_t n = type == RECORD_CHAT ? 2 : type == RECORD_MESSAGE ? 1 : 0, i;
	enum view_kind taken = own_view(f, OWN_TAKEN)->kind;
	char *id;

	for (i = 0; i < n; i++) {
		id = crm_field_id(own_view(f, ids[i]));
		free(id);
		if (id == NULL)
			return own_names[ids[i]];
	}
	if (type != RECORD_CHAT)
		return NULL;
	if (own_view(f, OWN_MARK)->kind == VIEW_TREE)
		return own_names[OWN_MARK];
	return taken == VIEW_ABSENT || taken == VIEW_TRUE || taken == VIEW_FALSE
		   ? NULL
		   : own_names[OWN_TAKEN];
}

static int
check_own_fields(const struct fields *f, enum record_type type,
    const struct crm_record_options *opt, struct buf *why)
{
	const char *bad = bad_own_field(f, type);

	if (bad == NULL)
		return 0;
	buf_setf(why, "record '%s' has a bad '%s'", record_types[type], bad);
	return opt->partly ? 0 : -1;
}

/* Any scalar as a text; NULL if it is absent or bad. */
static char *
mark_or_null(const struct value_view *v)
{
	switch (v->kind) {
	case VIEW_FALSE:
		return xstrdup("false");
	case VIEW_TRUE:
		return xstrdup("true");
	case VIEW_NUMBER:
		return xasprintf("%.17g", v->number);
	case VIEW_TEXT:
		return xstrndup(v->text, v->len);
	case VIEW_ABSENT:
	case VIEW_TREE:
		break;
	}
	return NULL;
}

/* The id, or NULL if it is absent or bad. */
static char *
id_or_null(const struct value_view *v)
{
	char *id = crm_field_id(v);

	if (id != NULL && *id == '\0') {
		free(id);
		id = NULL;
	}
	return id;
}

static int
read_chat(struct crm_record *r, const struct fields *f, struct value *v,
    const struct crm_record_options *opt, struct buf *why)
{
	const char *bad = NULL;

	r->id = id_or_null(find_view(f, "chat"));
	r->customer = id_or_null(find_view(f, "customer"));
	r->last = id_or_null(own_view(f, OWN_LAST));
	r->mark = mark_or_null(own_view(f, OWN_MARK));
	r->operator_id = id_or_null(find_view(f, "operator"));
	r->taken =
	    r->operator_id == NULL && own_view(f, OWN_TAKEN)->kind == VIEW_TRUE;
	r->raw = value_ref(v);
	if (crm_field_time(find_view(f, "at"), &r->at) != 0)
		bad = "at";
	if (crm_field_time(find_view(f, "opened_at"), &r->opened_at) != 0)
		bad = "opened_at";
	if (crm_field_time(find_view(f, "closed_at"), &r->closed_at) != 0)
		bad = "closed_at";
	if (crm_field_time(own_view(f, OWN_LAST_AT), &r->last_at) != 0)
		bad = "last_at";
	if (bad != NULL) {
		buf_setf(why, "record 'chat' has a bad '%s'", bad);
		if (!opt->partly)
			return -1;
	}
	return crm_field_status(find_view(f, "status"), &r->status) == 0 ||
		       opt->partly
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
		if (crm_field_is(v, record_types[types[i]]))
			*type = types[i];
	}
	return *type != RECORD_UNKNOWN || crm_field_is(v, "customer") ? 0 : -1;
}

/* A bad time is none: when a record came tells it about as well. */
static void
read_available(struct crm_record *r, const struct fields *f)
{
	enum view_kind kind = find_view(f, "available")->kind;

	r->available = kind == VIEW_TRUE;
	r->has_available = r->available || kind == VIEW_FALSE;
	if (crm_field_time(find_view(f, "available_at"), &r->available_at) != 0)
		r->available_at = CLOCK_NONE;
}

void
crm_record_add_available_at(
    struct buf *to, const struct crm_record *r, int64_t now_ms)
{
	if (r->has_available)
		jsonw_time(to, "available_at",
		    r->available_at != CLOCK_NONE ? r->available_at : now_ms);
}

static int
read_by_type(struct crm_record *r, const struct fields *f, struct value *v,
    const struct crm_record_options *opt, struct buf *why)
{
	switch (r->type) {
	case RECORD_CHAT:
		return read_chat(r, f, v, opt, why);
	case RECORD_OPERATOR:
		r->id = id_or_null(find_view(f, "operator"));
		if (crm_field_time(find_view(f, "at"), &r->at) != 0)
			r->at = CLOCK_NONE;
		read_available(r, f);
		r->raw = value_ref(v);
		break;
	case RECORD_MESSAGE:
		r->id = id_or_null(find_view(f, "id"));
		r->chat = id_or_null(find_view(f, "chat"));
		r->operator_id = id_or_null(find_view(f, "operator"));
		r->closing = crm_field_is(find_view(f, "from"), "system") &&
			     crm_field_is(find_view(f, "kind"), "closed");
		return crm_field_time(find_view(f, "at"), &r->at);
	case RECORD_UNKNOWN:
		r->id = id_or_null(find_view(f, "customer"));
		break;
	case RECORD_SNAPSHOT:
	case RECORD_VIEW:
	case RECORD_EVENT:
	case RECORD_ASSIGNMENT:
	case RECORD_LIMIT:
	case RECORD_ROW:
	case RECORD_CLOCK:
	case RECORD_TYPES:
		break;
	}
	return 0;
}

/* Finds the type, and the fields of that type into the body. */
static int
read_fields(struct crm_record *r, struct fields *f, struct value *v,
    const struct crm_record_options *opt, struct buf *body, struct buf *why)
{
	int rc = 0;

	prepare_keys();
	look_up_fields(f, v, &key_of_type);
	if (find_type(own_view(f, OWN_TYPE), &r->type) != 0) {
		buf_setf(why, "a record is of no type that is known here");
		return -1;
	}
	look_up_fields(f, v, &keys_of[r->type]);
	if (r->type != RECORD_UNKNOWN)
		rc = add_fields(body, f, r->type, opt, why);
	if (rc == 0)
		rc = check_own_fields(f, r->type, opt, why);
	if (body->len > BODY_MAX) {
		buf_setf(
		    why, "a record is longer than %d bytes", RECORD_MAX_LINE);
		rc = -1;
	}
	return rc;
}

int
crm_record_read(struct crm_record *r, struct value *v,
    const struct crm_record_options *opt, struct buf *why)
{
	struct fields all = { .dump = BUF_INIT }, *f = &all;
	struct buf body = BUF_INIT, person = BUF_INIT;
	int rc;

	*r = (struct crm_record){ .at = CLOCK_NONE,
		.last_at = CLOCK_NONE,
		.opened_at = CLOCK_NONE,
		.closed_at = CLOCK_NONE };
	rc = read_fields(r, f, v, opt, &body, why);
	if (rc == 0) {
		add_person_members(&person, f, opt);
		r->episode = id_or_null(own_view(f, OWN_EPISODE));
		rc = read_by_type(r, f, v, opt, why);
	}
	if ((opt->partly || rc == 0) && why->len > 0)
		name_owner(f, r->type, why);
	r->body = detach_members(&body);
	r->person = detach_members(&person);
	buf_release(&all.dump);
	if (rc != 0) {
		enum record_type type = r->type;

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
crm_record_write(const struct crm_record *r, struct buf *out)
{
	jsonw_open(out);
	jsonw_str(out, "type",
	    r->type == RECORD_UNKNOWN ? "customer" : record_types[r->type]);
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
	value_unref(r->raw);
	*r = (struct crm_record){ .type = RECORD_UNKNOWN };
}
