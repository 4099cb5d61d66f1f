/*
 * profile: opens a profile and calls its functions; see profile.h. profile_jq.c
 * runs the program.
 */
#include "poller/crm/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/digest/hash.h"
#include "poller/crm/profile_impl.h"

/* ---- the result of about ---- */

static double
number_member(const json_t *object, const char *key, double def)
{
	const json_t *v = json_object_get(object, key);

	return json_is_number(v) ? json_number_value(v) : def;
}

static bool
flag_member(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

/* Reads one host: about itself, or a member of about.hosts. A header that is
 * null means that [crm] account is missing. */
static void
read_host(const json_t *from, const char *name, struct profile_about *out)
{
	struct profile_host *h = &out->hosts[out->hosts_n++];
	const json_t *auth = json_object_get(from, "auth");
	const char *key = profile_text(auth, "key"), *header;
	json_t *v;

	h->name = name;
	h->url = profile_text(from, "url");
	h->auth_header = profile_text(auth, "header");
	h->auth_prefix = profile_text(auth, "prefix");
	h->for_admin = key != NULL && strcmp(key, "admin_token") == 0;
	h->headers = json_object_get(from, "headers");
	json_object_foreach (h->headers, header, v)
		out->needs_account = out->needs_account || json_is_null(v);
}

/* How far a signed time may differ from ours, unless the profile says. */
#define WINDOW_S 300

static struct profile_hooks *
read_hooks(const json_t *hooks)
{
	const json_t *sign = json_object_get(hooks, "sign"), *part;
	const json_t *parts = json_object_get(sign, "parts");
	const char *key = profile_text(sign, "key");
	struct profile_hooks *out;
	size_t i;

	if (!json_is_object(hooks))
		return NULL;
	out = xmalloc(sizeof *out);
	*out = (struct profile_hooks){
		.header = profile_text(sign, "header"),
		.timestamp = profile_text(sign, "timestamp"),
		.prefix = profile_text(sign, "prefix"),
		.window_ms =
		    (int64_t)(number_member(sign, "window", WINDOW_S) * 1000),
		.key_is_md5 = key != NULL && strstr(key, "md5") != NULL,
		.key_is_token = key != NULL && strstr(key, "token") != NULL,
	};
	if (!json_is_array(parts))
		return out;
	out->parts = xcalloc(json_array_size(parts) + 1, sizeof *out->parts);
	json_array_foreach (parts, i, part)
		out->parts[i] = json_string_value(part);
	return out;
}

static void
read_about_members(json_t *about, struct profile_about *out)
{
	json_t *hosts = json_object_get(about, "hosts"), *host;
	const char *name;

	out->result = about;
	out->hosts = xcalloc(json_object_size(hosts) + 1, sizeof *out->hosts);
	read_host(about, NULL, out);
	json_object_foreach (hosts, name, host)
		read_host(host, name, out);
	out->by_operator = flag_member(about, "by_operator");
	out->operators_first =
	    out->by_operator || flag_member(about, "operators_first");
	out->needs = flag_member(about, "needs");
	out->begins_unassigned = flag_member(about, "begins_unassigned");
	out->originals = flag_member(about, "originals");
	out->backfill = (unsigned)number_member(about, "backfill", 0);
	out->period_ms = (int64_t)(number_member(about, "period", 0) * 1000);
	out->changes_ms = (int64_t)(number_member(about, "changes", 0) * 1000);
	out->hooks = read_hooks(json_object_get(about, "hooks"));
}

static void
release_about(struct profile_about *a)
{
	if (a->hooks != NULL)
		free(a->hooks->parts);
	free(a->hooks);
	free(a->hosts);
	json_decref(a->result);
}

/* ---- profile ---- */

#define CALL_MS 5000

/* From this many rows on, the share of partly unreadable rows decides about a
 * list; with fewer rows, only unreadable ones count, because a few chats may
 * well share the same peculiarity. */
#define MANY_ROWS 10

struct profile {
	struct program *program;
	char *name;
	struct profile_options opt;
	struct profile_about about;
	json_t *options;              /* in the form that the profile gets */
	struct program_input *always; /* the options, the tenant, the
				       * operators */
	uint64_t version;
	int64_t limit_ms; /* time limit for a call */
};

const char *const profile_call_names[PROFILE_CALLS] = { "operators", "chats",
	"messages", "chat", "customer", "check", "assign", "auto_assign",
	"past", "names", "hooks", "hook_add", "hook_remove" };

static const char *const error_class_names[] = { "", "later", "throttled",
	"quota", "denied", "gone", "unusable", "short" };

/* Returns the text or null, because the configuration may contain bytes that
 * are not UTF-8. */
static json_t *
text_or_null(const char *s)
{
	return s != NULL ? json_string_nocheck(s) : json_null();
}

/* Returns an array of the words; empty for NULL. */
static json_t *
words_list(char *const *words)
{
	json_t *list = json_array();

	for (; words != NULL && *words != NULL; words++)
		(void)json_array_append_new(list, json_string_nocheck(*words));
	return list;
}

static json_t *
list_options(const struct profile_options *opt)
{
	return json_pack("{s:o, s:b, s:b, s:b, s:b, s:b, s:s, s:o, s:o}",
	    "account", text_or_null(opt->account), "assign", opt->assign,
	    "customers", opt->customers, "customer_phone", opt->customer_phone,
	    "with_text", opt->with_text, "polled", opt->polled, "history",
	    opt->history_all ? "all" : "episode", "need", words_list(opt->need),
	    "bot_operators", words_list(opt->bot_operators));
}

void
profile_set_operators(struct profile *p, json_t *list, json_t *former)
{
	program_input_free(p->always);
	p->always = program_input_new(json_pack("{s:s, s:O, s:o, s:o}",
	    "tenant", p->opt.tenant, "options", p->options, "operators",
	    list != NULL ? json_incref(list) : json_array(), "former",
	    former != NULL ? json_incref(former) : json_array()));
}

json_t *
profile_run(struct profile *p, const char *call, json_t *more, struct buf *why)
{
	(void)json_object_set_new(more, "call", json_string(call));
	return program_run(p->program, p->always, more, p->limit_ms, why);
}

json_t *
profile_seconds(int64_t ms)
{
	return ms != 0 ? json_real((double)ms / 1000) : json_null();
}

/* Calls X_request or X_read. */
static json_t *
run_call(struct profile *p, enum profile_call call, const char *what,
    const struct profile_input *in, struct buf *why)
{
	json_t *input = json_pack("{s:f, s:o, s:O?, s:i, s:O?}", "now",
	    (double)in->now_ms / 1000, "asked", profile_seconds(in->asked_ms),
	    "cursor", in->cursor, "status", in->status, "answer", in->answer);
	char name[32];

	(void)json_object_update(input, in->with);
	(void)snprintf(
	    name, sizeof name, "%s_%s", profile_call_names[call], what);
	return profile_run(p, name, input, why);
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

bool
profile_request_read(const json_t *result, struct profile_request *out)
{
	*out = (struct profile_request){
		.target = profile_text(result, "target"),
		.method = profile_text(result, "method"),
		.host = profile_text(result, "host"),
		.body = profile_text(result, "body"),
		.type = profile_text(result, "type"),
	};
	return out->target != NULL;
}

int
profile_request(struct profile *p, enum profile_call call,
    const struct profile_input *in, struct profile_request *out,
    struct buf *why)
{
	json_t *result = run_call(p, call, "request", in, why);
	int rc = profile_request_read(result, out);

	out->result = result;
	if (result != NULL)
		return rc;
	name_call_function(p, call, "request", why);
	return -1;
}

void
profile_request_release(struct profile_request *r)
{
	json_decref(r->result);
	*r = (struct profile_request){ .target = NULL };
}

enum error_class
profile_error_class(const char *name)
{
	size_t i;

	for (i = 1; i < ARRAY_LEN(error_class_names); i++) {
		if (strcmp(name, error_class_names[i]) == 0)
			return (enum error_class)i;
	}
	return ERROR_CLASS_NONE;
}

/* Counts a completely or partly unreadable record: one bad chat in a list does
 * not stop the others. */
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

/* Adds the rows from earlier pages to those from this page. Returns true if so
 * many are bad, in the page or in total, that the list itself must be wrong:
 * chats missing from a complete snapshot count as gone. */
static bool
add_rows_before(struct profile_rows *rows, const struct profile_rows *before)
{
	bool wrong = rows->n >= MANY_ROWS && most_are_odd(rows);

	rows->n += before->n;
	rows->odd += before->odd;
	rows->lost += before->lost;
	return wrong || most_are_odd(rows);
}

struct crm_record_options
profile_record_options(const struct profile *p, bool partly)
{
	return (struct crm_record_options){ p->opt.customers,
		p->opt.customer_phone, p->opt.with_text, partly };
}

int
profile_record_read(const struct profile *p, json_t *v, struct crm_record *r)
{
	const struct crm_record_options opt = profile_record_options(p, true);
	struct buf why = BUF_INIT;
	int rc = crm_record_read(r, v, &opt, &why);

	buf_release(&why);
	return rc;
}

/* tolerant: an unreadable record is left out; otherwise it makes the answer
 * unreadable. Returns 0; or -1 and the reason in out->message. */
static int
read_records(const struct crm_record_options *opt, bool tolerant,
    const json_t *records, struct profile_answer *out)
{
	struct buf why = BUF_INIT;
	json_t *v;
	size_t i;
	int rc = 0;

	out->records =
	    xcalloc(json_array_size(records) + 1, sizeof *out->records);
	json_array_foreach (records, i, v) {
		struct crm_record *r = &out->records[out->n];

		buf_clear(&why);
		rc = crm_record_read(r, v, opt, &why);
		out->n += rc == 0;
		out->rows.n += r->type != RECORD_MESSAGE;
		if (rc != 0 && !tolerant)
			break;
		if (why.len > 0)
			note_odd_record(out, rc != 0, r->type, &why);
		rc = 0;
	}
	if (rc != 0)
		buf_adds(&out->message, buf_str(&why));
	buf_release(&why);
	return rc;
}

static int
read_answer_records(struct profile *p, enum profile_call call,
    const struct profile_input *in, const json_t *records,
    struct profile_answer *out)
{
	const struct crm_record_options opt = profile_record_options(
	    p, call == PROFILE_OPERATORS || call == PROFILE_CHATS ||
		   call == PROFILE_PAST || call == PROFILE_NAMES);

	if (read_records(&opt, opt.partly, records, out) != 0)
		return -1;
	if (!add_rows_before(&out->rows, &in->before))
		return 0;
	buf_setf(&out->message,
	    "%zu of %zu rows of the list are unreadable%s%s", out->rows.odd,
	    out->rows.n, out->first_odd.len > 0 ? "; " : "",
	    buf_str(&out->first_odd));
	return -1;
}

/* "label: value, label: value" */
static void
show_info(json_t *info, struct buf *out)
{
	const char *key;
	json_t *v;

	json_object_foreach (info, key, v) {
		buf_addf(out, "%s%s: ", out->len > 0 ? ", " : "", key);
		if (json_is_string(v))
			buf_adds(out, json_string_value(v));
		else
			value_dump(v, out);
	}
}

/* Returns how many rows a short list lacks; a very large number if this is
 * unknown. */
static size_t
read_missing(const json_t *result)
{
	double n = number_member(result, "missing", 0);

	return n >= 1 && n < UINT32_MAX ? (size_t)n : UINT32_MAX;
}

static void
read_error(const json_t *result, const char *error, struct profile_answer *out)
{
	const char *message = profile_text(result, "message");

	out->error = profile_error_class(error);
	if (out->error == ERROR_CLASS_NONE) {
		out->error = ERROR_CLASS_UNUSABLE;
		buf_setf(&out->message,
		    "the profile returns the unknown error '%s': ", error);
	}
	if (out->error == ERROR_CLASS_SHORT)
		out->missing = read_missing(result);
	out->alone = flag_member(result, "alone");
	buf_adds(&out->message, message != NULL ? message : "");
}

/* Returns an id in a result as text: owned, NULL if it is not one. */
static char *
id_text(const json_t *v)
{
	if (json_is_string(v) && *json_string_value(v) != '\0')
		return xstrdup(json_string_value(v));
	if (json_is_integer(v) && json_integer_value(v) != 0)
		return xasprintf("%lld", (long long)json_integer_value(v));
	return NULL;
}

/* Returns 0, or -1 with the reason in out->message. */
static int
read_answer_value(struct profile *p, enum profile_call call,
    const struct profile_input *in, const json_t *result,
    struct profile_answer *out)
{
	const char *error = profile_text(result, "error");
	const char *advice = profile_text(result, "advice");
	json_t *next = json_object_get(result, "next");
	int rc;

	if (error != NULL) {
		read_error(result, error, out);
		return 0;
	}
	rc = read_answer_records(
	    p, call, in, json_object_get(result, "records"), out);
	if (rc == 0)
		show_info(json_object_get(result, "info"), &out->message);
	if (rc == 0 && advice != NULL)
		buf_adds(&out->message, advice);
	out->moved = flag_member(result, "moved");
	out->hooks = json_object_get(result, "hooks");
	out->operator_id = id_text(json_object_get(result, "operator"));
	out->next = json_is_null(next) ? NULL : next;
	return rc;
}

void
profile_read(struct profile *p, enum profile_call call,
    const struct profile_input *in, struct profile_answer *out)
{
	json_t *result;
	int rc = -1;

	*out = (struct profile_answer){ .error = ERROR_CLASS_NONE };
	out->result = result = run_call(p, call, "read", in, &out->message);
	if (result != NULL)
		rc = read_answer_value(p, call, in, result, out);
	if (rc != 0) {
		out->error = ERROR_CLASS_UNUSABLE;
		out->unread = true;
		name_call_function(p, call, "read", &out->message);
	}
}

/* A bad record does not affect the others: a message is reported only once, but
 * the state of its chat repeatedly. */
int
profile_hook_read(struct profile *p, json_t *payload, int64_t now_ms,
    int64_t signed_ms, struct profile_answer *out, struct buf *why)
{
	const struct crm_record_options opt = profile_record_options(p, false);
	json_t *more = json_pack("{s:f, s:o, s:O}", "now",
	    (double)now_ms / 1000, "signed",
	    signed_ms != CLOCK_NONE ? profile_seconds(signed_ms) : json_null(),
	    "payload", payload);
	json_t *result = profile_run(p, "hook_read", more, why);
	const json_t *records = json_object_get(result, "records");
	int rc = -1;

	*out = (struct profile_answer){ .result = result };
	out->refused = profile_text(result, "refused");
	out->unknown = profile_text(result, "unknown");
	out->once = profile_text(result, "once");
	if (out->refused != NULL || out->unknown != NULL)
		rc = 0;
	else if (json_is_array(records))
		rc = read_records(&opt, true, records, out);
	else if (result != NULL)
		buf_setf(
		    why, "it must return {records}, {refused} or {unknown}");
	if (out->odd > 0)
		buf_setf(why, "%s", buf_str(&out->first_odd));
	return out->odd > 0 && out->n == 0 ? -1 : rc;
}

void
profile_answer_release(struct profile_answer *a)
{
	size_t i;

	for (i = 0; i < a->n; i++)
		crm_record_release(&a->records[i]);
	free(a->records);
	json_decref(a->result);
	free(a->operator_id);
	buf_release(&a->message);
	buf_release(&a->first_odd);
	*a = (struct profile_answer){ .error = ERROR_CLASS_NONE };
}

static int
read_about(struct profile *p, struct buf *why)
{
	struct buf reason = BUF_INIT;
	json_t *about = profile_run(p, "about", json_object(), &reason);
	int rc = about != NULL ? 0 : -1;

	if (about != NULL)
		read_about_members(about, &p->about);
	else
		buf_setf(why, "about of profile '%s': %s", p->name,
		    buf_str(&reason));
	buf_release(&reason);
	return rc;
}

struct profile *
profile_open(
    const char *name, const struct profile_options *opt, struct buf *why)
{
	struct profile *p = xcalloc(1, sizeof *p);
	struct buf key = BUF_INIT;

	p->name = xstrdup(name);
	p->opt = *opt;
	p->limit_ms = CALL_MS;
	p->options = list_options(opt);
	profile_set_operators(p, NULL, NULL);
	p->program = program_open(name, opt, why);
	if (p->program == NULL || read_about(p, why) != 0) {
		profile_close(p);
		return NULL;
	}
	value_dump(p->options, &key);
	p->version = checksum(program_version(p->program), key.data, key.len);
	buf_release(&key);
	return p;
}

void
profile_close(struct profile *p)
{
	if (p == NULL)
		return;
	program_close(p->program);
	program_input_free(p->always);
	json_decref(p->options);
	release_about(&p->about);
	free(p->name);
	free(p);
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
