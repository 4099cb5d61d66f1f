/*
 * profile: opens a profile and calls its functions; see profile.h. The program
 * is compiled once, by profile_program.c.
 */
#include "poller/crm/profile.h"

#include <errno.h>
#include <jq.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "poller/crm/profile_impl.h"

/*
 * profile_about: reads the result of a profile's about; see profile_impl.h.
 */

static double
number_member(jv object, const char *key, double def)
{
	jv v = profile_member(object, key);
	double n = jv_get_kind(v) == JV_KIND_NUMBER ? jv_number_value(v) : def;

	jv_free(v);
	return n;
}

static bool
flag_member(jv object, const char *key)
{
	jv v = profile_member(object, key);
	bool is = jv_get_kind(v) == JV_KIND_TRUE;

	jv_free(v);
	return is;
}

/* The keys of an object (taken); an empty array when it is absent. */
static jv
object_keys(jv object)
{
	if (jv_get_kind(object) == JV_KIND_OBJECT)
		return jv_keys(object);
	jv_free(object);
	return jv_array();
}

/* Reads headers (taken). A null value means that [crm] account is missing. */
static void
read_headers(jv headers, struct profile_host *h, bool *needs_account)
{
	jv keys = object_keys(jv_copy(headers));
	int i, n = jv_array_length(jv_copy(keys));
	size_t at = 0;

	h->headers = xcalloc((size_t)n + 1, sizeof *h->headers);
	for (i = 0; i < n; i++) {
		jv key = jv_array_get(jv_copy(keys), i);
		char *value = profile_text(headers, jv_string_value(key));

		if (value != NULL)
			h->headers[at++] =
			    xasprintf("%s: %s", jv_string_value(key), value);
		else
			*needs_account = true;
		free(value);
		jv_free(key);
	}
	jv_free(keys);
	jv_free(headers);
}

/* Reads one host: about itself, or a member of about.hosts. */
static void
read_host(jv from, const char *name, struct profile_about *out)
{
	struct profile_host *h = &out->hosts[out->hosts_n++];
	jv auth = profile_member(from, "auth");
	char *key = profile_text(auth, "key");

	h->name = name != NULL ? xstrdup(name) : NULL;
	h->url = profile_text(from, "url");
	h->auth_header = profile_text(auth, "header");
	h->auth_prefix = profile_text(auth, "prefix");
	h->for_admin = key != NULL && strcmp(key, "admin_token") == 0;
	free(key);
	read_headers(profile_member(from, "headers"), h, &out->needs_account);
	jv_free(auth);
}

static void
read_about_members(jv about, struct profile_about *out)
{
	jv hosts, names;
	int i, n;

	hosts = profile_member(about, "hosts");
	names = object_keys(jv_copy(hosts));
	n = jv_array_length(jv_copy(names));
	out->hosts = xcalloc((size_t)n + 1, sizeof *out->hosts);
	read_host(about, NULL, out);
	for (i = 0; i < n; i++) {
		jv name = jv_array_get(jv_copy(names), i);
		jv host = profile_member(hosts, jv_string_value(name));

		read_host(host, jv_string_value(name), out);
		jv_free(host);
		jv_free(name);
	}
	out->by_operator = flag_member(about, "by_operator");
	out->operators_first =
	    out->by_operator || flag_member(about, "operators_first");
	out->needs = flag_member(about, "needs");
	out->max_pages = (unsigned)number_member(about, "max_pages", 1000);
	out->backfill = (unsigned)number_member(about, "backfill", 0);
	out->period_ms = (int64_t)(number_member(about, "period", 0) * 1000);
	out->changes_ms = (int64_t)(number_member(about, "changes", 0) * 1000);
	jv_free(names);
	jv_free(hosts);
	jv_free(about);
}

static void
release_about(struct profile_about *a)
{
	size_t i;
	char **line;

	for (i = 0; i < a->hosts_n; i++) {
		struct profile_host *h = &a->hosts[i];

		for (line = h->headers; *line != NULL; line++)
			free(*line);
		free(h->headers);
		free(h->name);
		free(h->url);
		free(h->auth_header);
		free(h->auth_prefix);
	}
	free(a->hosts);
	*a = (struct profile_about){ .hosts = NULL };
}

/* ---- profile ---- */

#define CALL_MS 5000

/* From so many rows on the share of odd ones decides about a list, below it
 * that of lost ones: a few chats may well have the same odd thing. */
#define MANY_ROWS 10

/* A compiled profile. Its text and libjq's, which is most of the work, are the
 * same for all tenants that have it. */
