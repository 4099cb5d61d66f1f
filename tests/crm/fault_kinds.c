/*
 * fault_kinds: the faults, one row each; see fault_kinds.h.
 */
#include "tests/crm/fault_kinds.h"

#include <string.h>

#include "common/base/xalloc.h"

static void
bad_token(struct answer *a, int64_t now, int64_t value)
{
	(void)now;
	answer_error(a, (unsigned)value, "Token is not correct", NULL);
}

static void
policy(struct answer *a, int64_t now, int64_t value)
{
	(void)now;
	answer_text(a, (unsigned)value,
	    "{\"error\":\"You are not authorized to do this action\"}");
}

static void
not_found(struct answer *a, int64_t now, int64_t value)
{
	(void)now;
	(void)value;
	answer_error(a, 404, "Page not found", NULL);
}

static void
no_dialog(struct answer *a, int64_t now, int64_t value)
{
	(void)now;
	(void)value;
	answer_error(a, 404, "not_found", "\"dialog not found\"");
}

static void
too_many(struct answer *a, int64_t now, int64_t value)
{
	(void)now;
	(void)value;
	answer_error(a, 429, "Number of API requests exceeded", NULL);
}

static void
retry_after(struct answer *a, int64_t now, int64_t value)
{
	too_many(a, now, value);
	answer_header(a, "Retry-After", "%lld", (long long)value);
}

static void
retry_date(struct answer *a, int64_t now, int64_t value)
{
	char text[40];

	too_many(a, now, value);
	call_http_date(now + value * 1000, text);
	answer_header(a, "Retry-After", "%s", text);
}

static void
reset_seconds(struct answer *a, int64_t now, int64_t value)
{
	too_many(a, now, value);
	answer_header(a, "X-RateLimit-Remaining", "0");
	answer_header(
	    a, "X-RateLimit-Reset", "%lld", (long long)(now / 1000 + value));
}

static void
reset_ms(struct answer *a, int64_t now, int64_t value)
{
	too_many(a, now, value);
	answer_header(
	    a, "X-RateLimit-Reset", "%lld", (long long)(now + value * 1000));
}

static void
server_error(struct answer *a, int64_t now, int64_t value)
{
	(void)now;
	answer_error(a, (unsigned)value, "Internal server error", NULL);
}

static void
bad_gateway(struct answer *a, int64_t now, int64_t value)
{
	(void)now;
	a->type = "text/html";
	answer_text(a, (unsigned)value,
	    "<html><head><title>502 Bad Gateway</title></head>"
	    "<body><h1>502 Bad Gateway</h1><hr>nginx</body></html>\n");
}

static void
login_page(struct answer *a, int64_t now, int64_t value)
{
	(void)now;
	(void)value;
	a->type = "text/html; charset=utf-8";
	answer_text(a, 200,
	    "<!DOCTYPE html><html><body><form action=\"/login\">"
	    "<input name=\"user\"></form></body></html>\n");
}

static void
no_content(struct answer *a, int64_t now, int64_t value)
{
	(void)now;
	(void)value;
	answer_text(a, 204, "");
}

static void
redirect_plain(struct answer *a, int64_t now, int64_t value)
{
	(void)now;
	answer_text(a, 302, "");
	answer_header(a, "Location", "http://127.0.0.1:%lld/v1/operators",
	    (long long)value);
}

static void
redirect_host(struct answer *a, int64_t now, int64_t value)
{
	(void)now;
	answer_text(a, (unsigned)value, "");
	answer_header(a, "Location", "http://evil.example.test/v1/operators");
}

static void
empty(struct answer *a, int64_t now, int64_t value)
{
	(void)now;
	(void)value;
	answer_text(a, 200, "");
}

static void
hang(struct answer *a, int64_t now, int64_t value)
{
	(void)now;
	answer_text(a, 200, "{}");
	a->mode = ANSWER_HANG;
	a->value = value;
}

static void
reset(struct answer *a, int64_t now, int64_t value)
{
	(void)now;
	(void)value;
	a->mode = ANSWER_RESET;
}

static void
errors_string(struct answer *a, int64_t now, int64_t value)
{
	(void)now;
	answer_error(a, (unsigned)value, "something went wrong",
	    "\"it is not your day\"");
}

