/*
 * count_cache: see count_cache.h.
 */
#include "sink/resources/count_cache.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/records/record.h"

/* A count that is under way. */
struct counting {
	const struct count_cache_key *key;
	struct counting *next;
};

/* Of some large tenants; another one takes the place of that which ends
 * first. */
#define PLACES 64

static struct {
	pthread_mutex_t lock;
	pthread_cond_t ended; /* a count that was under way */
	struct counting *counting;
	struct cached_count {
		char tenant[RECORD_MAX_TENANT + 1];
		const char *what;
		int64_t n, end_ms;
	} list[PLACES];
} cache = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.ended = PTHREAD_COND_INITIALIZER };

static bool
is_of(const struct cached_count *c, const struct count_cache_key *k)
{
	return c->what != NULL && strcmp(c->what, k->what) == 0 &&
	       strcmp(c->tenant, k->tenant) == 0;
}

/* Its place, or that which ended or ends first; with the lock. */
static struct cached_count *
find_entry(const struct count_cache_key *k)
{
	struct cached_count *c, *first = cache.list;

	for (c = cache.list; c < cache.list + PLACES; c++) {
		if (is_of(c, k))
			return c;
		if (c->end_ms < first->end_ms)
			first = c;
	}
	return first;
}

static bool
find_count(const struct count_cache_key *k, int64_t now_ms, int64_t *n)
{
	const struct cached_count *c;
	bool found;

	(void)pthread_mutex_lock(&cache.lock);
	c = find_entry(k);
	found = is_of(c, k) && now_ms < c->end_ms;
	if (found)
		*n = c->n;
	(void)pthread_mutex_unlock(&cache.lock);
	return found;
}

static void
put_count(const struct count_cache_key *k, int64_t now_ms, int64_t n)
{
	int64_t for_ms = k->period_ms / COUNT_CACHE_PART;
	struct cached_count *c;

	if (n < COUNT_CACHE_LEAST || strlen(k->tenant) > RECORD_MAX_TENANT)
		return;
	(void)pthread_mutex_lock(&cache.lock);
	c = find_entry(k);
	(void)snprintf(c->tenant, sizeof c->tenant, "%s", k->tenant);
	c->what = k->what;
	c->n = n;
	c->end_ms =
	    now_ms +
	    (for_ms < COUNT_CACHE_MOST_MS ? for_ms : COUNT_CACHE_MOST_MS);
	(void)pthread_mutex_unlock(&cache.lock);
}

/* With the lock. */
static bool
is_being_counted(const struct counting *c)
{
	const struct counting *other = cache.counting;

	while (other != NULL &&
	       (strcmp(other->key->what, c->key->what) != 0 ||
		   strcmp(other->key->tenant, c->key->tenant) != 0))
		other = other->next;
	return other != NULL;
}

/* True: no other counts the same, and those who come wait for end_counting().
 * False: another did, and has ended. */
static bool
begin_counting(struct counting *c)
{
	bool first;

	(void)pthread_mutex_lock(&cache.lock);
	first = !is_being_counted(c);
	if (first) {
		c->next = cache.counting;
		cache.counting = c;
	}
	while (!first && is_being_counted(c))
		(void)pthread_cond_wait(&cache.ended, &cache.lock);
	(void)pthread_mutex_unlock(&cache.lock);
	return first;
}

static void
end_counting(const struct counting *c)
{
	struct counting **place = &cache.counting;

	(void)pthread_mutex_lock(&cache.lock);
	while (*place != c)
		place = &(*place)->next;
	*place = c->next;
	(void)pthread_cond_broadcast(&cache.ended);
	(void)pthread_mutex_unlock(&cache.lock);
}

/* Somebody else counts it again, and the time of what is kept ended just now.
 */
static bool
find_late(const struct counting *c, int64_t *n)
{
	bool counted;

	(void)pthread_mutex_lock(&cache.lock);
	counted = is_being_counted(c);
	(void)pthread_mutex_unlock(&cache.lock);
	return counted &&
	       find_count(c->key, clock_mono_ms() - COUNT_CACHE_LATE_MS, n);
}

/* Who has waited in vain, since the count failed or is too small to be kept,
 * counts beside others: it is not waited for once more. */
bool
count_cache_get(const struct count_cache_key *k, count_cache_fn *count,
    void *ctx, int64_t *n)
{
	struct counting c = { .key = k };
	bool first, good = true;

	if (find_late(&c, n))
		return true;
	first = begin_counting(&c);
	if (!find_count(k, clock_mono_ms(), n)) {
		good = count(ctx, n);
		if (good)
			put_count(k, clock_mono_ms(), *n);
	}
	if (first)
		end_counting(&c);
	return good;
}
