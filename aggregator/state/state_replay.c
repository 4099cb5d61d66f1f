/*
 * state_replay: makes the changes of a log entry again; state_ops.c has the
 * format of an entry.
 */
#include "aggregator/state/state_impl.h"

#include <string.h>

#include "common/base/fault.h"
#include "common/containers/pack.h"

/* An entry being read, and the tables that it named so far. */
struct ops_replay {
	struct state *state;
	struct pack in;
	struct state_table *tables[STATE_TABLES];
	size_t tables_n;
};

static bool
replay_table(struct ops_replay *r)
{
	uint64_t keys = pack_number(&r->in);
	struct text t = pack_text(&r->in);
	char name[64];

	if (r->in.bad || keys > STATE_NUMBERS || t.len >= sizeof name ||
	    r->tables_n == STATE_TABLES)
		return false;
	memcpy(name, t.p, t.len);
	name[t.len] = '\0';
	r->tables[r->tables_n] =
	    state_table(r->state, name, (enum state_keys)keys);
	return r->tables[r->tables_n++] != NULL;
}

static bool
is_key_len(const struct state_table *t, size_t len)
{
	return t->keys != STATE_NUMBERS || len == sizeof(uint64_t);
}

static bool
replay_update(struct ops_replay *r, struct state_table *t, struct text key)
{
	uint64_t before = pack_number(&r->in), behind = pack_number(&r->in);
	struct text middle = pack_text(&r->in);
	struct buf b = BUF_INIT;
	const void *old;
	size_t old_len;

	if (middle.p == NULL || !state_get(t, key.p, key.len, &old, &old_len) ||
	    before > old_len || behind > old_len - before)
		return false;
	buf_add(&b, old, before);
	buf_add(&b, middle.p, middle.len);
	buf_add(&b, (const char *)old + old_len - behind, behind);
	state_put(t, key.p, key.len, b.data, b.len);
	buf_release(&b);
	return true;
}

static bool
replay_put(
    struct ops_replay *r, struct state_table *t, struct text key, bool append)
{
	struct text data = pack_text(&r->in);

	if (data.p == NULL)
		return false;
	if (append)
		state_append(t, key.p, key.len, data.p, data.len);
	else
		state_put(t, key.p, key.len, data.p, data.len);
	return true;
}

static bool
replay_prefix(struct ops_replay *r, struct state_table *t, struct text prefix)
{
	uint64_t n = pack_number(&r->in);

	return !r->in.bad &&
	       state_delete_prefix(t, prefix.p, prefix.len, n) == n;
}

static bool
replay_change(struct ops_replay *r, uint64_t what)
{
	uint64_t i = pack_number(&r->in);
	struct state_table *t;
	struct text key;

	if (r->in.bad || i >= r->tables_n)
		return false;
	t = r->tables[i];
	if (what == 'E') {
		state_empty(t);
		return true;
	}
	key = pack_text(&r->in);
	if (key.p == NULL || !is_key_len(t, key.len))
		return false;
	switch (what) {
	case 'P':
	case 'A':
		return replay_put(r, t, key, what == 'A');
	case 'U':
		return replay_update(r, t, key);
	case 'D':
		state_delete(t, key.p, key.len);
		return true;
	case 'F':
		return replay_prefix(r, t, key);
	default:
		return false;
	}
}

bool
state_replay(void *state, const char *data, size_t len)
{
	struct ops_replay r = { .state = state,
		.in = pack_open_bare(data, len) };
	bool good = true;
	uint64_t what;

	r.state->replaying = true;
	while (good && pack_more(&r.in)) {
		what = pack_number(&r.in);
		good = what == 'T' ? replay_table(&r) : replay_change(&r, what);
	}
	r.state->replaying = false;
	FAULT_POINT("aggregator.replaying");
	return good && pack_end(&r.in) == 0 && r.state->rc == 0;
}