struct profile_program {
	jq_state *jq;
	uint64_t version; /* of its text */
	struct buf error; /* the first one of libjq */
	unsigned refs;
	struct profile_program *next;
};

/* Those that may be shared. */
static struct profile_program *shared;

struct profile {
	struct profile_program *program;
	jq_state *jq; /* the program's */
	char *name;
	struct profile_options opt;
	struct profile_about about;
	jv options; /* as the profile gets them */
	struct value *operators, *former;
	uint64_t version;
	struct profile_cpu_limit cpu_limit;
	int64_t limit_ms; /* of a call */
};

const char *const profile_call_names[PROFILE_CALLS] = { "operators", "chats",
	"messages", "chat", "customer", "check", "assign", "past", "hooks",
	"hook_add", "hook_remove" };

static const char *const error_class_names[] = { "", "later", "throttled",
	"quota", "denied", "gone", "unusable", "short" };

/* Runs the program on input (taken). Its first result, or invalid and *why. */
static jv
run_program(struct profile *p, jv input, struct buf *why)
{
	jv result, message;
	bool halted;

	if (profile_cpu_limit_start(&p->cpu_limit, p->jq, p->limit_ms) != 0) {
		buf_setf(why,
		    "cannot create a timer: %s; raise the limit of pending "
		    "signals (LimitSIGPENDING, ulimit -i)",
		    log_errno(errno));
		jv_free(input);
		return jv_invalid();
	}
	jq_start(p->jq, input, 0);
	result = jq_next(p->jq);
	profile_cpu_limit_stop(&p->cpu_limit);
	halted = jq_halted(p->jq);
	/* Frees the input and all values of this call. */
	jq_start(p->jq, jv_null(), 0);

	if (jv_is_valid(result))
		return result;
	message = jv_invalid_get_msg(jv_copy(result));
	if (halted)
		buf_setf(why, "it takes longer than %d s",
		    (int)(p->limit_ms / 1000));
	else if (jv_get_kind(message) == JV_KIND_STRING)
		buf_setf(why, "%s", jv_string_value(message));
	else
		buf_setf(why, "it returns no result");
	jv_free(message);
	return result;
}

static jv
set_member(jv object, const char *key, jv value)
{
	return jv_object_set(object, jv_string(key), value);
}

static jv
seconds_or_null(int64_t ms)
{
	return ms != 0 ? jv_number((double)ms / 1000) : jv_null();
}

static jv
make_input(struct profile *p, const char *call, const struct profile_input *in)
{
	jv o = set_member(jv_object(), "call", jv_string(call));

	o = set_member(o, "tenant", jv_string(p->opt.tenant));
	o = set_member(o, "options", jv_copy(p->options));
	o = set_member(o, "operators",
	    p->operators != NULL ? value_jv(p->operators) : jv_array());
	o = set_member(
	    o, "former", p->former != NULL ? value_jv(p->former) : jv_array());
	if (in == NULL)
		return o;
	o = set_member(o, "now", jv_number((double)in->now_ms / 1000));
	o = set_member(o, "asked", seconds_or_null(in->asked_ms));
	o = set_member(o, "since", seconds_or_null(in->since_ms));
	o = set_member(o, "cursor", value_jv(in->cursor));
	o = set_member(o, "chat", value_jv(in->chat));
	o = set_member(o, "hook", value_jv(in->hook));
	o = set_member(o, "known",
	    set_member(jv_object(), "last", profile_text_or_null(in->known)));
	o = set_member(o, "customer", profile_text_or_null(in->customer));
	o = set_member(o, "operator", profile_text_or_null(in->operator_id));
	o = set_member(o, "replaces", profile_text_or_null(in->replaces));
	o = set_member(o, "status", jv_number(in->status));
	o = set_member(o, "answer", value_jv(in->answer));
	return o;
}

jv
profile_run(struct profile *p, const char *call, jv more, struct buf *why)
{
	return run_program(
	    p, jv_object_merge(make_input(p, call, NULL), more), why);
}

const struct profile_options *
profile_options(const struct profile *p)
{
	return &p->opt;
}

/* An array of the words; NULL has none. */
static jv
words_jv(char *const *words)
{
	jv list = jv_array();

	for (; words != NULL && *words != NULL; words++)
		list = jv_array_append(list, jv_string(*words));
	return list;
}

