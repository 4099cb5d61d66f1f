/*
 * consume_counts: see consume_counts.h.
 */
#include "sink/read/consume_counts.h"

#include "common/base/clock.h"
#include "common/base/log.h"

static void
count_fates(struct consume *c, const struct row_batch *b)
{
	uint64_t refused = 0, older = 0;
	const struct row_list *rows;
	size_t i, k;

	for (k = 0; k < TABLES; k++) {
		rows = &b->rows[k];
		for (i = 0; i < rows->n; i++) {
			switch (rows->row[i]->fate) {
			case ROW_STORED:
				c->counts.stored++;
				break;
			case ROW_BAD:
				break;
			case ROW_OLDER:
				older++;
				break;
			case ROW_TOMB:
			case ROW_EXPIRED:
			case ROW_REMOVED:
			case ROW_SHORT:
				refused++;
				break;
			}
		}
	}
	c->counts.refused += refused;
	c->counts.older += older;
	c->counts.batches++;
	if (refused + older > 0)
		log_info("rows_refused", "refused=%llu older=%llu",
		    (unsigned long long)refused, (unsigned long long)older);
}

static void
log_missing_rows(struct text tenant, const struct snapshot_progress *s)
{
	log_warn("snapshot %s of %.*s is not whole: %lld of %lld rows came; "
		 "operators and chats that are gone stay until the next one",
	    s->snapshot, TEXT_ARG(tenant), (long long)s->arrived,
	    (long long)s->records);
}

static void
log_refused_snapshot(const char *event, const struct batch_tenant *t)
{
	log_info(event, "tenant=%.*s snapshot=%.*s", TEXT_ARG(t->name),
	    TEXT_ARG(t->ended.snapshot));
}

static void
count_snapshot(struct consume *c, const struct batch_tenant *t)
{
	struct snapshot_progress now = { NULL, t->ended.as_of, t->arrived,
		t->ended.records };
	struct snapshot_progress *before =
	    strmap_get(&c->missing, t->name.p, t->name.len);

	if (t->fate == END_NONE)
		return;
	if (t->fate == END_OLDER) {
		log_refused_snapshot("snapshot_older", t);
		older_snapshots_add(&c->older, t, clock_mono_ms());
		return;
	}
	older_snapshots_over(&c->older, t->name);
	if (t->fate == END_AGAIN)
		return;
	if (t->fate == END_OVERTAKEN) {
		log_refused_snapshot("snapshot_overtaken", t);
		return;
	}
	if (before != NULL && !text_is(t->ended.snapshot, before->snapshot))
		log_missing_rows(t->name, before);
	if (t->fate == END_INCOMPLETE) {
		snapshot_progress_put(
		    &c->missing, t->name, t->ended.snapshot, &now);
		return;
	}
	snapshot_progress_free(
	    strmap_delete(&c->missing, t->name.p, t->name.len));
	c->counts.snapshots++;
	c->counts.swept += t->swept;
	c->counts.left += t->left;
	log_info("snapshot_stored",
	    "tenant=%.*s snapshot=%.*s rows=%lld swept=%llu left=%llu",
	    TEXT_ARG(t->name), TEXT_ARG(t->ended.snapshot),
	    (long long)t->arrived, (unsigned long long)t->swept,
	    (unsigned long long)t->left);
}

void
consume_count_part(struct consume *c, const struct row_batch *b)
{
	struct strmap_entry *e;
	size_t i = 0;

	count_fates(c, b);
	while ((e = strmap_next(&b->tenants, &i)) != NULL)
		count_snapshot(c, e->value);
}

bool
consume_has_cut_snapshots(struct consume *c)
{
	struct strmap_entry *e;
	const struct snapshot_progress *s;
	struct text tenant;
	size_t i = 0;

	while ((e = strmap_next(&c->missing, &i)) != NULL) {
		tenant.p = e->key;
		tenant.len = e->key_len;
		log_missing_rows(tenant, e->value);
	}
	for (i = 0;
	     c->one_shot && (e = strmap_next(&c->reader.open, &i)) != NULL;) {
		s = e->value;
		log_warn("snapshot %s of %s was cut: its end marker is "
			 "missing",
		    s->snapshot, e->key);
	}
	return c->missing.live > 0 || c->reader.open.live > 0;
}
