/*
 * fault_kinds: the faults, one row each; see fault_injection.h.
 */
#include "tests/crm/fault_injection.h"

#include <string.h>

#include "common/base/xalloc.h"
#include "tests/crm/sim.h"

static void
too_many(struct answer *a)
{
	answer_error(a, 429, "Number of API requests exceeded", NULL);
}

static void
retry_after(struct call *c, struct answer *a, int64_t value)
{
	(void)c;
	too_many(a);
	answer_header(a, "Retry-After", "%lld", (long long)value);
}

static void
retry_date(struct call *c, struct answer *a, int64_t value)
{
	char text[40];

	too_many(a);
	call_http_date(c->sim->now_ms + value * 1000, text);
	answer_header(a, "Retry-After", "%s", text);
}

static void
reset_seconds(struct call *c, struct answer *a, int64_t value)
{
	too_many(a);
	answer_header(a, "X-RateLimit-Remaining", "0");
	answer_header(a, "X-RateLimit-Reset", "%lld",
	    (long long)(c->sim->now_ms / 1000 + value));
}

static void
reset_ms(struct call *c, struct answer *a, int64_t value)
{
	too_many(a);
	answer_header(a, "X-RateLimit-Reset", "%lld",
	    (long long)(c->sim->now_ms + value * 1000));
}

static void
redirect_plain(struct call *c, struct answer *a, int64_t value)
{
	(void)c;
	answer_text(a, 302, "");
	answer_header(a, "Location", "http://127.0.0.1:%lld/v1/operators",
	    (long long)value);
}

static void
redirect_host(struct call *c, struct answer *a, int64_t value)
{
	(void)c;
	answer_text(a, (unsigned)value, "");
	answer_header(a, "Location", "http://evil.example.test/v1/operators");
}

static void
wrong_shape(struct call *c, struct answer *a, int64_t value)
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

	(void)c;
	answer_text(a, 200, shapes[value < 0 ? 0 : value % 7]);
}

static void
deep(struct call *c, struct answer *a, int64_t value)
{
	(void)c;
	answer_text(a, 200, "{\"data\":");
	for (int64_t i = 0; i < value; i++)
		buf_addc(&a->body, '[');
	for (int64_t i = 0; i < value; i++)
		buf_addc(&a->body, ']');
	buf_adds(&a->body, ",\"status\":\"success\"}");
}

static void
same_page(struct call *c, struct answer *a, int64_t value)
{
	(void)a;
	(void)value;
	c->same_page = true;
}

static void
shift(struct call *c, struct answer *a, int64_t value)
{
	(void)a;
	c->shift = value;
}

static void
page_moves(struct call *c, struct answer *a, int64_t value)
{
	(void)a;
	c->disturb = (int)value;
}

static void
echo(struct call *c, struct answer *a, int64_t value)
{
	(void)a;
	c->echo = value;
}

static void
room_moves(struct call *c, struct answer *a, int64_t value)
{
	(void)a;
	c->move = value;
}

static void
bom(struct call *c, struct answer *a, int64_t value)
{
	struct buf old = a->body;

	(void)c;
	(void)value;
	a->body = (struct buf)BUF_INIT;
	buf_adds(&a->body, "\xef\xbb\xbf");
	buf_add(&a->body, old.data, old.len);
	buf_release(&old);
}

static void
truncated(struct call *c, struct answer *a, int64_t value)
{
	struct buf old = a->body;
	size_t keep = old.len * (size_t)(value < 0 ? 0 : value) / 100;

	(void)c;
	a->body = (struct buf)BUF_INIT;
	buf_add(&a->body, buf_str(&old), keep < old.len ? keep : old.len);
	buf_release(&old);
}

/* Puts bytes that are not UTF-8 into the first string after each key "text" and
 * "first_name". */
