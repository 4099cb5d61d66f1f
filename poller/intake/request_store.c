/*
 * request_store: see request_store.h.
 */
#include "poller/intake/request_store.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/xalloc.h"
#include "poller/crm/store.h"

/* A file smaller than this is not worth copying. */
#define COMPACT_BYTES ((off_t)256 * 1024)

/* The entries of a table are numbered, without gaps. */
struct range {
	uint64_t first, next;
	uint64_t bytes; /* of lines */
};

struct ranges {
	struct range lines, keys;
};

struct request_store {
	struct store *store;
	char *path;
	uint64_t max, max_keys;

	pthread_mutex_t lock; /* for all members below; held from begin to
			       * commit */
	struct ranges now, committed;
};

/* Numbers as texts, which sort like them. */
#define NUMBER 24
static void
number_text(uint64_t number, char text[NUMBER])
{
	(void)snprintf(text, NUMBER, "%020" PRIu64, number);
}

static bool
get_entry(struct request_store *s, enum store_table t, uint64_t number,
    const void **data, size_t *len)
{
	char text[NUMBER];

	number_text(number, text);
	return store_get(s->store, t, text, data, len);
}

static void
add_entry(struct request_store *s, enum store_table t, struct range *r,
    const struct buf *data)
{
	char text[NUMBER];

	number_text(r->next++, text);
	store_put(s->store, t, text, data->data, data->len);
}

static void
delete_first(struct request_store *s, enum store_table t, struct range *r)
{
	char text[NUMBER];

	number_text(r->first++, text);
	store_delete(s->store, t, text);
}

/* Called for each entry in the order of numbers. */
static bool
extend_range(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct range *r = ctx;
	uint64_t number = strtoull(key, NULL, 10);

	(void)key_len;
	(void)data;
	if (r->first == r->next)
		r->first = number;
	r->next = number + 1;
	r->bytes += len;
	return true;
}

static enum exit_code
read_ranges(struct request_store *s, struct buf *why)
{
	struct ranges *r = &s->now;
	enum exit_code code;

	*r = (struct ranges){ { 1, 1, 0 }, { 1, 1, 0 } };
	code = store_each(s->store, STORE_LINES, extend_range, &r->lines, why);
	if (code == PROG_OK)
		code = store_each(
		    s->store, STORE_KEYS, extend_range, &r->keys, why);
	s->committed = *r;
	return code;
}

struct request_store *
request_store_open(const char *dir, uint64_t max, size_t max_keys,
    enum exit_code *code, struct buf *why)
{
	struct request_store *s = xcalloc(1, sizeof *s);
	char *spool = xasprintf("%s/spool", dir);

	s->max = max;
	s->max_keys = max_keys;
	s->path = xasprintf("%s/requests.mdb", spool);
	(void)pthread_mutex_init(&s->lock, NULL);
	if (store_make_folder(dir, code, why) == 0) {
		s->store = store_open_kind(&store_of_requests, spool,
		    "requests", STORE_EXCLUSIVE, code, why);
		if (s->store == NULL && errno == EWOULDBLOCK) {
			*code = PROG_TEMPFAIL;
			buf_setf(why,
			    "another listener uses '%s'; choose another folder "
			    "with --state",
			    dir);
		}
	}
	free(spool);
	if (s->store != NULL) {
		*code = read_ranges(s, why);
		if (*code == PROG_OK)
			return s;
	}
	request_store_close(s);
	return NULL;
}

void
request_store_close(struct request_store *s)
{
	if (s == NULL)
		return;
	store_close(s->store);
	(void)pthread_mutex_destroy(&s->lock);
	free(s->path);
	free(s);
}

void
request_store_begin(struct request_store *s)
{
	(void)pthread_mutex_lock(&s->lock);
}

bool
request_store_add(
    struct request_store *s, const struct buf *lines, const struct buf *key)
{
	struct range *r = &s->now.lines;

	if (r->bytes + lines->len > s->max)
		return false;
	add_entry(s, STORE_LINES, r, lines);
	r->bytes += lines->len;
	if (key->len > 0)
		add_entry(s, STORE_KEYS, &s->now.keys, key);
	return true;
}

