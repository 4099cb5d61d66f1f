/*
 * shared: see shared.h. A change is recorded when it is made (lmdb_watch()), in
 * memory: it is lost together with the transaction that contains it.
 */
#include "aggregator/state/shared.h"

#include <stdlib.h>

#include "common/base/xalloc.h"
#include "common/containers/pack.h"

#include "aggregator/containers/key.h"

#define SLICE_LEAST 256

struct shared_table {
	struct shared *shared;
	unsigned number;
	struct lmdb_table *table;
};

struct shared {
	struct state *state;
	struct shared_table *tables; /* delta_tables_n of them */
	struct lmdb_table
	    *walks; /* tenant -> version with which the walk began,
		     * the last table and key that it passed */
	bool records;
	struct buf *changes; /* by the tenant's number */
	size_t tenants, tenants_cap;
};

static struct key
tenant_key(uint32_t tenant)
{
	struct key k = { .len = 0 };

	key_short(&k, tenant, STATE_TENANT_BYTES);
	return k;
}

static struct buf *
changes_of(struct shared *h, uint32_t tenant)
{
	static const struct buf empty = BUF_INIT;

	while (h->tenants <= tenant) {
		XGROW(h->changes, h->tenants, h->tenants_cap);
		h->changes[h->tenants++] = empty;
	}
	return &h->changes[tenant];
}

/* A lmdb_change_fn. */
static void
record_change(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	const struct shared_table *t = ctx;
	struct text k = { key, key_len };
	struct delta_change c = { t->number, NULL, data, 0, len };
	size_t at = 0;
	uint32_t tenant;

	if (!t->shared->records)
		return;
	tenant = (uint32_t)key_read_short(k, &at, STATE_TENANT_BYTES);
	c.key = k.p + at;
	c.key_len = k.len - at;
	delta_add(changes_of(t->shared, tenant), &c);
}

struct shared *
shared_open(struct state *s)
{
	struct shared *h = xcalloc(1, sizeof *h);
	struct shared_table *t;
	unsigned i;

	h->state = s;
	h->tables = xcalloc(delta_tables_n, sizeof *h->tables);
	for (i = 0; i < delta_tables_n; i++) {
		t = &h->tables[i];
		t->shared = h;
		t->number = i + 1;
		t->table = state_table(s, delta_table_name(i + 1));
		if (t->table != NULL)
			lmdb_watch(t->table, record_change, t);
	}
	h->walks = state_table(s, "walks");
	return h;
}

void
shared_close(struct shared *h)
{
	size_t i;

	if (h == NULL)
		return;
	for (i = 0; i < delta_tables_n; i++)
		if (h->tables[i].table != NULL)
			lmdb_watch(h->tables[i].table, NULL, NULL);
	for (i = 0; i < h->tenants; i++)
		buf_release(&h->changes[i]);
	free(h->changes);
	free(h->tables);
	free(h);
}

void
shared_record(struct shared *h)
{
	h->records = true;
}

size_t
shared_changed(const struct shared *h, uint32_t tenant)
{
	return tenant < h->tenants ? h->changes[tenant].len : 0;
}

/* ---- walks ---- */

struct walk {
	int64_t begun;  /* 0: it has not begun */
	unsigned table; /* that it reads */
	struct buf at;  /* the last key that it passed; empty: none */
	/* While it reads. */
	struct buf *to;
	size_t until; /* bytes in `to` at which it stops */
};

static void
load_walk(struct shared *h, uint32_t tenant, struct walk *w)
{
	struct key k = tenant_key(tenant);
	const void *data = NULL;
	struct pack r;
	size_t len = 0;
	struct text at;

	*w = (struct walk){ .table = 1 };
	if (!lmdb_get(h->walks, k.bytes, k.len, &data, &len))
		return;
	r = pack_open_bare(data, len);
	w->begun = (int64_t)pack_fixed(&r);
	w->table = (unsigned)pack_number(&r);
	at = pack_text(&r);
	if (pack_end(&r) == -1 || w->table == 0 || w->table > delta_tables_n) {
		state_set_damaged(h->state);
		*w = (struct walk){ .table = 1 };
	} else if (at.len > 0) {
		buf_add(&w->at, at.p, at.len);
	}
}

static void
save_walk(struct shared *h, uint32_t tenant, const struct walk *w)
{
	struct key k = tenant_key(tenant);
	struct buf b = BUF_INIT;

	pack_put_fixed(&b, (uint64_t)w->begun);
	pack_put_number(&b, w->table);
	pack_put_text(&b, (struct text){ w->at.data, w->at.len });
	lmdb_put(h->walks, k.bytes, k.len, b.data, b.len);
	buf_release(&b);
}

void
shared_restart_walk(struct shared *h, uint32_t tenant)
{
	struct key k = tenant_key(tenant);

	lmdb_delete(h->walks, k.bytes, k.len);
}

