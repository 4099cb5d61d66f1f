/*
 * The log of a state's changes: random changes of some tenants are taken as
 * deltas, of which those before the last end of a walk are deleted. Another
 * state that applies the rest has the same entries, byte by byte. Damaged,
 * truncated, lost and exchanged parts are refused.
 */
#include "tests/unit/dice.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

#include "aggregator/containers/key.h"
#include "aggregator/state/shared.h"

enum { TENANTS = 3, DELTAS = 400, LIMIT = 64 << 20 };

struct delta_log {
	struct {
		int64_t version;
		struct buf *parts;
		size_t n, cap;
	} deltas[DELTAS];
	size_t n;
	size_t bytes;
	int64_t from;
};

static struct state *
open_state(void)
{
	const struct state_identity id = { "chats", 1000 };
	enum exit_code code = PROG_OK;
	struct buf why = BUF_INIT;
	struct state *s = state_open(NULL, &id, LIMIT, &code, &why);

	assert_non_null(s);
	return s;
}

static void
keep_part(void *ctx, const struct buf *part)
{
	struct delta_log *l = ctx;
	struct buf copy = BUF_INIT;

	buf_add(&copy, part->data, part->len);
	XGROW(l->deltas[l->n].parts, l->deltas[l->n].n, l->deltas[l->n].cap);
	l->deltas[l->n].parts[l->deltas[l->n].n++] = copy;
	l->bytes += part->len;
}

static void
drop_delta(struct delta_log *l, size_t i)
{
	for (; l->deltas[i].n > 0; l->deltas[i].n--) {
		l->bytes -= l->deltas[i].parts[l->deltas[i].n - 1].len;
		buf_release(&l->deltas[i].parts[l->deltas[i].n - 1]);
	}
	free(l->deltas[i].parts);
	l->deltas[i].parts = NULL;
	l->deltas[i].cap = 0;
}

/* Takes a delta, and deletes those that the log no longer needs. */
static void
take(struct shared *h, unsigned tenant, struct delta_log *l, bool whole)
{
	int64_t version = (int64_t)l->n + 1, from;
	size_t i;

	from = whole ? version : shared_add_slice(h, tenant, version);
	shared_take(h, tenant, whole, keep_part, l);
	assert_int_equal(shared_changed(h, tenant), 0);
	l->deltas[l->n++].version = version;
	if (from > 0)
		l->from = from;
	for (i = 0; i < l->n; i++)
		if (l->deltas[i].version < l->from)
			drop_delta(l, i);
}

static void
random_change(uint64_t *d, struct state *s, unsigned tenant)
{
	struct lmdb_table *t = state_table(
	    s, delta_table_name(1 + (unsigned)dice_below(d, delta_tables_n)));
	size_t len = dice_below(d, 20) == 0 ? 3000 : dice_below(d, 60);
	char data[3000];
	struct key k = { .len = 0 };

	memset(data, (int)dice_below(d, 256), sizeof data);
	key_short(&k, tenant, STATE_TENANT_BYTES);
	key_short(&k, dice_below(d, 40), 1);
	if (dice_below(d, 20) == 0) {
		(void)lmdb_delete_prefix(t, k.bytes, k.len, 3);
		return;
	}
	key_short(&k, dice_below(d, 10), 2);
	if (dice_below(d, 3) == 0)
		lmdb_delete(t, k.bytes, k.len);
	else
		lmdb_put(t, k.bytes, k.len, data, len);
}

/* The entries of a tenant as one text, without its number. */
static bool
list_entry(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct delta_change c = { 1, (const char *)key + STATE_TENANT_BYTES,
		data, key_len - STATE_TENANT_BYTES, len };

	delta_add(ctx, &c);
	return true;
}

static struct buf
entries_of(struct state *s, unsigned tenant)
{
	struct buf b = BUF_INIT;
	struct key k = { .len = 0 };
	unsigned i;

	key_short(&k, tenant, STATE_TENANT_BYTES);
	for (i = 1; i <= delta_tables_n; i++) {
		buf_addf(&b, "%s:", delta_table_name(i));
		lmdb_each(state_table(s, delta_table_name(i)), k.bytes, k.len,
		    list_entry, &b);
	}
	return b;
}

static bool
apply_log(struct shared *h, unsigned tenant, const struct delta_log *l)
{
	struct delta_reader r = { 0 };
	size_t i, j;

	for (i = 0; i < l->n; i++) {
		for (j = 0; j < l->deltas[i].n; j++)
			if (!shared_apply(h, tenant, &r,
				l->deltas[i].parts[j].data,
				l->deltas[i].parts[j].len))
				return false;
		if (!delta_read_end(&r))
			return false;
	}
	return true;
}

static void
assert_same(struct state *a, unsigned x, struct state *b, unsigned y)
{
	struct buf one = entries_of(a, x), other = entries_of(b, y);

	assert_int_equal(one.len, other.len);
	assert_memory_equal(one.data, other.data, one.len);
	buf_release(&one);
	buf_release(&other);
}

static void
drop_log(struct delta_log *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		drop_delta(l, i);
	*l = (struct delta_log){ .n = 0 };
}