int64_t
request_store_number(struct request_store *s, const char *key)
{
	int64_t n;

	(void)pthread_mutex_lock(&s->lock);
	n = store_number(s->store, key, 0);
	(void)pthread_mutex_unlock(&s->lock);
	return n;
}

void
request_store_set_number(struct request_store *s, const char *key, int64_t n)
{
	store_set_number(s->store, key, n);
}

void
request_store_drop(struct request_store *s, uint64_t number)
{
	struct range *r = &s->now.lines;
	const void *data;
	size_t len;

	while (r->first <= number && r->first < r->next) {
		if (get_entry(s, STORE_LINES, r->first, &data, &len))
			r->bytes -= len;
		delete_first(s, STORE_LINES, r);
	}
}

void
request_store_expire(struct request_store *s, int64_t before_ms)
{
	struct range *r = &s->now.keys;
	const void *key;
	int64_t at;
	size_t len;

	while (r->first < r->next &&
	       get_entry(s, STORE_KEYS, r->first, &key, &len)) {
		memcpy(&at, key, sizeof at);
		if (r->next - r->first <= s->max_keys && at >= before_ms)
			return;
		delete_first(s, STORE_KEYS, r);
	}
}

int
request_store_commit(struct request_store *s, struct buf *why)
{
	enum exit_code code = store_commit(s->store, why);

	if (code == PROG_OK) {
		s->committed = s->now;
	} else {
		store_forget_changes(s->store);
		s->now = s->committed;
	}
	(void)pthread_mutex_unlock(&s->lock);
	return code == PROG_OK ? 0 : -1;
}

int
request_store_next(struct request_store *s, uint64_t *number, size_t most,
    struct buf *lines, struct buf *why)
{
	uint64_t i = *number + 1;
	size_t begin = lines->len, len;
	const void *data;
	bool good = true;

	(void)pthread_mutex_lock(&s->lock);
	if (i < s->committed.lines.first)
		i = s->committed.lines.first;
	for (; good && i < s->committed.lines.next && lines->len - begin < most;
	     i++) {
		good = get_entry(s, STORE_LINES, i, &data, &len);
		if (good)
			buf_add(lines, data, len);
	}
	if (!good)
		store_explain_missing(s->store, why);
	(void)pthread_mutex_unlock(&s->lock);
	if (!good)
		return -1;
	if (lines->len == begin)
		return 0;
	*number = i - 1;
	return 1;
}

int
request_store_keys(
    struct request_store *s, lmdb_entry_fn *each, void *ctx, struct buf *why)
{
	enum exit_code code;

	(void)pthread_mutex_lock(&s->lock);
	code = store_each(s->store, STORE_KEYS, each, ctx, why);
	(void)pthread_mutex_unlock(&s->lock);
	return code == PROG_OK ? 0 : -1;
}

static struct range
committed_lines(struct request_store *s)
{
	struct range r;

	(void)pthread_mutex_lock(&s->lock);
	r = s->committed.lines;
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

uint64_t
request_store_end(struct request_store *s)
{
	return committed_lines(s).next;
}

uint64_t
request_store_first(struct request_store *s)
{
	return committed_lines(s).first;
}

int
request_store_compact(struct request_store *s, struct buf *why)
{
	enum exit_code code = PROG_OK;
	struct stat st;

	(void)pthread_mutex_lock(&s->lock);
	if (stat(s->path, &st) == 0 && st.st_size > COMPACT_BYTES &&
	    s->committed.lines.bytes < (uint64_t)st.st_size / 2)
		code = store_compact(s->store, why);
	(void)pthread_mutex_unlock(&s->lock);
	return code == PROG_OK ? 0 : -1;
}

bool
request_store_is_lost(struct request_store *s)
{
	bool lost;

	(void)pthread_mutex_lock(&s->lock);
	lost = store_is_lost(s->store);
	(void)pthread_mutex_unlock(&s->lock);
	return lost;
}

const char *
request_store_path(const struct request_store *s)
{
	return s->path;
}
