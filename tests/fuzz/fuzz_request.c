/*
 * fuzz_request: valid and damaged requests to the listener's routes: paths,
 * queries, headers and bodies, including the routes' own JSON reader, tokens
 * and the webhooks' profiles. HTTP itself is libmicrohttpd's.
 *
 * Every answer must have a documented status, valid JSON and a reasonable size.
 * Only successful answers have records, as many as are counted, and our own
 * reader must accept each record.
 *
 * An input is text: "0" or "1" (a listener with tokens), a method and a path;
 * lines "name: value", "?name=value" for the query; an empty line; the body.
 */
#define _GNU_SOURCE /* memmem */

#include "tests/fuzz/fuzz.h"

#include <ctype.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/prog.h"
#include "common/base/xalloc.h"
#include "common/conf/conf.h"
#include "common/json/json_text.h"
#include "common/records/record.h"
#include "poller/crm/profile.h"
#include "poller/intake/listener_context.h"
#include "poller/intake/route.h"
#include "tests/unit/jwt_vectors.h"

/* The time at which the token is valid. */
#define NOW INT64_C(1795168800123)
#define SECRET "0123456789abcdef"
#define FIELDS_MAX 64
/* An answer may quote the request once for each error. */
#define ANSWER_MOST ((size_t)4 * 1024 * 1024)
#define DIGITS_MOST 15 /* digits of a number that jansson can hold */
#define CODE_ESCAPE 6  /* bytes of \u0041 */
#define HOOK_PERCENT 4 /* libjq is slow */

static const char *const paths[] = { "/api/v1/messages/send",
	"/api/v1/messages/send", "/api/v1/messages/send",
	"/api/v1/analytics/events", "/api/v1/analytics/events",
	"/api/v1/analytics/events/bulk", "/api/v1/analytics/events/bulk",
	"/api/v1/analytics/messages/analytics",
	"/api/v1/analytics/messages/analytics" };

static const char *const odd_paths[] = { "/health", "/api/v1/health",
	"/api/v1/analytics/health", "/openapi.json", "/", "", "//", "/hooks",
	"/hooks/", "/hooks//", "/hooks/wo/chatwoot", "/hooks/wo//" SECRET,
	"/hooks/wo/chatwoot/" SECRET "/", "/hooks/none/chatwoot/" SECRET,
	"/api/v1/messages/send/", "/api/v1/analytics/events/bulk?x",
	"/hooks/room/qiscus/0123456789abcdeg", "/%2e%2e/health", "/webhook" };

static const char *const hook_paths[] = { "/hooks/wo/chatwoot/" SECRET,
	"/hooks/desk/chat2desk/" SECRET, "/hooks/room/qiscus/" SECRET,
	"/webhook", "/resolve" };

static const char *const hook_bodies[] = {
	"{\"event\":\"message_created\",\"id\":901,\"content\":\"words\","
	"\"message_type\":\"incoming\",\"created_at\":\"2026-11-20T09:00:00Z\","
	"\"sender\":{\"id\":71},\"conversation\":{\"id\":13,\"inbox_id\":2,"
	"\"status\":\"open\",\"created_at\":1795168000,\"meta\":{\"sender\":"
	"{\"id\":71},\"assignee\":{\"id\":5},\"assignee_type\":\"User\"}}}",
	"{\"event\":\"conversation_status_changed\",\"id\":13,\"status\":"
	"\"resolved\",\"inbox_id\":2,\"created_at\":1795168000,\"meta\":"
	"{\"sender\":{\"id\":71},\"assignee\":{\"id\":5}}}",
	"{\"hook_type\":\"inbox\",\"dialog_id\":9,\"message_id\":5,\"text\":"
	"\"hi\",\"type\":\"from_client\",\"channel_id\":3,\"client_id\":8,"
	"\"event_time\":\"2026-11-20T09:00:00Z\"}",
	"{\"hook_type\":\"close_dialog\",\"dialog_id\":9,\"operator_id\":2}",
	"{\"is_resolved\":false,\"is_new_session\":true,\"candidate_agent\":"
	"{\"id\":501,\"name\":\"Ann\"},\"room_id\":\"7001\",\"source\":"
	"\"wa\",\"app_id\":\"app\",\"latest_service\":null,\"extras\":\"{}\","
	"\"email\":\"6281\",\"name\":\"Cus\",\"channel_id\":11}",
	"{\"customer\":{\"user_id\":\"6281\"},\"resolved_by\":{\"id\":501,"
	"\"email\":\"a@b.c\",\"type\":\"agent\"},\"service\":{\"id\":3,"
	"\"room_id\":\"7001\",\"is_resolved\":true,\"created_at\":"
	"\"2026-11-20T08:00:00Z\",\"updated_at\":\"2026-11-20T09:00:00Z\"}}",
};

