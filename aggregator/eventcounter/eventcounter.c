/*
 * eventcounter: turns messages into records, and writes the counts to files,
 * one for each event type that occurred (DIR/created.json and so on). They are
 * indented by two spaces, sorted by user (bytewise), and do not end with a
 * newline. A file is replaced as a whole, so readers see the old or the new
 * one.
 */
#include "aggregator/eventcounter/eventcounter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/syserr.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"
#include "common/text/json_text.h"
#include "common/text/jsonw.h"

#include "aggregator/metrics/metric.h"

#define EVENT_TYPES 3

static const char *const event_types[EVENT_TYPES] = { "created", "updated",
	"deleted" };

static bool
is_event_type(struct text type)
{
	size_t i;

	for (i = 0; i < EVENT_TYPES; i++)
		if (text_is(type, event_types[i]))
			return true;
	return false;
}

/* A user must have the form of a record's id, because rows carry it. */
static const char *
user_error(const char *user, size_t len)
{
	return len > RECORD_MAX_ID ? "is too long" : record_id_error(user, len);
}

static int
parse_key(struct record *r, const char *key, size_t len, struct buf *why)
{
	static const char middle[] = ".event.";
	const size_t n = sizeof middle - 1;
	const char *dot = memchr(key, '.', len), *end = key + len, *type,
		   *error;

	if (!parse_is_utf8(key, len) || memchr(key, '\0', len) != NULL) {
		buf_setf(why, "the routing key is not text");
		return -1;
	}
	if (dot == NULL || dot == key || (size_t)(end - dot) < n ||
	    memcmp(dot, middle, n) != 0 ||
	    memchr(dot + n, '.', (size_t)(end - dot) - n) != NULL) {
		buf_setf(why, "the routing key '%.*s' is not USER.event.TYPE",
		    (int)len, key);
		return -1;
	}
	type = dot + n;
	r->user = (struct text){ key, (size_t)(dot - key) };
	error = user_error(r->user.p, r->user.len);
	if (error != NULL) {
		buf_setf(why, "the user of the routing key %s", error);
		return -1;
	}
	r->event = (struct text){ type, (size_t)(end - type) };
	if (is_event_type(r->event))
		return 0;
	buf_setf(why,
	    "'%.*s' is not an event type; event types: created, updated, "
	    "deleted",
	    (int)(end - type), type);
	return -1;
}

static int
parse_body(struct record *r, struct flat *f, const char *body, size_t len,
    struct buf *why)
{
	const struct flat_field *id;
	const char *error;

	if (flat_parse(f, body, len, why) == -1)
		return -1;
	id = flat_find(f, "id");
	if (id != NULL && id->kind != FLAT_NULL && id->kind != FLAT_STRING) {
		buf_setf(why, "the id is not a string");
		return -1;
	}
	if (id == NULL || id->kind == FLAT_NULL || id->val_len == 0) {
		buf_setf(why, "the body has no id");
		return -1;
	}
	error = record_id_field_error(id);
	if (error != NULL) {
		buf_setf(why, "the id %s", error);
		return -1;
	}
	r->id = (struct text){ id->val, id->val_len };
	return 0;
}

struct user_count {
	struct text user;
	uint64_t n;
};

static int
compare_users(const void *a, const void *b)
{
	const struct user_count *x = a, *y = b;

	return text_compare(x->user, y->user);
}

/* The counts of one event type. */
struct user_counts {
	struct user_count *v;
	size_t n, cap;
};

static void
collect_count(void *ctx, struct text user, struct text event, uint64_t n)
{
	struct user_counts *all = ctx, *to;
	size_t i;

	for (i = 0; i < EVENT_TYPES; i++) {
		if (!text_is(event, event_types[i]))
			continue;
		to = &all[i];
		XGROW(to->v, to->n, to->cap);
		to->v[to->n++] = (struct user_count){ user, n };
	}
}

static void
format_counts(struct user_counts *c, struct buf *to)
{
	size_t i;

	qsort(c->v, c->n, sizeof *c->v, compare_users);
	buf_clear(to);
	buf_addc(to, '{');
	for (i = 0; i < c->n; i++) {
		buf_adds(to, i > 0 ? ",\n  " : "\n  ");
		jsonw_quote(to, c->v[i].user.p, c->v[i].user.len);
		buf_adds(to, ": ");
		buf_addi(to, (int64_t)c->v[i].n);
	}
	buf_adds(to, "\n}");
}

static enum exit_code
write_files(const char *dir, struct streaming_metrics *counts, struct buf *why)
{
	struct user_counts all[EVENT_TYPES] = { { NULL, 0, 0 } };
	struct buf content = BUF_INIT;
	enum exit_code code = PROG_OK;
	char *path;
	size_t i;

	event_counts_each(counts, collect_count, all);
	for (i = 0; i < EVENT_TYPES; i++) {
		if (code == PROG_OK && all[i].n > 0) {
			format_counts(&all[i], &content);
			path = xasprintf("%s/%s.json", dir, event_types[i]);
			code = file_replace(
			    path, 0644, content.data, content.len, why);
			free(path);
		}
		free(all[i].v);
	}
	buf_release(&content);
	return code;
}

int
eventcounter_read(const struct eventcounter_job *c, struct record *r,
    struct flat *scratch, struct text routing_key, struct text body,
    struct buf *why)
{
	r->type = RECORD_EVENT;
	r->tenant = text_from(c->tenant);
	r->at = clock_now_ms();
	if (parse_key(r, routing_key.p, routing_key.len, why) == -1)
		return -1;
	return parse_body(r, scratch, body.p, body.len, why);
}

enum exit_code
eventcounter_publish(
    const struct eventcounter_job *c, struct streaming_metrics *counts)
{
	enum exit_code code = PROG_OK;
	struct buf why = BUF_INIT;

	if (c->json_dir != NULL)
		code = write_files(c->json_dir, counts, &why);
	if (code != PROG_OK)
		log_error("%s", buf_str(&why));
	buf_release(&why);
	return code;
}

enum exit_code
eventcounter_open(const struct eventcounter_job *c)
{
	const char *dir = c->json_dir;
	struct stat st;

	if (dir == NULL || mkdir(dir, 0777) == 0)
		return PROG_OK;
	if (errno == EEXIST && stat(dir, &st) == 0 && !S_ISDIR(st.st_mode))
		errno = ENOTDIR;
	if (errno == EEXIST && access(dir, W_OK | X_OK) == 0)
		return PROG_OK;
	return syserr_log(
	    PROG_CANTCREATE, "cannot write into --json-dir '%s'", dir);
}