static void
bad_utf8(struct call *c, struct answer *a, int64_t value)
{
	static const char *const keys[] = { "\"text\":\"", "\"first_name\":\"",
		"\"name\":\"" };
	struct buf out = BUF_INIT;
	const char *p = buf_str(&a->body), *end = p + a->body.len;

	(void)c;
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

/* Replaces the first value of a key, which includes the colon. */
static void
replace_value(struct answer *a, const char *key, const char *value)
{
	const char *all = buf_str(&a->body), *at = strstr(all, key);
	struct buf out = BUF_INIT;

	if (at == NULL)
		return;
	at += strlen(key);
	buf_add(&out, all, (size_t)(at - all));
	buf_adds(&out, value);
	buf_adds(&out, skip_value(at));
	buf_release(&a->body);
	a->body = out;
}

/* Sets the first value of a key to a value that is not allowed. */
static void
odd_row(struct call *c, struct answer *a, int64_t value)
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

	(void)c;
	replace_value(a, odd[k].key, odd[k].value);
}

static void
other_operator(struct call *c, struct answer *a, int64_t value)
{
	struct buf id = BUF_INIT;

	(void)c;
	buf_addi(&id, value);
	replace_value(a, "\"operator_id\":", buf_str(&id));
	buf_release(&id);
}

static void
slow(struct call *c, struct answer *a, int64_t value)
{
	(void)c;
	a->delay_ms += value;
}

static void
skew(struct call *c, struct answer *a, int64_t value)
{
	(void)c;
	a->date_skew_s = value;
}

static void
no_date(struct call *c, struct answer *a, int64_t value)
{
	(void)c;
	(void)value;
	a->no_date = true;
}

#define GIB ((int64_t)1 << 30)

/* The body of an error, without and with the errors as JSON. */
#define ERROR(MESSAGE) "{\"status\":\"error\",\"message\":\"" MESSAGE "\"}"
#define ERRORS(MESSAGE, JSON)                                                  \
	"{\"status\":\"error\",\"message\":\"" MESSAGE "\",\"errors\":" JSON "}"

#define INSTEAD(FUNCTION) .when = FAULT_INSTEAD, .act = (FUNCTION)
#define CHANGE(FUNCTION) .when = FAULT_BEFORE, .act = (FUNCTION)
#define SPOIL(FUNCTION) .when = FAULT_AFTER, .act = (FUNCTION)
#define SPOIL_MODE(MODE) .when = FAULT_AFTER, .mode = (MODE)