static const char *const bodies[] = {
	"{\"sender_id\":\"alice\",\"receiver_id\":\"bob\",\"content\":\"Hello "
	"Bob!\",\"message_type\":\"text\"}",
	"{\"conversation_id\":\"c1\",\"sender_id\":\"alice\",\"channel_id\":"
	"\"11\",\"content\":\"\\u00e9\\ud83d\\ude00\\n\"}",
	"{\"event_type\":\"message_sent\",\"event_data\":{\"n\":1.50,\"a\":"
	"[true,null,{\"b\":[]}]},\"user_id\":\"u1\",\"session_id\":\"s\"}",
	"[{\"event_type\":\"user_action\",\"event_data\":{}},{\"event_type\":"
	"\"page_view\",\"event_data\":{\"p\":\"/\"},\"user_id\":null}]",
	"{\"events\":[{\"event_type\":\"user_action\",\"event_data\":{}}]}",
	"{\"id\":\"m1\",\"conversation_id\":\"c1\",\"channel_id\":\"11\","
	"\"direction\":\"inbound\",\"content\":{\"text\":\"hi\"},\"sentiment\":"
	"{\"score\":0.5,\"label\":\"positive\",\"confidence\":1},\"intent\":"
	"{\"name\":\"buy\",\"confidence\":0.25},\"response_time\":12}",
};

static const char *const values[] = { "null", "true", "0", "-1", "1e400", "0.1",
	"9223372036854775807", "9223372036854775808", "-0.0", "\"\"", "\"a\"",
	"\"\\u0000\"", "\"\\ud800\"", "\"2026-11-20T09:00:00Z\"", "[]", "{}",
	"[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]", "{\"a\":{\"a\":{}}}",
	"\"user_action\"", "\"outbound\"", "[1,\"a\",null]", "\"\xC3\xA9\"",
	"\"\xED\xA0\x80\"", "\"\xFF\"", "\"a\\tb\\u001f\"", "NaN", "1.", "01",
	"\"\\x\"", "\"conv id\"" };

static const char *const damages[] = { "\"", "\\", "{", "}", "[", "]", ",", ":",
	"\n", "\r", "\x01", "\x80", "\xFF", "\xEF\xBB\xBF", "\\ud800", "1e99",
	"\x7F", "%00", "//", "null" };

static const char *const headers[] = { "Content-Type: application/json",
	"Content-Type: application/json; charset=utf-8",
	"content-type: application/vnd.api+json", "Content-Type: text/plain",
	"Content-Type: application/", "Content-Type:", "Idempotency-Key: k1",
	"Idempotency-Key: k2", "Idempotency-Key: a b",
	"Idempotency-Key: \xC3\xA9",
	"Idempotency-Key:", "Authorization: Bearer",
	"Authorization: Basic YTpi", "Authorization:", "X-Signature: 00",
	"X-Chatwoot-Signature: sha256=00", "X-Chatwoot-Timestamp: 1795168800" };

static const char *const queries[] = { "?tenant_id=acme", "?tenant_id=acme",
	"?tenant_id=acme", "?tenant_id=", "?tenant_id=../x",
	("?secret=" SECRET), "?secret=", "?tenant_id=\xC3\xA9", "?x=y" };

#define PICK(random, of) ((of)[fuzz_below(random, ARRAY_LEN(of))])

static void
put_line(struct buf *b, const char *text)
{
	buf_adds(b, text);
	buf_addc(b, '\n');
}

/* Replaces the value after a colon or comma. */
static void
change_value(uint64_t *random, struct buf *body)
{
	size_t at = fuzz_below(random, body->len), end;
	struct buf old = *body;

	while (at < old.len && strchr(":,[", old.data[at]) == NULL)
		at++;
	if (at >= old.len)
		return;
	end = ++at;
	while (end < old.len && strchr(",]}", old.data[end]) == NULL)
		end++;
	*body = (struct buf)BUF_INIT;
	buf_add(body, old.data, at);
	buf_adds(body, PICK(random, values));
	buf_add(body, old.data + end, old.len - end);
	buf_release(&old);
}