static void
errors_object(struct answer *a, int64_t now, int64_t value)
{
	(void)now;
	answer_error(a, (unsigned)value, "invalid parameters",
	    "{\"limit\":[\"must be less\",\"must be more\"]}");
}

static void
quota(struct answer *a, int64_t now, int64_t value)
{
	(void)now;
	answer_error(
	    a, (unsigned)value, "API calls exceeded API limit per month", NULL);
}

static void
huge(struct answer *a, int64_t now, int64_t value)
{
	(void)now;
	answer_text(a, 200, "{\"data\":[");
	a->mode = ANSWER_HUGE;
	a->value = value;
}

static void
bomb(struct answer *a, int64_t now, int64_t value)
{
	huge(a, now, value);
	a->mode = ANSWER_BOMB;
}

static void
wrong_shape(struct answer *a, int64_t now, int64_t value)
{
	static const char *const shapes[] = {
		"{\"data\":{\"id\":1},\"status\":\"success\"}",
		"{\"data\":[1,\"two\",null],\"status\":\"success\"}",
		"{\"data\":null,\"status\":\"success\"}",
		"[]",
		"null",
		"42",
		"{\"data\":[{}],\"meta\":{\"total\":1},\"status\":\"success\"}",
	};

	(void)now;
	answer_text(a, 200, shapes[value < 0 ? 0 : value % 7]);
}

static void
deep(struct answer *a, int64_t now, int64_t value)
{
	(void)now;
	answer_text(a, 200, "{\"data\":");
	for (int64_t i = 0; i < value; i++)
		buf_addc(&a->body, '[');
	for (int64_t i = 0; i < value; i++)
		buf_addc(&a->body, ']');
	buf_adds(&a->body, ",\"status\":\"success\"}");
}

static void
same_page(struct call *c, int64_t value)
{
	(void)value;
	c->same_page = true;
}

static void
shift(struct call *c, int64_t value)
{
	c->shift = value;
}

static void
disturb(struct call *c, int64_t value)
{
	c->disturb = (int)value;
}

static void
echo(struct call *c, int64_t value)
{
	c->echo = value;
}

static void
cut_chunk(struct answer *a, int64_t value)
{
	(void)value;
	a->mode = ANSWER_CUT;
}

static void
long_length(struct answer *a, int64_t value)
{
	(void)value;
	a->mode = ANSWER_LONG;
}

static void
short_length(struct answer *a, int64_t value)
{
	(void)value;
	a->mode = ANSWER_SHORT;
}

static void
drip(struct answer *a, int64_t value)
{
	a->mode = ANSWER_DRIP;
	a->value = value;
}

static void
bom(struct answer *a, int64_t value)
{
	struct buf old = a->body;

	(void)value;
	a->body = (struct buf)BUF_INIT;
	buf_adds(&a->body, "\xef\xbb\xbf");
	buf_add(&a->body, old.data, old.len);
	buf_release(&old);
}

static void
truncated(struct answer *a, int64_t value)
{
	struct buf old = a->body;
	size_t keep = old.len * (size_t)(value < 0 ? 0 : value) / 100;

	a->body = (struct buf)BUF_INIT;
	buf_add(&a->body, buf_str(&old), keep < old.len ? keep : old.len);
	buf_release(&old);
}

/* Puts bytes that are not UTF-8 into the first string after each key "text" and
 * "first_name". */
static void
bad_utf8(struct answer *a, int64_t value)
{
	static const char *const keys[] = { "\"text\":\"", "\"first_name\":\"",
		"\"name\":\"" };
	struct buf out = BUF_INIT;
	const char *p = buf_str(&a->body), *end = p + a->body.len;

	(void)value;
	while (p < end) {
		size_t len = 0;

		for (size_t k = 0; *p == '"' && k < ARRAY_LEN(keys); k++)
			if (strncmp(p, keys[k], strlen(keys[k])) == 0)
				len = strlen(keys[k]);
		buf_add(&out, p, len > 0 ? len : 1);
		if (len > 0)
			buf_adds(&out, "\xff\xfe\xc3(");
		p += len > 0 ? len : 1;
	}
	buf_release(&a->body);
	a->body = out;
}

