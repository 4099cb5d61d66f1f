/*
 * idempotency: see idempotency.h. The keys in memory, and the lock around all.
 */
#include "poller/idempotency/idempotency.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/containers/strmap.h"
#include "poller/idempotency/idempotency_impl.h"

/* A list in the order they came. */
struct known_request {
	struct known_request *next;
	struct idempotent what;
	uint64_t number; /* of its line in the store */
	bool outdated;   /* the same key came again later */
	size_t len;
	char key[];
};

struct idempotency {
	pthread_mutex_t lock;
	struct idempotency_disk *store; /* NULL: in memory alone */
	struct strmap map;              /* to struct known_request */
	struct known_request *oldest, **end;
	size_t max;
	int64_t day; /* of the store's file that is added to; 0: unknown */
};

static enum idempotency_verdict
compare_request(const struct idempotent *known, struct idempotent *r)
{
	if (r->at - known->at >= IDEMPOTENCY_WINDOW_MS)
		return IDEMPOTENCY_NEW;
	if (known->sum != r->sum)
		return IDEMPOTENCY_OTHER;
	*r = *known;
	return IDEMPOTENCY_AGAIN;
}

static void
drop_oldest(struct idempotency *m)
{
	struct known_request *k = m->oldest;

	m->oldest = k->next;
	if (m->oldest == NULL)
		m->end = &m->oldest;
	if (!k->outdated)
		(void)strmap_delete(&m->map, k->key, k->len);
	if (m->store != NULL)
		idempotency_disk_remove_up_to(m->store, k->number);
	free(k);
}

static void
drop_outdated(struct idempotency *m, int64_t now_ms)
{
	while (m->oldest != NULL &&
	       now_ms - m->oldest->what.at >= IDEMPOTENCY_WINDOW_MS)
		drop_oldest(m);
}

static void
remember_request(void *ctx, const char *key, size_t len,
    const struct idempotent *r, uint64_t number)
{
	struct idempotency *m = ctx;
	struct known_request *k = xmalloc(sizeof *k + len), *old;
	void **slot = strmap_put(&m->map, key, len);

	old = *slot;
	if (old != NULL)
		old->outdated = true;
	*k = (struct known_request){ .what = *r, .number = number, .len = len };
	memcpy(k->key, key, len);
	*slot = k;
	*m->end = k;
	m->end = &k->next;
}

struct idempotency *
idempotency_open(
    const char *dir, size_t max, enum exit_code *code, struct buf *why)
{
	struct idempotency *m = xcalloc(1, sizeof *m);

	(void)pthread_mutex_init(&m->lock, NULL);
	m->end = &m->oldest;
	m->max = max;
	if (dir == NULL) {
		if (max > IDEMPOTENCY_IN_MEMORY)
			m->max = IDEMPOTENCY_IN_MEMORY;
		return m;
	}
	m->store = idempotency_disk_open(dir, code, why);
	if (m->store != NULL) {
		*code = PROG_IO;
		if (idempotency_disk_each(m->store, remember_request, m, why) ==
		    0)
			return m;
	}
	idempotency_close(m);
	return NULL;
}

void
idempotency_close(struct idempotency *m)
{
	struct known_request *k, *next;

	if (m == NULL)
		return;
	for (k = m->oldest; k != NULL; k = next) {
		next = k->next;
		free(k);
	}
	strmap_release(&m->map, NULL);
	idempotency_disk_close(m->store);
	(void)pthread_mutex_destroy(&m->lock);
	free(m);
}

bool
idempotency_is_damaged(const struct idempotency *m)
{
	return m->store != NULL && idempotency_disk_is_damaged(m->store);
}

static enum idempotency_verdict
check_request(
    struct idempotency *m, const char *key, size_t len, struct idempotent *r)
{
	enum idempotency_verdict v = IDEMPOTENCY_NEW;
	const struct known_request *k = strmap_get(&m->map, key, len);
	uint64_t number = 0;

	if (k != NULL)
		v = compare_request(&k->what, r);
	if (v != IDEMPOTENCY_NEW)
		return v;
	if (m->store != NULL) {
		number = idempotency_disk_add(m->store, key, len, r);
		if (number == 0)
			return IDEMPOTENCY_FAILED;
	}
	remember_request(m, key, len, r, number);
	while (m->map.live > m->max)
		drop_oldest(m);
	drop_outdated(m, r->at);
	return v;
}

void
idempotency_expire(struct idempotency *m, int64_t now_ms)
{
	int64_t day = now_ms / IDEMPOTENCY_WINDOW_MS;

	(void)pthread_mutex_lock(&m->lock);
	drop_outdated(m, now_ms);
	if (m->store != NULL && day != m->day) {
		m->day = day;
		if (m->oldest == NULL)
			idempotency_disk_clear(m->store);
		else
			idempotency_disk_end_file(m->store);
	}
	(void)pthread_mutex_unlock(&m->lock);
}

enum idempotency_verdict
idempotency_first(struct idempotency *m, const char *tenant, const char *kind,
    const char *key, struct idempotent *r)
{
	struct buf id = BUF_INIT;
	enum idempotency_verdict v;

	buf_add(&id, tenant, strlen(tenant) + 1);
	buf_add(&id, kind, strlen(kind) + 1);
	buf_adds(&id, key);
	(void)pthread_mutex_lock(&m->lock);
	v = check_request(m, id.data, id.len, r);
	(void)pthread_mutex_unlock(&m->lock);
	buf_release(&id);
	return v;
}
