/*
 * forget: see forget.h. A customer's entry begins with the time of asking, as
 * chats.c writes it; one that is too short to have it goes too.
 */
#include "poller/forget.h"

#include <string.h>

#define KEEP_MS (INT64_C(48) * 3600 * 1000)

struct forgetting {
	struct store *store;
	int64_t oldest_ms;
};

static void
forget_old(void *ctx, const char *key, const void *data, size_t len)
{
	struct forgetting *f = ctx;
	int64_t asked_ms = INT64_MIN;

	if (len > sizeof asked_ms)
		memcpy(&asked_ms, data, sizeof asked_ms);
	if (asked_ms < f->oldest_ms)
		store_delete(f->store, STORE_CUSTOMERS, key);
}

void
forget_customers(struct store *s, int64_t now_ms)
{
	struct forgetting f = { s, now_ms - KEEP_MS };

	store_each(s, STORE_CUSTOMERS, forget_old, &f);
}