static void
log_replayed_into_empty_state_gives_same_entries(void **state)
{
	static struct delta_log logs[TENANTS];
	struct state *a = open_state(), *b = open_state();
	struct shared *h = shared_open(a), *other = shared_open(b);
	uint64_t d = DICE_START;
	size_t i, n, ended = 0;
	struct buf all;
	unsigned tenant;

	(void)state;
	shared_record(h);
	for (i = 0; i < DELTAS; i++) {
		tenant = (unsigned)(i % TENANTS);
		for (n = 1 + dice_below(&d, 30); n > 0; n--)
			random_change(&d, a, tenant);
		take(h, tenant, &logs[tenant], dice_below(&d, 150) == 0);
		all = entries_of(a, tenant);
		ended += logs[tenant].from > 0;
		/* The parts of small deltas add their heads. */
		if (logs[tenant].from > 0)
			assert_true(logs[tenant].bytes < 4 * all.len + 20000);
		buf_release(&all);
	}
	assert_true(ended > DELTAS / 2);
	for (tenant = 0; tenant < TENANTS; tenant++) {
		/* There, the tenant has another number. */
		assert_true(apply_log(other, tenant + 5, &logs[tenant]));
		assert_same(a, tenant, b, tenant + 5);
		drop_log(&logs[tenant]);
	}
	shared_delete(other, 5);
	all = entries_of(b, 5);
	n = all.len;
	buf_release(&all);
	all = entries_of(b, 99);
	assert_int_equal(n, all.len);
	assert_same(a, 1, b, 6);
	buf_release(&all);
	shared_close(h);
	shared_close(other);
	state_close(a);
	state_close(b);
}

/* Each delta has a new entry at the end of the last table, as large as all
 * changes together. */
static void
walk_overtakes_entries_that_append(void **state)
{
	static struct delta_log log;
	struct state *a = open_state();
	struct shared *h = shared_open(a);
	struct lmdb_table *t = state_table(a, delta_table_name(delta_tables_n));
	char data[1000];
	struct buf all;
	struct key k;
	size_t i;

	(void)state;
	shared_record(h);
	memset(data, 'x', sizeof data);
	for (i = 0; i < DELTAS; i++) {
		k = (struct key){ .len = 0 };
		key_short(&k, 0, STATE_TENANT_BYTES);
		key_short(&k, i, 4);
		lmdb_put(t, k.bytes, k.len, data, sizeof data);
		take(h, 0, &log, i == 19);
	}
	/* Begun after the twentieth delta, it ended long ago. */
	assert_true(log.from > 21);
	all = entries_of(a, 0);
	assert_true(log.bytes < 4 * all.len);
	buf_release(&all);
	drop_log(&log);
	shared_close(h);
	state_close(a);
}

static void
large_values_are_divided(void **state)
{
	static struct delta_log log;
	size_t len = 3 * DELTA_PART + 17;
	char *data = xcalloc(1, len);
	struct state *a = open_state(), *b = open_state();
	struct shared *h = shared_open(a), *other = shared_open(b);

	(void)state;
	shared_record(h);
	memset(data, 'x', len);
	lmdb_put(state_table(a, "staged"), "\0\0\0\0k", 5, data, len);
	take(h, 0, &log, false);
	assert_true(log.deltas[0].n >= 4);
	assert_true(apply_log(other, 0, &log));
	assert_same(a, 0, b, 0);
	drop_log(&log);
	free(data);
	shared_close(h);
	shared_close(other);
	state_close(a);
	state_close(b);
}

static bool
accept_change(void *ctx, const struct delta_change *c)
{
	(void)ctx;
	(void)c;
	return true;
}

static bool
is_read(const struct buf *parts, size_t n)
{
	struct delta_reader r = { 0 };
	bool good = true;
	size_t i;

	for (i = 0; i < n && good; i++)
		good = delta_read_part(
		    &r, parts[i].data, parts[i].len, accept_change, NULL);
	return delta_read_end(&r) && good;
}

static void
damaged_deltas_are_refused(void **state)
{
	static struct delta_log log;
	struct state *a = open_state();
	struct shared *h = shared_open(a);
	char *data = xcalloc(1, 2 * DELTA_PART);
	struct buf *parts, cut;
	size_t i;

	(void)state;
	shared_record(h);
	lmdb_put(
	    state_table(a, "staged"), "\0\0\0\0k", 5, data, 2 * DELTA_PART);
	take(h, 0, &log, true);
	parts = log.deltas[0].parts;
	assert_true(log.deltas[0].n >= 3);
	assert_true(is_read(parts, log.deltas[0].n));
	assert_false(is_read(parts, log.deltas[0].n - 1));
	assert_false(is_read(parts + 1, log.deltas[0].n - 1));
	for (i = 0; i < 40; i++) {
		parts[1].data[i] ^= 4;
		assert_false(is_read(parts, log.deltas[0].n));
		parts[1].data[i] ^= 4;
	}
	cut = parts[1];
	for (i = 0; i < 20; i++) {
		parts[1].len = i;
		assert_false(is_read(parts, log.deltas[0].n));
	}
	parts[1] = cut;
	assert_true(is_read(parts, log.deltas[0].n));
	drop_log(&log);
	free(data);
	shared_close(h);
	state_close(a);
}

int
test_shared(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    log_replayed_into_empty_state_gives_same_entries),
		cmocka_unit_test(walk_overtakes_entries_that_append),
		cmocka_unit_test(large_values_are_divided),
		cmocka_unit_test(damaged_deltas_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