/* A lmdb_entry_fn. */
static bool
walk_entry(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct walk *w = ctx;
	struct delta_change c = { w->table,
		(const char *)key + STATE_TENANT_BYTES, data,
		key_len - STATE_TENANT_BYTES, len };

	delta_add(w->to, &c);
	buf_clear(&w->at);
	buf_add(&w->at, key, key_len);
	return w->to->len < w->until;
}

/* Reads on until it has enough bytes, or has passed all entries: then returns
 * true. */
static bool
walk_on(struct shared *h, uint32_t tenant, struct walk *w)
{
	struct key k = tenant_key(tenant);
	struct buf at = BUF_INIT;

	for (; w->table <= delta_tables_n; w->table++, buf_clear(&w->at)) {
		buf_clear(&at);
		buf_add(&at, k.bytes, k.len);
		if (w->at.len > 0) {
			buf_clear(&at);
			buf_add(&at, w->at.data, w->at.len);
		}
		lmdb_each_after(h->tables[w->table - 1].table, k.bytes, k.len,
		    at.data, at.len, walk_entry, w);
		if (w->to->len >= w->until)
			break;
	}
	buf_release(&at);
	return w->table > delta_tables_n;
}

/* More than the changes: otherwise a walk that is in a table to whose end they
 * append would not end. */
static size_t
slice_bytes(size_t changes)
{
	size_t slice = changes + changes / 4;

	return slice < SLICE_LEAST ? SLICE_LEAST : slice;
}

int64_t
shared_add_slice(struct shared *h, uint32_t tenant, int64_t version)
{
	struct walk w;
	bool ended;

	load_walk(h, tenant, &w);
	w.to = changes_of(h, tenant);
	w.until = w.to->len + slice_bytes(w.to->len);
	if (w.begun == 0)
		w.begun = version;
	ended = walk_on(h, tenant, &w);
	if (ended)
		shared_restart_walk(h, tenant);
	else
		save_walk(h, tenant, &w);
	buf_release(&w.at);
	return ended ? w.begun : 0;
}

/* ---- deltas ---- */

struct taking {
	struct delta_writer writer;
	struct buf part;
	shared_part_fn *each;
	void *ctx;
};

/* Hands out the first bytes of the delta as a part. */
static size_t
take_part(struct taking *k, const char *delta, size_t len)
{
	size_t n;

	buf_clear(&k->part);
	n = delta_write_part(&k->writer, delta, len, &k->part);
	k->each(k->ctx, &k->part);
	return n;
}

static void
take_parts(struct taking *k, struct buf *delta)
{
	size_t at = 0;

	while (at < delta->len)
		at += take_part(k, delta->data + at, delta->len - at);
	buf_release(delta);
}

/* Hands out all entries of a tenant without having them all in memory. */
static void
take_whole(struct shared *h, uint32_t tenant, struct taking *k)
{
	struct walk w = { .table = 1, .until = DELTA_PART / 2 };
	struct buf delta = BUF_INIT;
	bool ended;

	w.to = &delta;
	do {
		ended = walk_on(h, tenant, &w);
		take_parts(k, &delta);
	} while (!ended);
	buf_release(&w.at);
}

void
shared_take(struct shared *h, uint32_t tenant, bool whole, shared_part_fn *part,
    void *ctx)
{
	struct taking k = { .each = part, .ctx = ctx };

	if (whole) {
		buf_release(changes_of(h, tenant));
		shared_restart_walk(h, tenant);
		take_whole(h, tenant, &k);
	} else {
		take_parts(&k, changes_of(h, tenant));
	}
	buf_release(&k.part);
}

struct applying {
	struct shared *shared;
	struct buf key; /* begins with the tenant's number */
};

/* A delta_change_fn. */
static bool
apply_change(void *ctx, const struct delta_change *c)
{
	struct applying *a = ctx;
	struct lmdb_table *t = a->shared->tables[c->table - 1].table;
	struct buf *k = &a->key;

	buf_cut(k, STATE_TENANT_BYTES);
	buf_add(k, c->key, c->key_len);
	if (c->data != NULL)
		lmdb_put(t, k->data, k->len, c->data, c->len);
	else
		lmdb_delete(t, k->data, k->len);
	return !state_failed(a->shared->state);
}

bool
shared_apply(struct shared *h, uint32_t tenant, struct delta_reader *r,
    const void *part, size_t len)
{
	struct applying a = { h, BUF_INIT };
	struct key k = tenant_key(tenant);
	bool records = h->records, good;

	h->records = false;
	buf_add(&a.key, k.bytes, k.len);
	good = delta_read_part(r, part, len, apply_change, &a);
	h->records = records;
	buf_release(&a.key);
	return good;
}

void
shared_delete(struct shared *h, uint32_t tenant)
{
	struct key k = tenant_key(tenant);
	bool records = h->records;
	unsigned i;

	h->records = false;
	for (i = 0; i < delta_tables_n; i++)
		(void)lmdb_delete_prefix(
		    h->tables[i].table, k.bytes, k.len, SIZE_MAX);
	shared_restart_walk(h, tenant);
	h->records = records;
}