const struct fault_kind fault_kinds[] = {
	{ "401", "wrong token, with that status", 401,
	    .body = ERROR("Token is not correct") },
	{ "403", "wrong token, with that status", 403,
	    .body = ERROR("Token is not correct") },
	{ "401-echo", "that status, with the token and the request quoted", 401,
	    CHANGE(echo) },
	{ "401-policy", "Chatwoot: a policy denies it, with that status", 401,
	    .body = "{\"error\":\"You are not authorized to do this "
		    "action\"}" },
	{ "404", "Page not found", 404, .body = ERROR("Page not found") },
	{ "404-gone", "no such dialog", 404,
	    .body = ERRORS("not_found", "\"dialog not found\"") },
	{ "429", "too many requests, no header", 429,
	    .body = ERROR("Number of API requests exceeded") },
	{ "429-retry", "Retry-After: VALUE seconds", 1, INSTEAD(retry_after) },
	{ "429-date", "Retry-After: a date VALUE seconds ahead", 2,
	    INSTEAD(retry_date) },
	{ "429-decade", "Retry-After: ten years", 315360000,
	    INSTEAD(retry_after) },
	{ "429-negative", "Retry-After: -5", -5, INSTEAD(retry_after) },
	{ "429-reset-s", "X-RateLimit-Reset in VALUE seconds, as Unix time", 2,
	    INSTEAD(reset_seconds) },
	{ "429-reset-ms", "the same in milliseconds", 2, INSTEAD(reset_ms) },
	{ "500", "an error body with that status", 500,
	    .body = ERROR("Internal server error") },
	{ "502-html", "an HTML page with that status", 502,
	    .body = "<html><head><title>502 Bad Gateway</title></head>"
		    "<body><h1>502 Bad Gateway</h1><hr>nginx</body></html>\n",
	    .type = "text/html" },
	{ "login-page", "an HTML page with 200", 200,
	    .body = "<!DOCTYPE html><html><body><form action=\"/login\">"
		    "<input name=\"user\"></form></body></html>\n",
	    .type = "text/html; charset=utf-8" },
	{ "204", "no content", 204, .body = "" },
	{ "redirect-http", "302 to http://127.0.0.1:VALUE", 80,
	    INSTEAD(redirect_plain) },
	{ "redirect-host", "redirect to another host, with that status", 302,
	    INSTEAD(redirect_host) },
	{ "empty", "200 with no body", 200, .body = "" },
	{ "cut-chunk", "chunked, cut in the middle", 0,
	    SPOIL_MODE(ANSWER_CUT) },
	{ "long-length", "Content-Length above the body", 0,
	    SPOIL_MODE(ANSWER_LONG) },
	{ "short-length", "Content-Length below the body", 0,
	    SPOIL_MODE(ANSWER_SHORT) },
	{ "bom", "a byte order mark before the body", 0, SPOIL(bom) },
	{ "hang", "no answer for VALUE seconds", 3600, .body = "{}",
	    .mode = ANSWER_HANG },
	{ "reset", "closed without an answer", 0, .body = "",
	    .mode = ANSWER_RESET },
	{ "lost-answer", "it is done, and closed without an answer", 0,
	    SPOIL_MODE(ANSWER_RESET) },
	{ "500-done", "it is done, and the status is VALUE", 500,
	    .body = "{\"errors\":\"internal error\"}", .when = FAULT_AFTER },
	{ "drip", "one byte every VALUE milliseconds", 1000,
	    SPOIL_MODE(ANSWER_DRIP) },
	{ "slow", "VALUE milliseconds later", 1000, SPOIL(slow) },
	{ "endless-page", "every page is the first", 0, CHANGE(same_page) },
	{ "page-gap", "pages after the first skip VALUE rows", 1,
	    CHANGE(shift) },
	{ "page-dup", "pages after the first repeat rows (VALUE < 0)", -1,
	    CHANGE(shift) },
	{ "page-moves",
	    "before each page after the first, in the first of the "
	    "open dialogs, the client writes (0) or it closes (1)",
	    0, CHANGE(page_moves) },
	{ "room-moves",
	    "Qiscus: before the list of rooms, room VALUE goes to the last "
	    "agent, room -VALUE to the first",
	    0, CHANGE(room_moves) },
	{ "truncated", "VALUE per cent of the JSON", 50, SPOIL(truncated) },
	{ "errors-string", "error body, errors a string, status VALUE", 400,
	    .body = ERRORS("something went wrong", "\"it is not your day\"") },
	{ "errors-object", "error body, errors an object, status VALUE", 400,
	    .body = ERRORS("invalid parameters",
		"{\"limit\":[\"must be less\",\"must be more\"]}") },
	{ "error-200", "the error body with 200", 200,
	    .body = ERRORS("something went wrong", "\"it is not your day\"") },
	{ "quota", "month quota used up, status VALUE", 403,
	    .body = ERROR("API calls exceeded API limit per month") },
	{ "huge", "VALUE bytes of blanks in an array", 4 * GIB,
	    .body = "{\"data\":[", .mode = ANSWER_HUGE },
	{ "bomb", "the same, gzipped", 16 * GIB, .body = "{\"data\":[",
	    .mode = ANSWER_BOMB },
	{ "bad-utf8", "invalid UTF-8 in text and names", 0, SPOIL(bad_utf8) },
	{ "wrong-shape", "JSON of another shape, number VALUE of 0-6", 0,
	    INSTEAD(wrong_shape) },
	{ "odd-row", "one value of a list's first row cannot be, VALUE of 0-8",
	    0, SPOIL(odd_row) },
	{ "other-operator", "the first operator_id is VALUE", 1,
	    SPOIL(other_operator) },
	{ "deep", "VALUE nested arrays", 100000, INSTEAD(deep) },
	{ "skew", "the Date header VALUE seconds ahead", 3600, SPOIL(skew) },
	{ "no-date", "no Date header", 0, SPOIL(no_date) },
	{ "html-type", "JSON called text/html", 0, .when = FAULT_AFTER,
	    .type = "text/html" },
};

const size_t fault_kinds_n = ARRAY_LEN(fault_kinds);