/* Returns the end of the JSON value at p. */
static const char *
skip_value(const char *p)
{
	bool quoted = false;
	int depth = 0;

	for (; *p != '\0'; p++) {
		if (quoted) {
			if (*p == '\\' && p[1] != '\0')
				p++;
			else if (*p == '"')
				quoted = false;
		} else if (*p == '"') {
			quoted = true;
		} else if (*p == '{' || *p == '[') {
			depth++;
		} else if ((*p == '}' || *p == ']') && depth-- == 0) {
			break;
		} else if (*p == ',' && depth == 0) {
			break;
		}
	}
	return p;
}

/* Sets the first value of a key to a value that is not allowed. */
static void
odd_row(struct answer *a, int64_t value)
{
	static const struct {
		const char *key, *value;
	} odd[] = {
		{ "\"begin\":", "\"0000-00-00T00:00:00 UTC\"" },
		{ "\"channel_id\":", "[]" },
		{ "\"operator_id\":", "{\"id\":1}" },
		{ "\"last_message\":", "[]" },
		{ "\"text\":", "{}" },
		{ "\"created\":", "\"yesterday\"" },
		{ "\"id\":", "[]" },
		{ "\"opened_dialogs\":", "-1" },
		{ "\"state\":", "[]" },
	};
	size_t k = value < 0 ? 0 : (size_t)value % ARRAY_LEN(odd);
	const char *all = buf_str(&a->body), *at = strstr(all, odd[k].key);
	struct buf out = BUF_INIT;

	if (at == NULL)
		return;
	at += strlen(odd[k].key);
	buf_add(&out, all, (size_t)(at - all));
	buf_adds(&out, odd[k].value);
	buf_adds(&out, skip_value(at));
	buf_release(&a->body);
	a->body = out;
}

/* Replaces the first operator_id by that one. */
static void
other_operator(struct answer *a, int64_t value)
{
	static const char key[] = "\"operator_id\":";
	const char *all = buf_str(&a->body), *at = strstr(all, key);
	struct buf out = BUF_INIT;

	if (at == NULL)
		return;
	at += sizeof key - 1;
	buf_add(&out, all, (size_t)(at - all));
	buf_addi(&out, value);
	buf_adds(&out, skip_value(at));
	buf_release(&a->body);
	a->body = out;
}

static void
slow(struct answer *a, int64_t value)
{
	a->delay_ms += value;
}

static void
skew(struct answer *a, int64_t value)
{
	a->date_skew_s = value;
}

static void
no_date(struct answer *a, int64_t value)
{
	(void)value;
	a->no_date = true;
}

/* The request is executed, but its answer is lost. */
static void
lost_answer(struct answer *a, int64_t value)
{
	(void)value;
	a->mode = ANSWER_RESET;
}

static void
late_error(struct answer *a, int64_t value)
{
	answer_text(a, (unsigned)value, "{\"errors\":\"internal error\"}");
}

static void
room_moves(struct call *c, int64_t value)
{
	c->move = value;
}

static void
html_type(struct answer *a, int64_t value)
{
	(void)value;
	a->type = "text/html";
}

#define GIB ((int64_t)1 << 30)

