/*
 * kept_count: see kept_count.h.
 */
#include "sink/resources/kept_count.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "common/records/record.h"

/* Of some large tenants; another one takes the place of that which ends
 * first. */
#define PLACES 64

static struct {
	pthread_mutex_t lock;
	struct kept {
		char tenant[RECORD_MAX_TENANT + 1];
		const char *what;
		int64_t n, end_ms;
	} list[PLACES];
} kept = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool
is_of(const struct kept *k, const char *tenant, const char *what)
{
	return k->what != NULL && strcmp(k->what, what) == 0 &&
	       strcmp(k->tenant, tenant) == 0;
}

/* Its place, or that which ended or ends first; with the lock. */
static struct kept *
find_place(const char *tenant, const char *what)
{
	struct kept *k, *first = kept.list;

	for (k = kept.list; k < kept.list + PLACES; k++) {
		if (is_of(k, tenant, what))
			return k;
		if (k->end_ms < first->end_ms)
			first = k;
	}
	return first;
}

bool
kept_count_find(
    const char *tenant, const char *what, int64_t now_ms, int64_t *n)
{
	const struct kept *k;
	bool found;

	(void)pthread_mutex_lock(&kept.lock);
	k = find_place(tenant, what);
	found = is_of(k, tenant, what) && now_ms < k->end_ms;
	if (found)
		*n = k->n;
	(void)pthread_mutex_unlock(&kept.lock);
	return found;
}

void
kept_count_keep(const char *tenant, const char *what, int64_t now_ms, int64_t n)
{
	int64_t for_ms = n / KEPT_COUNT_EACH_S * 1000;
	struct kept *k;

	if (n < KEPT_COUNT_LEAST || strlen(tenant) > RECORD_MAX_TENANT)
		return;
	(void)pthread_mutex_lock(&kept.lock);
	k = find_place(tenant, what);
	(void)snprintf(k->tenant, sizeof k->tenant, "%s", tenant);
	k->what = what;
	k->n = n;
	k->end_ms = now_ms +
		    (for_ms < KEPT_COUNT_MOST_MS ? for_ms : KEPT_COUNT_MOST_MS);
	(void)pthread_mutex_unlock(&kept.lock);
}