/* Inserts, removes or doubles something. */
static void
damage(uint64_t *random, struct buf *body)
{
	size_t at = fuzz_below(random, body->len + 1), n;
	struct buf old = *body;

	n = fuzz_below(random, fuzz_chance(random, 80) ? 4 : 40);
	n = n < old.len - at ? n : old.len - at;
	*body = (struct buf)BUF_INIT;
	buf_add(body, old.data, at);
	switch (fuzz_below(random, 3)) {
	case 0:
		buf_adds(body, PICK(random, damages));
		n = 0;
		break;
	case 1:
		buf_add(body, old.data + at, n);
		n = 0;
		break;
	default:
		break;
	}
	buf_add(body, old.data + at + n, old.len - at - n);
	buf_release(&old);
}

/* Sometimes adds a large value: with many items, or deeply nested. */
static void
put_long(uint64_t *random, struct buf *b)
{
	size_t n = fuzz_below(random, 1200), i;
	bool deep = fuzz_chance(random, 30);

	if (deep)
		for (i = 0; i < n; i++)
			buf_addc(b, fuzz_chance(random, 95) ? '[' : '{');
	else
		buf_adds(b, "{\"events\":[");
	for (i = 0; !deep && i < n; i++)
		buf_addf(b,
		    "%s{\"event_type\":\"user_action\",\"event_data\":%s}",
		    i > 0 ? "," : "",
		    fuzz_chance(random, 98) ? "{\"n\":1}" : "[]");
	if (!deep)
		buf_adds(b, "]}");
}

static void
put_body(uint64_t *random, struct buf *input, bool hook, size_t which)
{
	struct buf body = BUF_INIT;

	if (hook)
		buf_adds(&body, PICK(random, hook_bodies));
	else if (fuzz_below(random, 200) == 0)
		put_long(random, &body);
	else if (which < 3)
		buf_adds(&body, bodies[fuzz_below(random, 2)]);
	else if (which < 5)
		buf_adds(&body, bodies[2]);
	else if (which < 7)
		buf_adds(&body, bodies[3 + fuzz_below(random, 2)]);
	else
		buf_adds(&body, PICK(random, bodies));
	while (fuzz_chance(random, 35) && body.len > 0)
		change_value(random, &body);
	while (fuzz_chance(random, 15) && body.len > 0)
		damage(random, &body);
	buf_add(input, body.data, body.len);
	buf_release(&body);
}

static void
put_token(uint64_t *random, struct buf *input)
{
	struct buf token = BUF_INIT;

	buf_adds(&token, VECTOR_TOKEN);
	if (fuzz_chance(random, 40))
		damage(random, &token);
	buf_addf(input, "Authorization: Bearer %s\n", buf_str(&token));
	buf_release(&token);
}

static void
make(uint64_t *random, struct buf *input)
{
	bool hook = fuzz_chance(random, HOOK_PERCENT);
	bool token = fuzz_chance(random, 30);
	size_t which = fuzz_below(random, ARRAY_LEN(paths));
	const char *path = hook ? PICK(random, hook_paths) : paths[which];

	if (fuzz_chance(random, 3))
		path = PICK(random, odd_paths);
	buf_addf(input, "%d %s %s\n", token,
	    fuzz_chance(random, 97)   ? "POST"
	    : fuzz_chance(random, 80) ? "GET"
				      : "PUT",
	    path);
	put_line(input,
	    fuzz_chance(random, 95) ? queries[0] : PICK(random, queries));
	put_line(input,
	    fuzz_chance(random, 90) ? headers[0] : PICK(random, headers));
	if (token)
		put_token(random, input);
	if (fuzz_chance(random, 10))
		put_line(input, PICK(random, headers));
	if (fuzz_chance(random, 10))
		buf_addf(input, "Idempotency-Key: k%zu\n",
		    fuzz_below(random, 1000000));
	buf_addc(input, '\n');
	if (!fuzz_chance(random, 1))
		put_body(random, input, hook, which);
}

static const char conf_open[] =
    "[listen]\ntenant = room\nmax_events = 500\n"
    "[crm wo]\nprofile = chatwoot\nhook = secret\nhook_secret = " SECRET "\n"
    "[crm desk]\nhook = secret\nhook_secret = " SECRET "\n"
    "[crm room]\nprofile = qiscus\nhook = secret\nhook_secret = " SECRET "\n";

static const char conf_tokens[] = "[listen]\nsecret_key = " VECTOR_KEY "\n";

