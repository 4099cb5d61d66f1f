/*
 * closings: see closings.h.
 */
#include "reaper/closings.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/xalloc.h"

/* Neither part holds a NUL byte, so that one parts them. */
static void
make_key(struct buf *key, const struct record *r)
{
	buf_add(key, r->tenant.p, r->tenant.len);
	buf_addc(key, '\0');
	buf_add(key, r->chat.p, r->chat.len);
}

static void
take_answer(struct closing *c, const struct record *r)
{
	c->at = r->at;
	c->closed_at = r->closed_at;
	c->status = r->status;
}

void
closings_add(struct closings *c, const struct record *r, const char *where)
{
	struct buf key = BUF_INIT;
	struct closing *one;
	void **slot;

	make_key(&key, r);
	slot = strmap_put(&c->index, key.data, key.len);
	one = *slot;
	if (one == NULL) {
		one = xcalloc(1, sizeof *one);
		one->tenant = text_dup(r->tenant);
		one->chat = text_dup(r->chat);
		one->where = xstrdup(where);
		take_answer(one, r);
		*slot = one;
		XGROW(c->list, c->n, c->cap);
		c->list[c->n++] = one;
	} else if (r->at >= one->at) {
		take_answer(one, r);
	}
	buf_release(&key);
}

void
closings_correct(struct closings *c, const struct record *r)
{
	struct buf key = BUF_INIT;
	struct closing *one;

	make_key(&key, r);
	one = strmap_get(&c->index, key.data, key.len);
	if (one != NULL && r->at >= one->at)
		take_answer(one, r);
	buf_release(&key);
}

static int
compare(const void *a, const void *b)
{
	const struct closing *x = *(struct closing *const *)a;
	const struct closing *y = *(struct closing *const *)b;
	int d = strcmp(x->tenant, y->tenant);

	return d != 0 ? d : strcmp(x->chat, y->chat);
}

void
closings_sort(struct closings *c)
{
	if (c->n > 1)
		qsort(c->list, c->n, sizeof *c->list, compare);
}

size_t
closings_run(struct closing *const *list, size_t i, size_t n)
{
	size_t end = i;

	while (end < n && strcmp(list[end]->tenant, list[i]->tenant) == 0)
		end++;
	return end;
}

void
closings_clear(struct closings *c)
{
	size_t i;

	for (i = 0; i < c->n; i++) {
		free(c->list[i]->tenant);
		free(c->list[i]->chat);
		free(c->list[i]->where);
		free(c->list[i]);
	}
	c->n = 0;
	strmap_release(&c->index, NULL);
	c->index = (struct strmap)STRMAP_INIT;
}

void
closings_release(struct closings *c)
{
	closings_clear(c);
	free(c->list);
	*c = (struct closings)CLOSINGS_INIT;
}

bool
closings_too_many(uint64_t gone, uint64_t known, int64_t percent, int64_t least)
{
	return gone > (uint64_t)least && gone * 100 > known * (uint64_t)percent;
}