const struct fault_kind fault_kinds[] = {
	{ "401", "wrong token, with that status", 401, bad_token, NULL, NULL },
	{ "403", "wrong token, with that status", 403, bad_token, NULL, NULL },
	{ "401-echo", "that status, with the token and the request quoted", 401,
	    NULL, echo, NULL },
	{ "401-policy", "Chatwoot: a policy denies it, with that status", 401,
	    policy, NULL, NULL },
	{ "404", "Page not found", 0, not_found, NULL, NULL },
	{ "404-gone", "no such dialog", 0, no_dialog, NULL, NULL },
	{ "429", "too many requests, no header", 0, too_many, NULL, NULL },
	{ "429-retry", "Retry-After: VALUE seconds", 1, retry_after, NULL,
	    NULL },
	{ "429-date", "Retry-After: a date VALUE seconds ahead", 2, retry_date,
	    NULL, NULL },
	{ "429-decade", "Retry-After: ten years", 315360000, retry_after, NULL,
	    NULL },
	{ "429-negative", "Retry-After: -5", -5, retry_after, NULL, NULL },
	{ "429-reset-s", "X-RateLimit-Reset in VALUE seconds, as Unix time", 2,
	    reset_seconds, NULL, NULL },
	{ "429-reset-ms", "the same in milliseconds", 2, reset_ms, NULL, NULL },
	{ "500", "an error body with that status", 500, server_error, NULL,
	    NULL },
	{ "502-html", "an HTML page with that status", 502, bad_gateway, NULL,
	    NULL },
	{ "login-page", "an HTML page with 200", 0, login_page, NULL, NULL },
	{ "204", "no content", 0, no_content, NULL, NULL },
	{ "redirect-http", "302 to http://127.0.0.1:VALUE", 80, redirect_plain,
	    NULL, NULL },
	{ "redirect-host", "redirect to another host, with that status", 302,
	    redirect_host, NULL, NULL },
	{ "empty", "200 with no body", 0, empty, NULL, NULL },
	{ "cut-chunk", "chunked, cut in the middle", 0, NULL, NULL, cut_chunk },
	{ "long-length", "Content-Length above the body", 0, NULL, NULL,
	    long_length },
	{ "short-length", "Content-Length below the body", 0, NULL, NULL,
	    short_length },
	{ "bom", "a byte order mark before the body", 0, NULL, NULL, bom },
	{ "hang", "no answer for VALUE seconds", 3600, hang, NULL, NULL },
	{ "reset", "closed without an answer", 0, reset, NULL, NULL },
	{ "lost-answer", "it is done, and closed without an answer", 0, NULL,
	    NULL, lost_answer },
	{ "500-done", "it is done, and the status is VALUE", 500, NULL, NULL,
	    late_error },
	{ "drip", "one byte every VALUE milliseconds", 1000, NULL, NULL, drip },
	{ "slow", "VALUE milliseconds later", 1000, NULL, NULL, slow },
	{ "endless-page", "every page is the first", 0, NULL, same_page, NULL },
	{ "page-gap", "pages after the first skip VALUE rows", 1, NULL, shift,
	    NULL },
	{ "page-dup", "pages after the first repeat rows (VALUE < 0)", -1, NULL,
	    shift, NULL },
	{ "page-moves",
	    "before each page after the first, in the first of the "
	    "open dialogs, the client writes (0) or it closes (1)",
	    0, NULL, disturb, NULL },
	{ "room-moves",
	    "Qiscus: before the list of rooms, room VALUE goes to the last "
	    "agent, room -VALUE to the first",
	    0, NULL, room_moves, NULL },
	{ "truncated", "VALUE per cent of the JSON", 50, NULL, NULL,
	    truncated },
	{ "errors-string", "error body, errors a string, status VALUE", 400,
	    errors_string, NULL, NULL },
	{ "errors-object", "error body, errors an object, status VALUE", 400,
	    errors_object, NULL, NULL },
	{ "error-200", "the error body with 200", 200, errors_string, NULL,
	    NULL },
	{ "quota", "month quota used up, status VALUE", 403, quota, NULL,
	    NULL },
	{ "huge", "VALUE bytes of blanks in an array", 4 * GIB, huge, NULL,
	    NULL },
	{ "bomb", "the same, gzipped", 16 * GIB, bomb, NULL, NULL },
	{ "bad-utf8", "invalid UTF-8 in text and names", 0, NULL, NULL,
	    bad_utf8 },
	{ "wrong-shape", "JSON of another shape, number VALUE of 0-6", 0,
	    wrong_shape, NULL, NULL },
	{ "odd-row", "one value of a list's first row cannot be, VALUE of 0-8",
	    0, NULL, NULL, odd_row },
	{ "other-operator", "the first operator_id is VALUE", 1, NULL, NULL,
	    other_operator },
	{ "deep", "VALUE nested arrays", 100000, deep, NULL, NULL },
	{ "skew", "the Date header VALUE seconds ahead", 3600, NULL, NULL,
	    skew },
	{ "no-date", "no Date header", 0, NULL, NULL, no_date },
	{ "html-type", "JSON called text/html", 0, NULL, NULL, html_type },
};

const size_t fault_kinds_n = ARRAY_LEN(fault_kinds);