struct field {
	char *name, *value;
};

struct request {
	struct web_request web;
	char *head; /* lines, cut by NULs */
	char *body; /* as long as it is, and a NUL */
	struct field headers[FIELDS_MAX], queries[FIELDS_MAX];
	size_t headers_n, queries_n;
	bool tokens;
};

static const char *
find_header(const struct web_request *web, const char *name)
{
	const struct request *r = web->private;
	size_t i;

	for (i = 0; i < r->headers_n; i++)
		if (strcasecmp(r->headers[i].name, name) == 0)
			return r->headers[i].value;
	return NULL;
}

static void
visit_queries(
    const struct web_request *web, web_parameter_visitor *visit, void *ctx)
{
	const struct request *r = web->private;
	size_t i;

	for (i = 0; i < r->queries_n; i++)
		visit(ctx, r->queries[i].name, r->queries[i].value);
}

static void
read_field(struct request *r, char *line)
{
	bool query = *line == '?';
	size_t *n = query ? &r->queries_n : &r->headers_n;
	struct field *f = query ? r->queries : r->headers;
	char *value = strchr(line, query ? '=' : ':');

	if (value == NULL || *n == FIELDS_MAX)
		return;
	*value++ = '\0';
	f[*n].name = line + query;
	f[*n].value = value + (query ? 0 : strspn(value, " "));
	++*n;
}

static void
read_first(struct request *r, char *line)
{
	char *path = strchr(line, ' '), *method = path;

	r->tokens = *line == '1';
	if (path != NULL) {
		path = strchr(++method, ' ');
		if (path != NULL)
			*path++ = '\0';
	}
	r->web.method = method == NULL                ? WEB_OTHER
			: strcmp(method, "POST") == 0 ? WEB_POST
			: strcmp(method, "GET") == 0  ? WEB_GET
						      : WEB_OTHER;
	r->web.path = path != NULL ? path : "";
}

/* Puts head and body into separate memory, so that a sanitizer detects reads
 * beyond them. */
static void
read_request(struct request *r, const char *input, size_t len)
{
	const char *end = len > 0 ? memmem(input, len, "\n\n", 2) : NULL;
	size_t head = end != NULL ? (size_t)(end - input) : len;
	char *line, *next;

	memset(r, 0, sizeof *r);
	r->head = xstrndup(input, head);
	len -= end != NULL ? head + 2 : head;
	r->body = xmalloc(len + 1);
	if (len > 0)
		memcpy(r->body, end + 2, len);
	r->body[len] = '\0';
	next = strchr(r->head, '\n');
	if (next != NULL)
		*next++ = '\0';
	read_first(r, r->head);
	for (line = next; line != NULL; line = next) {
		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		read_field(r, line);
	}
	r->web.body = r->body;
	r->web.len = len;
	r->web.peer = "127.0.0.1";
	r->web.now_ms = NOW;
	r->web.header = find_header;
	r->web.parameters = visit_queries;
	r->web.private = r;
}

/* Checks lines of one kind, whose number is known. Returns NULL, or the
 * error. */
static const char *
check_lines(const struct buf *lines, size_t n)
{
	static const char letter[] = "{\"type\":\"dead\",";
	static struct flat flat;
	static struct buf why;
	const char *p = buf_str(lines), *end = p + lines->len, *nl;
	struct record r;
	bool dead;
	char *line;
	int rc;

	for (; p < end; p = nl + 1, n--) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL || n == 0)
			return "records are counted wrong";
		dead = strncmp(p, letter, sizeof letter - 1) == 0;
		line = fuzz_copy(p, (size_t)(nl - p));
		buf_clear(&why);
		rc = dead ? flat_parse(&flat, line, (size_t)(nl - p), &why)
			  : record_parse(
				&r, &flat, line, (size_t)(nl - p), &why);
		fuzz_free(line);
		if (rc != 0 || (!dead && r.type == RECORD_UNKNOWN))
			return dead ? "a dead letter cannot be read"
				    : "a record cannot be read";
	}
	return n == 0 ? NULL : "records are counted wrong";
}

static bool
is_described(int status)
{
	static const int all[] = { 200, 400, 401, 403, 404, 405, 415, 422 };
	size_t i;

	for (i = 0; i < ARRAY_LEN(all); i++)
		if (all[i] == status)
			return true;
	return false;
}