static jv
options_jv(const struct profile_options *opt)
{
	jv o = jv_object();

	o = set_member(o, "account", profile_text_or_null(opt->account));
	o = set_member(o, "customers", jv_bool(opt->customers));
	o = set_member(o, "customer_phone", jv_bool(opt->customer_phone));
	o = set_member(o, "with_text", jv_bool(opt->with_text));
	o = set_member(o, "polled", jv_bool(opt->polled));
	o = set_member(
	    o, "history", jv_string(opt->history_all ? "all" : "episode"));
	o = set_member(o, "need", words_jv(opt->need));
	return set_member(o, "bot_operators", words_jv(opt->bot_operators));
}

/* Puts the function's name before the reason. */
static void
name_call_function(struct profile *p, enum profile_call call, const char *what,
    struct buf *why)
{
	char *reason = xstrdup(buf_str(why));

	buf_setf(why, "%s_%s of profile '%s': %s", profile_call_names[call],
	    what, p->name, reason);
	free(reason);
}

int
profile_request(struct profile *p, enum profile_call call,
    const struct profile_input *in, struct profile_request *out,
    struct buf *why)
{
	char name[32];
	jv result;
	int rc = -1;

	*out = (struct profile_request){ .target = NULL };
	(void)snprintf(
	    name, sizeof name, "%s_request", profile_call_names[call]);
	result = run_program(p, make_input(p, name, in), why);
	if (jv_is_valid(result))
		rc = profile_request_read(result, out, why);
	if (rc < 0)
		name_call_function(p, call, "request", why);
	jv_free(result);
	return rc;
}

static enum error_class
profile_error_class(const char *name)
{
	size_t i;

	for (i = 1; i < ARRAY_LEN(error_class_names); i++) {
		if (strcmp(name, error_class_names[i]) == 0)
			return (enum error_class)i;
	}
	return ERROR_CLASS_UNUSABLE;
}

/* Counts a record that could not be read, wholly or in part: one bad chat of a
 * list does not stop the others. */
static void
note_odd_record(struct profile_answer *out, bool lost, enum record_type type,
    const struct buf *why)
{
	out->odd++;
	if (out->first_odd.len == 0)
		buf_adds(&out->first_odd, buf_str(why));
	if (type != RECORD_MESSAGE) {
		out->rows.odd++;
		out->rows.lost += lost;
	}
}

static bool
most_are_odd(const struct profile_rows *rows)
{
	return (rows->n >= MANY_ROWS ? rows->odd : rows->lost) * 2 > rows->n;
}

/* Adds the rows of earlier pages to those of this one. Whether so many are bad,
 * of the page or of all, that the list itself must be wrong: what a whole
 * snapshot lacks counts as gone. */
static bool
add_rows_before(struct profile_rows *rows, const struct profile_rows *before)
{
	bool wrong = rows->n >= MANY_ROWS && most_are_odd(rows);

	rows->n += before->n;
	rows->odd += before->odd;
	rows->lost += before->lost;
	return wrong || most_are_odd(rows);
}

/* Reads a record into its place; rc as crm_record_read(). */
static int
read_answer_record(struct crm_record *r, jv record,
    const struct crm_record_options *opt, struct buf *why)
{
	struct value *v = value_new_jv(record);
	int rc;

	buf_clear(why);
	rc = crm_record_read(r, v, opt, why);
	value_unref(v);
	return rc;
}

static struct crm_record_options
record_options(const struct profile *p, bool partly)
{
	return (struct crm_record_options){ p->opt.customers,
		p->opt.customer_phone, p->opt.with_text, partly };
}

int
profile_record_read(
    const struct profile *p, const char *json, size_t len, struct crm_record *r)
{
	const struct crm_record_options opt = record_options(p, true);
	struct buf why = BUF_INIT;
	bool repaired;
	struct value *v = value_parse(json, len, &repaired, &why);
	int rc = v != NULL ? crm_record_read(r, v, &opt, &why) : -1;

	value_unref(v);
	buf_release(&why);
	return rc;
}

static int
read_answer_records(struct profile *p, enum profile_call call,
    const struct profile_input *in, jv records, struct profile_answer *out)
{
	const struct crm_record_options opt = record_options(
	    p, call == PROFILE_OPERATORS || call == PROFILE_CHATS ||
		   call == PROFILE_PAST);
	int n = jv_get_kind(records) == JV_KIND_ARRAY
		    ? jv_array_length(jv_copy(records))
		    : 0;
	struct buf why = BUF_INIT;
	int i, rc = 0;

	out->records = xcalloc((size_t)n + 1, sizeof *out->records);
	for (i = 0; i < n && rc == 0; i++) {
		struct crm_record *r = &out->records[out->n];

		rc = read_answer_record(
		    r, jv_array_get(jv_copy(records), i), &opt, &why);
		out->n += rc == 0;
		out->rows.n += r->type != RECORD_MESSAGE;
		if (why.len > 0 && (opt.partly || rc == 0)) {
			note_odd_record(out, rc != 0, r->type, &why);
			rc = 0;
		}
	}
	if (rc != 0)
		buf_adds(&out->message, buf_str(&why));
	else if (add_rows_before(&out->rows, &in->before)) {
		buf_setf(&out->message,
		    "%zu of %zu rows of the list are unreadable%s%s",
		    out->rows.odd, out->rows.n,
		    out->first_odd.len > 0 ? "; " : "",
		    buf_str(&out->first_odd));
		rc = -1;
	}
	buf_release(&why);
	jv_free(records);
	return rc;
}

