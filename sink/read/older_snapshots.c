/*
 * older_snapshots: see older_snapshots.h.
 */
#include "sink/read/older_snapshots.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"

/* What is delivered again has come by then. */
#define REDELIVERY_MS MINUTE_MS

/* The first one that came. */
struct older_snapshot {
	char *id;
	int64_t as_of, stored; /* the times of it and of the stored one */
	int64_t came_ms;
	bool reported;
};

static void
free_older(void *p)
{
	struct older_snapshot *s = p;

	if (s != NULL)
		free(s->id);
	free(s);
}

void
older_snapshots_init(struct older_snapshots *o)
{
	o->tenants = (struct strmap)STRMAP_INIT;
}

void
older_snapshots_release(struct older_snapshots *o)
{
	strmap_release(&o->tenants, free_older);
}

static void
warn_of_older(struct text tenant, struct older_snapshot *s)
{
	char its[CLOCK_TEXT], stored[CLOCK_TEXT];

	if (s->reported)
		return;
	s->reported = true;
	clock_format(s->as_of, its);
	clock_format(s->stored, stored);
	log_warn("snapshot %s of %.*s is of %s, no newer than what is stored, "
		 "of %s, and is not stored; was the CRM's clock set back?",
	    s->id, TEXT_ARG(tenant), its, stored);
}

void
older_snapshots_add(
    struct older_snapshots *o, const struct batch_tenant *t, int64_t now_ms)
{
	struct older_snapshot *s;
	void **slot;

	/* One that came before its tenant was removed is to be expected. */
	if (t->ended.as_of <= t->stored.removed_at)
		return;
	slot = strmap_put(&o->tenants, t->name.p, t->name.len);
	s = *slot;
	if (s != NULL) {
		if (now_ms - s->came_ms >= REDELIVERY_MS)
			warn_of_older(t->name, s);
		return;
	}
	s = *slot = xcalloc(1, sizeof *s);
	s->id = text_dup(t->ended.snapshot);
	s->as_of = t->ended.as_of;
	s->stored = t->stored.as_of;
	s->came_ms = now_ms;
}

void
older_snapshots_over(struct older_snapshots *o, struct text tenant)
{
	free_older(strmap_delete(&o->tenants, tenant.p, tenant.len));
}

void
older_snapshots_warn(struct older_snapshots *o)
{
	struct strmap_entry *e;
	size_t i = 0;

	while ((e = strmap_next(&o->tenants, &i)) != NULL)
		warn_of_older((struct text){ e->key, e->key_len }, e->value);
}