/* Copies a number, and shortens each of its runs of digits to one that fits. */
static const char *
put_short_number(struct buf *b, const char *s, const char *end)
{
	size_t most = DIGITS_MOST, n = 0;

	for (; s < end && memchr("0123456789+-.eE", *s, 15) != NULL; s++) {
		if (*s == 'e' || *s == 'E')
			most = 1;
		n = isdigit((unsigned char)*s) ? n + 1 : 0;
		if (n <= most)
			buf_addc(b, *s);
	}
	return s;
}

/* An escape such as \u0041. */
static bool
is_code_escape(const char *s, const char *end)
{
	size_t i;

	if (end - s < CODE_ESCAPE || s[0] != '\\' || s[1] != 'u')
		return false;
	for (i = 2; i < CODE_ESCAPE; i++)
		if (!isxdigit((unsigned char)s[i]))
			return false;
	return true;
}

/* Events are returned as they were written, including numbers that jansson
 * cannot represent, \u0000 in names, and halves of surrogate pairs. Makes a
 * copy without these. */
static void
put_for_jansson(struct buf *b, const struct buf *answer)
{
	const char *s = answer->data, *end = s + answer->len;
	bool string = false;

	while (s < end) {
		if (!string && (*s == '-' || isdigit((unsigned char)*s))) {
			s = put_short_number(b, s, end);
		} else if (string && is_code_escape(s, end)) {
			buf_addc(b, 'u');
			s += CODE_ESCAPE;
		} else {
			if (string && *s == '\\' && end - s > 1)
				buf_addc(b, *s++);
			else if (*s == '"')
				string = !string;
			buf_addc(b, *s++);
		}
	}
}

static bool
is_json(const struct buf *answer)
{
	struct buf b = BUF_INIT;
	json_t *j;

	put_for_jansson(&b, answer);
	j = json_loadb(b.data, b.len, JSON_DECODE_ANY, NULL);
	json_decref(j);
	buf_release(&b);
	return j != NULL;
}

static const char *
check_answer(const struct request *r, const struct web_answer *a)
{
	if (!is_described(a->status))
		return "the status is not described";
	if (a->body.len > ANSWER_MOST && a->body.len > 8 * r->web.len)
		return "the answer is out of proportion";
	if (a->content_type == NULL && a->body.len > 0 && !is_json(&a->body))
		return "the answer is not JSON";
	if (a->status != 200 && a->records.len > 0)
		return "there are records of what is refused";
	if (r->web.method != WEB_POST && a->records.len > 0)
		return "there are records without a POST";
	return check_lines(&a->records, a->records_n + a->dead_n);
}

/* One listener without tokens, and one with them. */
static struct world {
	struct conf *conf;
	struct listener_context *in;
} worlds[2];

static void
open_world(struct world *w, const char *text)
{
	char path[] = "/tmp/fuzz_request.XXXXXX";
	int fd = mkstemp(path);
	struct buf why = BUF_INIT;
	enum exit_code code;

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		prog_die(PROG_CANTCREATE, "cannot write '%s'", path);
	close(fd);
	w->conf = conf_load(path, &why);
	unlink(path);
	if (w->conf != NULL)
		w->in = listener_context_open(w->conf, NULL, &code, &why);
	if (w->in == NULL)
		prog_die(PROG_CONFIG, "%s", buf_str(&why));
	buf_release(&why);
}

/* libjq keeps pointers into the middle of its memory, which looks like a
 * leak. */
static void
close_worlds(void)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(worlds); i++) {
		listener_context_close(worlds[i].in);
		conf_free(worlds[i].conf);
	}
}

static void
open_worlds(void)
{
	open_world(&worlds[0], conf_open);
	open_world(&worlds[1], conf_tokens);
	(void)atexit(close_worlds);
}

static const char *
check(const char *input, size_t len, struct fuzz_count *count)
{
	static struct request r;
	struct web_answer a = { .status = 200 };
	const char *wrong;

	if (worlds[0].in == NULL)
		open_worlds();
	read_request(&r, input, len);
	route_answer(worlds[r.tokens].in, &r.web, &a);
	if (a.later != NULL)
		a.later(worlds[r.tokens].in, &r.web, &a);
	wrong = check_answer(&r, &a);
	count->good += a.status == 200;
	count->bad += a.status != 200;
	buf_release(&a.body);
	buf_release(&a.records);
	buf_release(&a.note);
	free(r.head);
	free(r.body);
	return wrong;
}

static const struct fuzz_target target = { "request", make, check, 0.20 };

FUZZ_MAIN(&target)
