/*
 * span_set: see span_set.h.
 */
#include "sink/rollup/span_set.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

struct span_row *
span_set_row(
    struct span_set *s, int64_t begin, const char *operator, size_t len)
{
	struct buf key = BUF_INIT;
	struct span_row *row;
	void **slot;

	buf_add(&key, &begin, sizeof begin);
	buf_add(&key, operator, len);
	slot = strmap_put(&s->rows, key.data, key.len);
	buf_release(&key);
	if (*slot == NULL) {
		row = xcalloc(1, sizeof *row);
		row->begin = begin;
		row->as_of = begin;
		row->operator= xstrndup(operator, len);
		*slot = row;
	}
	return *slot;
}

static void
free_span_row(void *ctx)
{
	struct span_row *row = ctx;

	span_sums_release(&row->sums);
	free(row->operator);
	free(row);
}

void
span_set_release(struct span_set *s)
{
	strmap_release(&s->rows, free_span_row);
	s->rows = (struct strmap)STRMAP_INIT;
}

int
span_row_add(struct span_row *to, const char *sums, int64_t as_of)
{
	struct span_sum *kinds[SPAN_KINDS];
	size_t i;

	if (as_of > to->as_of)
		to->as_of = as_of;
	for (i = 0; i < SPAN_KINDS; i++)
		kinds[i] = &to->sums.kind[i];
	return span_sums_read(sums, kinds);
}

static int64_t
newest_version(const struct span_sums *s)
{
	int64_t version = 0;
	size_t i;

	for (i = 0; i < SPAN_KINDS; i++) {
		if (s->kind[i].version > version)
			version = s->kind[i].version;
	}
	return version;
}

enum outcome
span_set_write(struct span_set *s, const char *tenant, struct db_bulk *put)
{
	struct buf *texts = xcalloc(s->rows.live + 1, sizeof *texts), *text;
	const struct strmap_entry *e;
	const struct span_row *row;
	enum outcome o = OUTCOME_DONE;
	size_t i = 0, n = 0;

	db_bulk_clear(put);
	while ((e = strmap_next(&s->rows, &i)) != NULL) {
		row = e->value;
		text = &texts[n++];
		span_sums_write(&row->sums, text);
		db_bulk_add(put,
		    (const struct db_value[SPAN_SET_COLUMNS]){ db_str(tenant),
			db_int(s->everyone), db_str(s->span),
			db_time(row->begin), db_str(row->operator),
			db_text(buf_str(text), text->len), db_time(row->as_of),
			db_int(newest_version(&row->sums)) });
	}
	if (n > 0)
		o = db_bulk_run(put, 0, n);
	db_bulk_clear(put);
	while (n > 0)
		buf_release(&texts[--n]);
	free(texts);
	return o;
}
