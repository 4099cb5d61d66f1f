/*
 * state_rewrite: see state.h. The new file keeps the old seed, because hashes
 * in it depend on the seed.
 */
#include "aggregator/state/state_impl.h"

#include <stdlib.h>
#include <string.h>

/* Copies an entry to the table of the new state, the context. */
static bool
copy_entry(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct state_table *to = ctx;

	/* The new state makes its own digest. */
	if (to != to->state->meta || key_len != strlen(LMDB_DIGEST) ||
	    memcmp(key, LMDB_DIGEST, key_len) != 0)
		state_put(to, key, key_len, data, len);
	return !state_failed(to->state);
}

static void
copy_tables(struct state *new, struct state *old)
{
	char *names[STATE_TABLES];
	size_t i, n = state_list_tables(old, names);

	for (i = 0; i < n; i++) {
		enum state_keys keys = state_keys_of(old, names[i]);
		struct state_table *from = state_table(old, names[i], keys);
		struct state_table *to = state_table(new, names[i], keys);

		if (from != NULL && to != NULL)
			state_each(from, NULL, 0, copy_entry, to);
		free(names[i]);
	}
}

enum exit_code
state_rewrite(struct state *old, struct buf *why)
{
	struct state *new = state_make_file(old->dir, old->limit);
	enum exit_code code;

	copy_tables(new, old);
	if (!state_failed(old))
		/* The old state is still open, so the folder stays locked. */
		return state_install_file(new, why);
	code = state_explain(old, why);
	state_close(new);
	return code;
}
