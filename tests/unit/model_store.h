/*
 * model_store: the store of an incremental model, in memory, for the tests of
 * the model: what changed is packed into it, and a new model is unpacked from
 * it.
 */
#ifndef TESTS_MODEL_STORE_H
#define TESTS_MODEL_STORE_H

#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/containers/strmap.h"

#include "aggregator/model/model_pack.h"

struct store {
	struct strmap heads;      /* number -> bytes */
	struct strmap numbers;    /* chat -> number */
	struct strmap segments;   /* number, segment -> bytes */
	struct strmap operators;  /* id -> bytes */
	struct strmap events;     /* key -> bytes */
	struct strmap identities; /* serial -> span and bytes */
	struct buf tenant;
	uint64_t next, runs;
	struct dedup_seed seed;
};

static void
free_buf(void *p)
{
	buf_release(p);
	free(p);
}

/* The bytes under the key, emptied. */
static struct buf *
place(struct strmap *m, const void *key, size_t len)
{
	void **slot = strmap_put(m, key, len);

	if (*slot == NULL)
		*slot = xcalloc(1, sizeof(struct buf));
	buf_clear(*slot);
	return *slot;
}

static struct buf *
find(struct strmap *m, const void *key, size_t len)
{
	return strmap_get(m, key, len);
}

static void
remove_entry(struct strmap *m, const void *key, size_t len)
{
	void *old = strmap_delete(m, key, len);

	if (old != NULL)
		free_buf(old);
}

static void
release_store(struct store *s)
{
	strmap_release(&s->heads, free_buf);
	strmap_release(&s->numbers, NULL);
	strmap_release(&s->segments, free_buf);
	strmap_release(&s->operators, free_buf);
	strmap_release(&s->events, free_buf);
	strmap_release(&s->identities, free_buf);
	buf_release(&s->tenant);
}

struct key {
	uint64_t number, segment;
};

static void
save_segments(
    struct store *s, const struct model *m, const struct chat *c, bool all)
{
	struct model_segments x = model_segments(c);
	struct key k = { c->number, all ? 0 : x.from };

	for (; k.segment < x.to; k.segment++)
		model_pack_segment(
		    m, c, k.segment, place(&s->segments, &k, sizeof k));
	for (; k.segment < x.stored; k.segment++)
		remove_entry(&s->segments, &k, sizeof k);
}

static void
save_chat(struct store *s, const struct model *m, struct chat *c)
{
	struct text id = chat_id(c);
	bool fresh = c->number == 0;

	if (chat_is_gone(c)) {
		save_segments(s, m, c, true);
		remove_entry(&s->heads, &c->number, sizeof c->number);
		(void)strmap_delete(&s->numbers, id.p, id.len);
		return;
	}
	if (fresh)
		c->number = ++s->next;
	*strmap_put(&s->numbers, id.p, id.len) = (void *)(uintptr_t)c->number;
	model_pack_chat(m, c, place(&s->heads, &c->number, sizeof c->number));
	save_segments(s, m, c, fresh);
}

static void
save_run(void *ctx, uint16_t span, const void *p, size_t len)
{
	struct store *s = ctx;
	struct buf *b = place(&s->identities, &s->runs, sizeof s->runs);

	s->runs++;
	buf_add(b, &span, sizeof span);
	buf_add(b, p, len);
}

/* One transaction: what changed. */
static void
save(struct store *s, const struct model *m)
{
	const struct model_changes *x = &m->changes;
	struct buf key = BUF_INIT, value = BUF_INIT;
	struct text id;
	size_t i;

	for (i = 0; i < x->chats_n; i++)
		save_chat(s, m, x->chats[i]);
	for (i = 0; i < x->operators_n; i++) {
		id = operator_id(m, x->operators[i]);
		model_pack_operator(
		    m, x->operators[i], place(&s->operators, id.p, id.len));
	}
	for (i = 0; i < x->events_n; i++) {
		buf_clear(&key);
		buf_clear(&value);
		model_pack_event(m, x->events[i], &key, &value);
		buf_add(place(&s->events, key.data, key.len), value.data,
		    value.len);
	}
	model_pack_identities(m, s, save_run);
	buf_clear(&s->tenant);
	model_pack_tenant(m, &s->tenant);
	buf_release(&key);
	buf_release(&value);
}

static struct store *fetched_from;

/* What the tests would prove nothing without. */
static size_t fetches;

static void
fetch(void *ctx, struct model *m, struct chat *c)
{
	struct key k = { c->number, 0 };
	const struct buf *b;

	(void)ctx;
	fetches++;
	while ((b = find(&fetched_from->segments, &k, sizeof k)) != NULL) {
		assert_int_equal(
		    model_unpack_segment(m, c, b->data, b->len), 0);
		k.segment++;
	}
}

static void
load(struct store *s, struct model *m)
{
	const struct strmap_entry *e;
	const struct buf *b;
	uint64_t number;
	uint16_t span;
	size_t i;

	assert_int_equal(
	    model_unpack_tenant(m, s->tenant.data, s->tenant.len), 0);
	for (i = 0; (e = strmap_next(&s->operators, &i)) != NULL;) {
		b = e->value;
		assert_int_equal(model_unpack_operator(m, b->data, b->len), 0);
	}
	for (i = 0; (e = strmap_next(&s->heads, &i)) != NULL;) {
		b = e->value;
		memcpy(&number, e->key, sizeof number);
		assert_int_equal(
		    model_unpack_chat(m, b->data, b->len, number), 0);
	}
	for (i = 0; (e = strmap_next(&s->events, &i)) != NULL;) {
		b = e->value;
		assert_int_equal(
		    model_unpack_event(m, e->key, e->key_len, b->data, b->len),
		    0);
	}
	for (i = 0; (e = strmap_next(&s->identities, &i)) != NULL;) {
		b = e->value;
		memcpy(&span, b->data, sizeof span);
		if (!model_span_is_over(m, span))
			assert_int_equal(
			    model_unpack_identities(m, span,
				b->data + sizeof span, b->len - sizeof span),
			    0);
	}
}

#endif
