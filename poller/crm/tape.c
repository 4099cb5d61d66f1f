/*
 * tape: see tape.h.
 */
#define _GNU_SOURCE /* scandir, strcasestr */
#include "poller/crm/tape.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/prog.h"
#include "common/base/syserr.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/conf/url.h"
#include "common/os/file.h"

struct tape {
	char *dir;
	bool plays;
	size_t n;        /* answers recorded, or read */
	json_t **answer; /* read; NULL: already played */
};

static struct tape *
new_tape(const char *dir, bool plays)
{
	struct tape *t = xcalloc(1, sizeof *t);

	t->dir = xstrdup(dir);
	t->plays = plays;
	return t;
}

void
tape_close(struct tape *t)
{
	size_t i;

	if (t == NULL)
		return;
	for (i = 0; t->plays && i < t->n; i++)
		json_decref(t->answer[i]);
	free(t->answer);
	free(t->dir);
	free(t);
}

bool
tape_plays(const struct tape *t)
{
	return t->plays;
}

static int
is_answer_file(const struct dirent *e)
{
	return text_ends_with(e->d_name, ".json");
}

/* Lists the names of the folder's answers, sorted; -1 with errno. */
static int
list_answers(const char *dir, struct dirent ***names)
{
	return scandir(dir, names, is_answer_file, alphasort);
}

static void
free_names(struct dirent **names, int n)
{
	while (n > 0)
		free(names[--n]);
	free(names);
}

struct tape *
tape_record_to(const char *dir, struct buf *why)
{
	struct dirent **names = NULL;
	int n;

	if (mkdir(dir, S_IRWXU) != 0 && errno != EEXIST) {
		(void)syserr_explain(why, PROG_CANTCREATE,
		    "cannot create --record folder '%s'", dir);
		return NULL;
	}
	n = list_answers(dir, &names);
	if (n < 0)
		(void)syserr_explain(why, PROG_CANTCREATE,
		    "cannot read --record folder '%s'", dir);
	else if (n > 0)
		buf_setf(why,
		    "--record folder '%s' already has answers; choose "
		    "another folder",
		    dir);
	if (n != 0) {
		free_names(names, n);
		return NULL;
	}
	free(names);
	return new_tape(dir, false);
}

static json_t *
read_answer(const char *dir, const char *name, struct buf *why)
{
	char *path = xasprintf("%s/%s", dir, name);
	json_error_t error;
	json_t *a = json_load_file(path, 0, &error);

	if (a == NULL)
		buf_setf(why, "cannot use --replay folder '%s': %s", path,
		    error.text);
	free(path);
	return a;
}

struct tape *
tape_replay_from(const char *dir, struct buf *why)
{
	struct tape *t = new_tape(dir, true);
	struct dirent **names = NULL;
	int n = list_answers(dir, &names), i;

	if (n < 0)
		(void)syserr_explain(
		    why, PROG_NOINPUT, "cannot read --replay folder '%s'", dir);
	else if (n == 0)
		buf_setf(why,
		    "--replay folder '%s' has no answers; record some with "
		    "--record",
		    dir);
	if (n > 0)
		t->answer = xcalloc((size_t)n, sizeof *t->answer);
	for (i = 0; i < n && why->len == 0; i++) {
		t->answer[i] = read_answer(dir, names[i]->d_name, why);
		t->n++;
	}
	free_names(names, n);
	if (why->len == 0)
		return t;
	tape_close(t);
	return NULL;
}

/* True if strings under that key may identify a person. */
static bool
is_personal(const char *key)
{
	static const char *const parts[] = { "name", "phone", "mail", "text",
		"content", "message", "comment", "body", "avatar", "photo",
		"thumb", "address", "description", "subject", "nick", "login",
		"identifier", "source_id", "extra", "caption" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(parts); i++)
		if (strcasestr(key, parts[i]) != NULL)
			return true;
	return false;
}

static json_t *
masked_string(const char *s)
{
	char *masked = xstrdup(s), *p;
	json_t *new;

	for (p = masked; *p != '\0'; p++) {
		if (isdigit((unsigned char)*p))
			*p = '0';
		else if (isalpha((unsigned char)*p) || (*p & 0x80) != 0)
			*p = 'x';
	}
	new = json_string(masked);
	free(masked);
	return new;
}

/* Masks personal data in an answer. personal: the key of v, or of a list around
 * it, is personal. */
static void
mask_people(json_t *v, bool personal)
{
	const char *key;
	json_t *each;
	size_t i;
	void *next;

	if (json_is_object(v)) {
		json_object_foreach_safe (v, next, key, each) {
			bool theirs = is_personal(key);

			if (theirs && json_is_string(each))
				json_object_set_new(v, key,
				    masked_string(json_string_value(each)));
			else
				mask_people(each, theirs);
		}
	}
	json_array_foreach (v, i, each) {
		if (personal && json_is_string(each))
			json_array_set_new(
			    v, i, masked_string(json_string_value(each)));
		else
			mask_people(each, personal);
	}
}

