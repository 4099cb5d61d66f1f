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

/* Numbers of a queue's first entry and of its next new one, and the bytes of
 * its entries, which are only kept up to date for REQUEST_LINES. */
struct range {
	uint64_t first, next, bytes;
};

struct request_store {
	struct store *store;
	char *path;
	uint64_t max;

	pthread_mutex_t lock; /* for all members below; held from begin to
			       * commit */
	struct range ranges[REQUEST_QUEUES], committed[REQUEST_QUEUES];
};

static const enum store_table tables[REQUEST_QUEUES] = {
	[REQUEST_LINES] = STORE_LINES,
	[REQUEST_KEYS] = STORE_KEYS,
};

/* Keys sort by number. */
#define KEY 24
static void
number_key(uint64_t number, char key[KEY])
{
	(void)snprintf(key, KEY, "%020" PRIu64, number);
}

static bool
get_entry(struct request_store *s, enum request_queue q, uint64_t number,
    const void **data, size_t *len)
{
	char key[KEY];

	number_key(number, key);
	return store_get(s->store, tables[q], key, data, len);
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
	enum exit_code code = PROG_OK;
	int q;

	for (q = 0; code == PROG_OK && q < REQUEST_QUEUES; q++) {
		s->ranges[q] = (struct range){ 1, 1, 0 };
		code = store_each(
		    s->store, tables[q], extend_range, &s->ranges[q], why);
	}
	memcpy(s->committed, s->ranges, sizeof s->committed);
	return code;
}

struct request_store *
request_store_open(
    const char *dir, uint64_t max, enum exit_code *code, struct buf *why)
{
	struct request_store *s = xcalloc(1, sizeof *s);
	char *spool = xasprintf("%s/spool", dir);

	s->max = max;
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
    struct request_store *s, enum request_queue q, const void *data, size_t len)
{
	struct range *r = &s->ranges[q];
	char key[KEY];

	if (q == REQUEST_LINES && r->bytes + len > s->max)
		return false;
	number_key(r->next++, key);
	store_put(s->store, tables[q], key, data, len);
	if (q == REQUEST_LINES)
		r->bytes += len;
	return true;
}

void
request_store_drop(
    struct request_store *s, enum request_queue q, uint64_t number)
{
	struct range *r = &s->ranges[q];
	const void *data;
	char key[KEY];
	size_t len;

	for (; r->first <= number && r->first < r->next; r->first++) {
		if (q == REQUEST_LINES &&
		    get_entry(s, q, r->first, &data, &len))
			r->bytes -= len;
		number_key(r->first, key);
		store_delete(s->store, tables[q], key);
	}
}

int
request_store_commit(struct request_store *s, struct buf *why)
{
	enum exit_code code = store_commit(s->store, why);

	if (code == PROG_OK) {
		memcpy(s->committed, s->ranges, sizeof s->committed);
	} else {
		store_forget_changes(s->store);
		memcpy(s->ranges, s->committed, sizeof s->ranges);
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
	if (i < s->committed[REQUEST_LINES].first)
		i = s->committed[REQUEST_LINES].first;
	for (; good && i < s->committed[REQUEST_LINES].next &&
	       lines->len - begin < most;
	     i++) {
		good = get_entry(s, REQUEST_LINES, i, &data, &len);
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
request_store_each(struct request_store *s, enum request_queue q,
    request_store_fn *each, void *ctx, struct buf *why)
{
	const struct range *r = &s->committed[q];
	const void *data;
	bool good = true;
	size_t len;
	uint64_t i;

	(void)pthread_mutex_lock(&s->lock);
	for (i = r->first; good && i < r->next; i++) {
		good = get_entry(s, q, i, &data, &len);
		if (good)
			each(ctx, i, data, len);
	}
	if (!good)
		store_explain_missing(s->store, why);
	(void)pthread_mutex_unlock(&s->lock);
	return good ? 0 : -1;
}

static struct range
committed_range(struct request_store *s, enum request_queue q)
{
	struct range r;

	(void)pthread_mutex_lock(&s->lock);
	r = s->committed[q];
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

uint64_t
request_store_end(struct request_store *s, enum request_queue q)
{
	return committed_range(s, q).next;
}

uint64_t
request_store_first(struct request_store *s, enum request_queue q)
{
	return committed_range(s, q).first;
}

int
request_store_compact(struct request_store *s, struct buf *why)
{
	enum exit_code code = PROG_OK;
	struct stat st;

	(void)pthread_mutex_lock(&s->lock);
	if (stat(s->path, &st) == 0 && st.st_size > COMPACT_BYTES &&
	    s->committed[REQUEST_LINES].bytes < (uint64_t)st.st_size / 2)
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