/* "label: value, label: value" (info is taken). */
static void
show_info(jv info, struct buf *out)
{
	jv keys = jv_get_kind(info) == JV_KIND_OBJECT ? jv_keys(jv_copy(info))
						      : jv_array();
	int i, n = jv_array_length(jv_copy(keys));

	for (i = 0; i < n; i++) {
		jv key = jv_array_get(jv_copy(keys), i);
		jv v = jv_object_get(jv_copy(info), jv_copy(key));

		buf_addf(
		    out, "%s%s: ", i > 0 ? ", " : "", jv_string_value(key));
		if (jv_get_kind(v) == JV_KIND_STRING) {
			buf_adds(out, jv_string_value(v));
			jv_free(v);
		} else {
			value_dump_jv(v, out);
		}
		jv_free(key);
	}
	jv_free(keys);
	jv_free(info);
}

/* The member that the answer to a call must have, without which a misspelled
 * one would be an empty list, or nobody. */
static const char *
needed_member(enum profile_call call)
{
	switch (call) {
	case PROFILE_ASSIGN:
		return "operator";
	case PROFILE_CHECK:
		return NULL;
	case PROFILE_HOOKS:
	case PROFILE_HOOK_ADD:
	case PROFILE_HOOK_REMOVE:
		return "hooks";
	case PROFILE_OPERATORS:
	case PROFILE_CHATS:
	case PROFILE_MESSAGES:
	case PROFILE_CHAT:
	case PROFILE_CUSTOMER:
	case PROFILE_PAST:
	case PROFILE_CALLS:
		break;
	}
	return "records";
}

static bool
has_answer(enum profile_call call, jv result)
{
	const char *needed = needed_member(call);
	jv member;
	bool good;

	if (needed == NULL)
		return true;
	member = profile_member(result, needed);
	good = call == PROFILE_ASSIGN ? jv_is_valid(member)
				      : jv_get_kind(member) == JV_KIND_ARRAY;
	jv_free(member);
	return good;
}

static void
say_what_to_give(enum profile_call call, struct buf *why)
{
	const char *needed = needed_member(call);

	buf_addf(why, "it must return {%s%s} or {error, message}",
	    needed != NULL ? needed : "info",
	    needed != NULL && call != PROFILE_ASSIGN ? ", next" : "");
}

/* How many rows a short list lacks; very many if it does not say. */
static size_t
read_missing(jv result)
{
	double n = number_member(result, "missing", 0);

	return n >= 1 && n < UINT32_MAX ? (size_t)n : UINT32_MAX;
}

static void
read_error(jv result, const char *error, struct profile_answer *out)
{
	char *message = profile_text(result, "message");

	out->error = profile_error_class(error);
	if (out->error == ERROR_CLASS_SHORT)
		out->missing = read_missing(result);
	out->alone = flag_member(result, "alone");
	buf_adds(&out->message, message != NULL ? message : "");
	free(message);
}

/* 0, or -1 with the reason in out->message. */
static int
read_answer_value(struct profile *p, enum profile_call call,
    const struct profile_input *in, jv result, struct profile_answer *out)
{
	char *error = profile_text(result, "error");
	jv next;
	int rc = 0;

	if (error != NULL) {
		read_error(result, error, out);
		free(error);
		return 0;
	}
	if (!has_answer(call, result)) {
		say_what_to_give(call, &out->message);
		return -1;
	}
	rc = read_answer_records(
	    p, call, in, profile_member(result, "records"), out);
	if (rc == 0)
		show_info(profile_member(result, "info"), &out->message);
	out->moved = flag_member(result, "moved");
	profile_webhooks_read(result, &out->hooks);
	out->operator_id = profile_id(profile_member(result, "operator"));
	next = profile_member(result, "next");
	if (jv_is_valid(next) && jv_get_kind(next) != JV_KIND_NULL)
		out->next = value_new_jv(next);
	else
		jv_free(next);
	return rc;
}

