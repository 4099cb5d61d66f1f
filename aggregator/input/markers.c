/*
 * markers: see markers.h.
 */
#include "aggregator/input/markers.h"

#include <stdlib.h>
#include <string.h>

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

void
markers_strip(struct buf *to, const char *line, size_t len, int64_t at)
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
