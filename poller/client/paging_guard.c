/*
 * paging_guard: see paging_guard.h.
 */
#include "poller/client/paging_guard.h"

#include <string.h>

#include "common/base/buf.h"
#include "common/digest/keyed_hash.h"
#include "common/digest/random.h"

static void *const MARK = (void *)(uintptr_t)1;

/* Adds the key; true if it was there already. */
static bool
was_visited(struct paging_guard *p, const struct buf *key)
{
	void **v = strmap_put(&p->visited, buf_str(key), key->len);
	bool before = *v != NULL;

	*v = MARK;
	return before;
}

/* A hash of the page: each record is hashed with the last hash as the key. */
static void
page_key(const struct paging_guard *p, const struct profile_answer *a,
    struct buf *to)
{
	uint64_t h[2] = { p->key[0], p->key[1] };
	struct keyed_hash next;
	const char *s;
	size_t i;

	for (i = 0; i < a->n; i++) {
		s = a->records[i].body;
		next = keyed_hash(h, s, strlen(s));
		h[0] = next.a;
		h[1] = next.b;
	}
	buf_addf(to, "page %llu %llu", (unsigned long long)h[0],
	    (unsigned long long)h[1]);
}

int
paging_guard_check(struct paging_guard *p, const struct profile_answer *a,
    unsigned max, struct buf *why)
{
	struct buf key = BUF_INIT;
	bool moved = p->moved;
	int rc = -1;

	if (p->pages == 0)
		random_fill(p->key, sizeof p->key);
	p->pages++;
	p->moved = a->moved;
	/* Most questions have one page: save the hashing. */
	if (p->pages == 1 && a->next == NULL)
		return 0;
	page_key(p, a, &key);
	if (a->n > 0 && was_visited(p, &key) && !moved) {
		buf_setf(why, "page %u repeats an earlier one", p->pages);
		goto out;
	}
	buf_clear(&key);
	buf_adds(&key, "cursor ");
	value_dump(a->next, &key);
	if (a->next != NULL && was_visited(p, &key))
		buf_setf(why, "page %u leads back to an earlier one", p->pages);
	else if (a->next != NULL && p->pages >= max)
		buf_setf(why, "there are more than %u pages", max);
	else
		rc = 0;
out:
	buf_release(&key);
	return rc;
}

void
paging_guard_release(struct paging_guard *p)
{
	strmap_release(&p->visited, NULL);
}