void
profile_read(struct profile *p, enum profile_call call,
    const struct profile_input *in, struct profile_answer *out)
{
	char name[32];
	jv result;
	int rc = -1;

	*out = (struct profile_answer){ .error = ERROR_CLASS_NONE };
	(void)snprintf(name, sizeof name, "%s_read", profile_call_names[call]);
	result = run_program(p, make_input(p, name, in), &out->message);
	if (jv_get_kind(result) == JV_KIND_OBJECT)
		rc = read_answer_value(p, call, in, result, out);
	else if (jv_is_valid(result))
		say_what_to_give(call, &out->message);
	if (rc != 0) {
		out->error = ERROR_CLASS_UNUSABLE;
		out->unread = true;
		name_call_function(p, call, "read", &out->message);
	}
	jv_free(result);
}

void
profile_answer_release(struct profile_answer *a)
{
	size_t i;

	for (i = 0; i < a->n; i++)
		crm_record_release(&a->records[i]);
	free(a->records);
	value_unref(a->next);
	free(a->operator_id);
	webhooks_release(&a->hooks);
	buf_release(&a->message);
	buf_release(&a->first_odd);
	*a = (struct profile_answer){ .error = ERROR_CLASS_NONE };
}

static int
read_about(struct profile *p, struct buf *why)
{
	jv about = run_program(p, make_input(p, "about", NULL), why);

	if (!jv_is_valid(about)) {
		jv_free(about);
		return -1;
	}
	read_about_members(about, &p->about);
	return 0;
}

static void
program_release(struct profile_program *g)
{
	struct profile_program **at = &shared;

	if (g == NULL || --g->refs > 0)
		return;
	while (*at != NULL && *at != g)
		at = &(*at)->next;
	if (*at == g)
		*at = g->next;
	if (g->jq != NULL)
		jq_teardown(&g->jq);
	buf_release(&g->error);
	free(g);
}

/* Compiles the profile, unless that was done for another tenant. NULL and *why.
 */
static struct profile_program *
program_get(const char *name, const struct profile_file *f, bool may_share,
    struct buf *why)
{
	uint64_t version = profile_file_version(f, "");
	struct profile_program *g = may_share ? shared : NULL;

	while (g != NULL && g->version != version)
		g = g->next;
	if (g != NULL) {
		g->refs++;
		return g;
	}
	g = xcalloc(1, sizeof *g);
	g->refs = 1;
	g->version = version;
	g->jq = jq_init();
	if (g->jq == NULL ||
	    profile_compile(g->jq, name, f, &g->error, why) != 0) {
		program_release(g);
		return NULL;
	}
	if (may_share) {
		g->next = shared;
		shared = g;
	}
	return g;
}

struct profile *
profile_open(
    const char *name, const struct profile_options *opt, struct buf *why)
{
	struct profile *p = xcalloc(1, sizeof *p);
	struct profile_file f;
	struct buf reason = BUF_INIT, key = BUF_INIT;
	bool ok = false;

	p->name = xstrdup(name);
	p->opt = *opt;
	p->limit_ms = CALL_MS;
	p->options = options_jv(opt);
	if (profile_file_read(&f, name, why) == 0) {
		value_dump_jv(jv_copy(p->options), &key);
		p->version = profile_file_version(&f, buf_str(&key));
		p->program = program_get(name, &f, opt->shared, why);
		p->jq = p->program != NULL ? p->program->jq : NULL;
		ok = p->jq != NULL && read_about(p, &reason) == 0;
		if (p->jq != NULL && !ok) {
			buf_setf(why, "about of profile '%s': %s", name,
			    buf_str(&reason));
		}
	}
	profile_file_release(&f);
	buf_release(&key);
	buf_release(&reason);
	if (ok)
		return p;
	profile_close(p);
	return NULL;
}

void
profile_close(struct profile *p)
{
	if (p == NULL)
		return;
	profile_cpu_limit_release(&p->cpu_limit);
	program_release(p->program);
	jv_free(p->options);
	value_unref(p->operators);
	value_unref(p->former);
	release_about(&p->about);
	free(p->name);
	free(p);
}

void
profile_set_operators(
    struct profile *p, struct value *list, struct value *former)
{
	value_unref(p->operators);
	value_unref(p->former);
	p->operators = value_ref(list);
	p->former = value_ref(former);
}

const struct profile_about *
profile_about(const struct profile *p)
{
	return &p->about;
}

void
profile_set_limit(struct profile *p, int64_t ms)
{
	p->limit_ms = ms;
}

uint64_t
profile_version(const struct profile *p)
{
	return p->version;
}
