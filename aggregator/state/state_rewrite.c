/*
 * state_rewrite: see state.h. The new file has the seed of the old one, from
 * which hashes in it are made.
 */
#include "aggregator/state/state_impl.h"

#include <stdlib.h>

#include "common/base/xalloc.h"

struct rewrite {
	struct state *new;
	state_copy_fn *copy;
	void *ctx;

	/* The current table. */
	const char *name;
	struct state_table *to;
};

static bool
copy_entry(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct rewrite *r = ctx;

	if (r->to != r->new->meta)
		r->copy(r->ctx, r->to, r->name, key, key_len, data, len);
	else if (key_len != strlen(STATE_DIGEST) ||
		 memcmp(key, STATE_DIGEST, key_len) != 0)
		state_put(r->to, key, key_len, data, len);
	return !state_failed(r->new);
}

static void
copy_tables(struct rewrite *r, struct state *old)
{
	char *names[STATE_TABLES];
	size_t i, n = state_list_tables(old, names);

	for (i = 0; i < n; i++) {
		enum state_keys keys = state_keys_of(old, names[i]);
		struct state_table *from = state_table(old, names[i], keys);

		r->name = names[i];
		r->to = state_table(r->new, names[i], keys);
		if (from != NULL && r->to != NULL)
			state_each(from, NULL, 0, copy_entry, r);
		free(names[i]);
	}
}

enum exit_code
state_rewrite(const char *dir, const struct state_identity *id, size_t limit,
    state_copy_fn *copy, void *ctx, struct buf *why)
{
	struct rewrite r = { .copy = copy, .ctx = ctx };
	enum exit_code code = PROG_OK;
	struct state *old;

	if (!state_is_there(dir))
		return PROG_OK;
	old = state_open(dir, id, limit, &code, why);
	if (old == NULL)
		return code;
	r.new = state_make_file(dir, limit);
	copy_tables(&r, old);
	if (state_failed(old)) {
		code = state_explain(old, why);
		state_close(r.new);
	} else {
		/* The old one is open, so that the folder stays locked. */
		code = state_install_file(r.new, why);
	}
	state_close(old);
	return code;
}
