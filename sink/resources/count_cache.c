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
	const char *tenant, *what;
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
is_of(const struct cached_count *k, const char *tenant, const char *what)
{
	return k->what != NULL && strcmp(k->what, what) == 0 &&
	       strcmp(k->tenant, tenant) == 0;
}

/* Its place, or that which ended or ends first; with the lock. */
static struct cached_count *
find_entry(const char *tenant, const char *what)
{
	struct cached_count *k, *first = cache.list;

	for (k = cache.list; k < cache.list + PLACES; k++) {
		if (is_of(k, tenant, what))
			return k;
		if (k->end_ms < first->end_ms)
			first = k;
	}
	return first;
}

bool
count_cache_find(
    const char *tenant, const char *what, int64_t now_ms, int64_t *n)
{
	const struct cached_count *k;
	bool found;

	(void)pthread_mutex_lock(&cache.lock);
	k = find_entry(tenant, what);
	found = is_of(k, tenant, what) && now_ms < k->end_ms;
	if (found)
		*n = k->n;
	(void)pthread_mutex_unlock(&cache.lock);
	return found;
}

void
count_cache_put(const char *tenant, const char *what, int64_t now_ms, int64_t n)
{
	int64_t for_ms = n / COUNT_CACHE_EACH_S * 1000;
	struct cached_count *k;

	if (n < COUNT_CACHE_LEAST || strlen(tenant) > RECORD_MAX_TENANT)
		return;
	(void)pthread_mutex_lock(&cache.lock);
	k = find_entry(tenant, what);
	(void)snprintf(k->tenant, sizeof k->tenant, "%s", tenant);
	k->what = what;
	k->n = n;
	k->end_ms =
	    now_ms +
	    (for_ms < COUNT_CACHE_MOST_MS ? for_ms : COUNT_CACHE_MOST_MS);
	(void)pthread_mutex_unlock(&cache.lock);
}

/* With the lock. */
static bool
is_being_counted(const struct counting *c)
{
	const struct counting *other = cache.counting;

	while (other != NULL && (strcmp(other->what, c->what) != 0 ||
				    strcmp(other->tenant, c->tenant) != 0))
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

/* Somebody else counts it anew, and the time of what is kept ended just now. */
static bool
find_late(const struct counting *c, int64_t *n)
{
	bool counted;

	(void)pthread_mutex_lock(&cache.lock);
	counted = is_being_counted(c);
	(void)pthread_mutex_unlock(&cache.lock);
	return counted && count_cache_find(c->tenant, c->what,
			      clock_mono_ms() - COUNT_CACHE_LATE_MS, n);
}

/* Who has waited in vain, since the count failed or is too small to be kept,
 * counts beside others: it is not waited for once more. */
bool
count_cache_get(const char *tenant, const char *what, count_cache_fn *count,
    void *ctx, int64_t *n)
{
	struct counting c = { .tenant = tenant, .what = what };
	bool first, good = true;

	if (find_late(&c, n))
		return true;
	first = begin_counting(&c);
	if (!count_cache_find(tenant, what, clock_mono_ms(), n)) {
		good = count(ctx, n);
		if (good)
			count_cache_put(tenant, what, clock_mono_ms(), *n);
	}
	if (first)
		end_counting(&c);
	return good;
}