/* Returns the URL from its path on, without secrets in its query. Owned. */
static char *
path_of(const char *url)
{
	const char *host = strstr(url, "://");
	const char *path = host != NULL ? strchr(host + 3, '/') : NULL;
	struct buf shown = BUF_INIT;

	url_redact(&shown, path != NULL ? path : "/");
	return buf_take(&shown);
}

static json_t *
headers_of(const struct http_answer_headers *h)
{
	json_t *o = json_object();
	size_t i;

	for (i = 0; i < HTTP_HEADERS; i++)
		if (h->value[i][0] != '\0')
			json_object_set_new(
			    o, http_header_names[i], json_string(h->value[i]));
	return o;
}

/* Returns the body as JSON, or else as text. */
static json_t *
body_of(const struct buf *body)
{
	json_t *v = json_loadb(
	    buf_str(body), body->len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

	if (v == NULL)
		return json_stringn(buf_str(body), body->len);
	mask_people(v, false);
	return v;
}

static void
write_answer(struct tape *t, const json_t *answer)
{
	char *path = xasprintf("%s/%05zu.json", t->dir, ++t->n);
	char *text = json_dumps(answer, JSON_INDENT(1));
	struct buf why = BUF_INIT;
	enum exit_code code;
	int fd =
	    file_open(path, O_WRONLY | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR);

	if (fd < 0 || text == NULL ||
	    file_write_and_close(fd, text, strlen(text)) != 0) {
		code = syserr_explain(
		    &why, PROG_IO, "cannot write '%s' for --record", path);
		prog_die(code, "%s", buf_str(&why));
	}
	free(text);
	free(path);
}

void
tape_keep(
    struct tape *t, const struct http_request *r, const struct http_answer *a)
{
	json_t *o;
	char *path;

	if (a->outcome != HTTP_ANSWERED)
		return;
	path = path_of(r->url);
	o = json_pack("{s:s, s:s, s:i, s:o, s:o?}", "method", r->method, "path",
	    path, "status", a->status, "headers", headers_of(&a->headers),
	    "body", body_of(&a->body));
	write_answer(t, o);
	json_decref(o);
	free(path);
}

static const char *
text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

static bool
fits(const json_t *o, const char *method, const char *path, size_t len)
{
	const char *recorded = text_of(o, "path");

	return strcmp(text_of(o, "method"), method) == 0 &&
	       strncmp(recorded, path, len) == 0 &&
	       (path[len] == '\0'
		       ? recorded[len] == '\0'
		       : recorded[len] == '?' || recorded[len] == '\0');
}

/* Returns the number of the answer for the request, or n. */
static size_t
find_answer(const struct tape *t, const char *method, const char *path)
{
	const size_t lengths[] = { strlen(path), strcspn(path, "?") };
	size_t i, k;

	for (k = 0; k < ARRAY_LEN(lengths); k++)
		for (i = 0; i < t->n; i++)
			if (t->answer[i] != NULL &&
			    fits(t->answer[i], method, path, lengths[k]))
				return i;
	return t->n;
}

static void
give(const json_t *o, struct http_answer *a)
{
	const json_t *headers = json_object_get(o, "headers"),
		     *body = json_object_get(o, "body");
	char *text;
	size_t i;

	a->outcome = HTTP_ANSWERED;
	a->status = (int)json_integer_value(json_object_get(o, "status"));
	for (i = 0; i < HTTP_HEADERS; i++)
		(void)snprintf(a->headers.value[i], sizeof a->headers.value[i],
		    "%s", text_of(headers, http_header_names[i]));
	if (json_is_string(body)) {
		buf_add(&a->body, json_string_value(body),
		    json_string_length(body));
		return;
	}
	text = json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY);
	if (text != NULL)
		buf_adds(&a->body, text);
	free(text);
}

void
tape_play(struct tape *t, const struct http_request *r, struct http_answer *a)
{
	char *path = path_of(r->url);
	size_t i = find_answer(t, r->method, path);

	a->sent_ms = a->got_ms = clock_now_ms();
	a->headers.date_ms = CLOCK_NONE;
	if (i < t->n) {
		give(t->answer[i], a);
		json_decref(t->answer[i]);
		t->answer[i] = NULL;
	} else {
		a->outcome = HTTP_NEVER;
		buf_setf(&a->reason,
		    "--replay folder '%s' has no further answer for %s %s",
		    t->dir, r->method, path);
	}
	free(path);
}
