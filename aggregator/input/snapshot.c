/*
 * snapshot: see snapshot.h.
 */
#include "aggregator/input/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/text/flat.h"
#include "common/text/jsonw.h"

void
markers_open(struct markers *m, const struct record *begin)
{
	markers_close(m);
	m->id = text_dup(begin->snapshot);
	m->at = m->end_at = begin->at;
	m->in_parts = begin->bucket != RECORD_NO_NUMBER;
	markers_begin_part(m, markers_part_of(NULL, begin));
}

void
markers_begin_part(struct markers *m, unsigned part)
{
	m->parts[part] = (struct marked_part){ .begun = true, .records = -1 };
}

void
markers_end_part(struct markers *m, unsigned part, const struct record *end)
{
	m->parts[part].records = end->records;
	if (end->at != CLOCK_NONE)
		m->end_at = end->at;
}

void
markers_close(struct markers *m)
{
	free(m->id);
	memset(m, 0, sizeof *m);
}

bool
markers_are_of(const struct markers *m, struct text id)
{
	return m != NULL && text_is(id, m->id);
}

unsigned
markers_part_of(const struct markers *m, const struct record *r)
{
	if (r->type == RECORD_SNAPSHOT)
		return r->bucket != RECORD_NO_NUMBER ? (unsigned)r->bucket
						     : MARKERS_WHOLE;
	return m != NULL && m->in_parts ? bucket_of_record(r) : MARKERS_WHOLE;
}

size_t
markers_count_whole(const struct markers *m)
{
	size_t i, n = 0;

	for (i = 0; i < MARKERS_PARTS; i++)
		n += m->parts[i].begun && !m->parts[i].applied &&
		     marked_part_is_whole(&m->parts[i]);
	return n;
}

struct text
record_peek(const struct flat *f, const char *key)
{
	const struct flat_field *v = flat_find(f, key);
	struct text t = { NULL, 0 };

	if (v != NULL && v->val_len > 0 &&
	    (v->kind == FLAT_STRING || v->kind == FLAT_NUMBER)) {
		t.p = v->val;
		t.len = v->val_len;
	}
	return t;
}

struct marked_tenant *
marked_owner(const struct strmap *tenants, const struct flat *f, unsigned *part)
{
	struct text tenant = record_peek(f, "tenant");
	struct text snapshot = record_peek(f, "snapshot");
	struct marked_tenant *t;

	if (tenant.p == NULL || snapshot.p == NULL)
		return NULL;
	t = strmap_get(tenants, tenant.p, tenant.len);
	if (t == NULL || !markers_are_of(t->open, snapshot))
		return NULL;
	*part = t->open->in_parts ? bucket_of_flat(f) : MARKERS_WHOLE;
	return t->open->parts[*part].begun ? t : NULL;
}

void
passing_add_at(struct buf *to, const char *line, size_t len, int64_t at)
{
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT;
	const struct flat_field *x;
	const char *raw;
	size_t i, n;

	/* The line is a record, so parsing it succeeds. */
	if (flat_parse(&f, line, len, &why) == 0) {
		jsonw_open(to);
		for (i = 0; i < f.n; i++) {
			x = &f.field[i];
			if (x == flat_find(&f, "snapshot"))
				continue;
			if (at != CLOCK_NONE && x == flat_find(&f, "at")) {
				jsonw_time(to, "at", at);
				continue;
			}
			raw = flat_raw(x, &n);
			jsonw_name(to, x->key, x->key_len);
			buf_add(to, raw, n);
		}
		jsonw_line(to);
	}
	flat_release(&f);
	buf_release(&why);
}

void
passing_add(const struct passing *p, struct buf *to, struct record *r,
    const char *line, size_t len)
{
	int64_t at = r->at;

	if (p->passes == NULL || !p->passes(p->ctx, r))
		return;
	if (r->snapshot.p != NULL || r->at != at) {
		passing_add_at(to, line, len, r->at != at ? r->at : CLOCK_NONE);
	} else {
		buf_add(to, line, len);
		buf_addc(to, '\n');
	}
}

struct snapshot *
snapshot_new(const struct pipeline_setup *setup, struct text tenant, int64_t at)
{
	struct snapshot *s = xcalloc(1, sizeof *s);

	s->markers.at = at;
	pipeline_init(&s->pipeline, setup, tenant, false, at, 0);
	return s;
}

void
snapshot_free(struct snapshot *s)
{
	if (s == NULL)
		return;
	pipeline_release(&s->pipeline);
	buf_release(&s->pass_through);
	buf_release(&s->events);
	replay_log_release(&s->replay);
	markers_close(&s->markers);
	free(s);
}

/* A chat without a time gets the time at which the CRM was asked: it is in the
 * snapshot, even if an earlier record reported it as gone. Afterwards the
 * record is as before, because the next scan clears only the fields that it has
 * set. */
const char *
snapshot_add(struct snapshot *s, const struct pipeline_setup *setup,
    const struct passing *passing, struct record *r, const char *line,
    size_t len)
{
	bool undated = r->type == RECORD_CHAT && r->at == CLOCK_NONE;
	const char *why;

	if (undated)
		r->at = s->markers.at;
	why = future_refuses(setup->future, r);
	if (why == NULL) {
		passing_add(passing, &s->pass_through, r, line, len);
		if (setup->selection->allocation && !setup->no_streaming)
			replay_log_add(&s->replay, r, line, len, s->markers.at);
		if (r->type == RECORD_EVENT && !setup->no_streaming &&
		    !s->pipeline.model.no_events)
			passing_add_at(&s->events, line, len, CLOCK_NONE);
		(void)pipeline_add(&s->pipeline, r);
	}
	if (undated)
		r->at = CLOCK_NONE;
	return why;
}
