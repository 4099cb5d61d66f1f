/*
 * staging_tenant: one tenant of the staging in memory: its unfinished snapshot,
 * which of its parts are whole, and the snapshots that were published before.
 */
#include "aggregator/snapshot/staging_impl.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

struct staging_tenant *
staging_tenant(struct staging *in, const char *name, size_t len)
{
	void **slot = strmap_put(&in->tenants, name, len);
	struct staging_tenant *t;

	if (*slot == NULL) {
		t = xcalloc(1, sizeof *t);
		t->name = xstrndup(name, len);
		t->path = xasprintf("%s/%s.spool", in->dir, t->name);
		t->done_path = xasprintf("%s/%s.done", in->dir, t->name);
		t->done_at = CLOCK_NONE;
		*slot = t;
	}
	return *slot;
}

void
staging_tenant_free(void *tenant)
{
	struct staging_tenant *t = tenant;

	staging_clear_snapshot(t);
	staging_clear_done(t);
	buf_release(&t->pending);
	free(t->name);
	free(t->path);
	free(t->done_path);
	free(t);
}

void
staging_clear_snapshot(struct staging_tenant *t)
{
	free(t->id);
	t->id = NULL;
	t->in_parts = false;
	memset(t->parts, 0, sizeof t->parts);
	t->published = false;
	dedup_release(&t->lines);
	memset(&t->lines, 0, sizeof t->lines);
	buf_clear(&t->pending);
}

void
staging_clear_done(struct staging_tenant *t)
{
	while (t->done_n > 0)
		free(t->done[--t->done_n].id);
	t->done_at = CLOCK_NONE;
}

bool
staging_has_line(const struct staging_tenant *t, const char *line, size_t len)
{
	struct fingerprint f;

	if (t->lines.width == 0)
		return false;
	f = dedup_fingerprint(
	    &t->lines, (struct text){ NULL, 0 }, (struct text){ line, len });
	return dedup_find(&t->lines, f, 0) != DEDUP_NEW;
}

bool
staging_is_new_line(struct staging_tenant *t, const char *line, size_t len)
{
	struct fingerprint f;

	if (t->lines.width == 0)
		dedup_init(&t->lines, dedup_new_seed(), 0);
	f = dedup_fingerprint(
	    &t->lines, (struct text){ NULL, 0 }, (struct text){ line, len });
	return dedup_add(&t->lines, f, 0) == DEDUP_NEW;
}

void
staging_begin_part(struct staging_tenant *t, unsigned part)
{
	t->in_parts = part != STAGING_WHOLE;
	t->parts[part] = (struct staging_part){ .begun = true, .records = -1 };
}

bool
staging_is_part_whole(const struct staging_part *p)
{
	return p->begun && !p->done && p->records >= 0 &&
	       p->lines == (uint64_t)p->records;
}

size_t
staging_count_whole_parts(const struct staging_tenant *t)
{
	size_t i, n = 0;

	for (i = 0; i < ARRAY_LEN(t->parts); i++)
		n += staging_is_part_whole(&t->parts[i]);
	return n;
}

bool
staging_is_ready(const struct staging *in, const struct staging_tenant *t)
{
	size_t n = t->id != NULL ? staging_count_whole_parts(t) : 0;

	return n > 0 && (!t->in_parts || in->by_part || n == BUCKET_PARTS);
}

static const struct staging_done *
find_done_snapshot(const struct staging_tenant *t, struct text id)
{
	size_t i;

	for (i = 0; i < t->done_n; i++)
		if (text_is(id, t->done[i].id))
			return &t->done[i];
	return NULL;
}

bool
staging_is_done(const struct staging_tenant *t, struct text id, unsigned part)
{
	const struct staging_done *d = find_done_snapshot(t, id);

	if (d == NULL)
		return false;
	if (d->ignored)
		return true;
	if (!d->in_parts)
		return true;
	return part != STAGING_WHOLE && bucket_set_has(&d->parts, part);
}
