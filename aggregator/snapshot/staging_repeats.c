/*
 * staging_repeats: see staging_repeats.h.
 */
#include "aggregator/snapshot/staging_repeats.h"

#include <stdlib.h>

#include "common/base/xalloc.h"
#include "common/digest/keyed_hash.h"
#include "common/digest/random.h"

/* Of equal lines. */
struct line_count {
	uint64_t session; /* in which one came last, or was looked for */
	size_t came;
	size_t before; /* came before that session, and not again yet */
};

void
staging_repeats_release(struct staging_repeats *l)
{
	strmap_release(&l->by_hash, free);
}

uint64_t
staging_line_hash(const char *line, size_t len)
{
	static uint64_t key[2];

	if (key[0] == 0)
		random_fill(key, sizeof key);
	return keyed_hash(key, line, len).a;
}

/* In a new session each line that came may come again. */
static void
enter_session(struct line_count *k, uint64_t session)
{
	if (k->session != session)
		k->before = k->came;
	k->session = session;
}

void
staging_repeats_add(struct staging_repeats *l, uint64_t session, uint64_t hash)
{
	void **slot = strmap_put(&l->by_hash, (const char *)&hash, sizeof hash);
	struct line_count *k;

	if (*slot == NULL)
		*slot = xcalloc(1, sizeof *k);
	k = *slot;
	enter_session(k, session);
	k->came++;
}

bool
staging_repeats_again(
    struct staging_repeats *l, uint64_t session, uint64_t hash)
{
	struct line_count *k =
	    strmap_get(&l->by_hash, (const char *)&hash, sizeof hash);

	if (k == NULL)
		return false;
	enter_session(k, session);
	if (k->before == 0)
		return false;
	k->before--;
	return true;
}
