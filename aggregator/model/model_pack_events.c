/*
 * model_pack_events: the packed form of the identities of events: runs of new
 * ones, each of one span.
 */
#include "aggregator/model/model_pack.h"

#include <stdlib.h>

#include "common/base/xalloc.h"
#include "common/containers/pack.h"

#include "aggregator/model/identities.h"
#include "aggregator/model/model_memory.h"

static int
compare_spans(const void *a, const void *b)
{
	const struct dedup_fresh *const *x = a, *const *y = b;

	return (*x)->span - (*y)->span;
}

void
model_pack_events(struct model *m, void *ctx,
    void (*run)(void *ctx, uint16_t span, const void *p, size_t len))
{
	struct dedup *s = &m->private->events;
	const struct dedup_fresh **v = xcalloc(s->fresh_n + 1, sizeof *v);
	struct buf b = BUF_INIT;
	size_t i;

	for (i = 0; i < s->fresh_n; i++)
		v[i] = &s->fresh[i];
	sort_array(
	    v, s->fresh_n, sizeof(const struct dedup_fresh *), compare_spans);
	for (i = 0; i < s->fresh_n; i++) {
		pack_put_fixed(&b, v[i]->f.a);
		pack_put_fixed(&b, v[i]->f.b);
		if (i + 1 == s->fresh_n || v[i + 1]->span != v[i]->span) {
			run(ctx, v[i]->span, b.data, b.len);
			buf_clear(&b);
		}
	}
	s->fresh_n = 0;
	buf_release(&b);
	free(v);
}

int
model_unpack_events(struct model *m, uint16_t span, const void *p, size_t len)
{
	struct pack r = pack_open_bare(p, len);
	struct fingerprint f;

	while (pack_more(&r)) {
		f.a = pack_fixed(&r);
		f.b = pack_fixed(&r);
		if (r.bad || f.a == 0 || (f.b & 0xffff) != 0)
			return -1;
		dedup_restore(identities_of(m), f, span);
	}
	return pack_end(&r);
}

bool
model_span_is_over(const struct model *m, uint16_t span)
{
	return m->as_of != CLOCK_NONE &&
	       dedup_span_is_over(identities_of(m), span, m->as_of);
}
