/*
 * row_reader: see row_reader.h. A block is copied once, as a whole, into the
 * load; rows point into that copy. A block that does not fit into its load goes
 * on in the next one.
 */
#include "sink/read/row_reader.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/checksum.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/xalloc.h"

void
seen_free(void *p)
{
	struct seen *s = p;

	if (s != NULL)
		free(s->snapshot);
	free(s);
}

void
seen_put(struct strmap *map, struct text tenant, struct text snapshot,
    const struct seen *what)
{
	void **slot = strmap_put(map, tenant.p, tenant.len);
	struct seen *s;

	seen_free(*slot);
	s = xmalloc(sizeof *s);
	*s = *what;
	s->snapshot = text_dup(snapshot);
	*slot = s;
}

static struct text
field_text(const struct flat *f, const char *name, size_t max)
{
	const struct flat_field *v = flat_find(f, name);
	struct text t = { NULL, 0 };

	if (v != NULL && v->kind == FLAT_STRING && v->val_len > 0 &&
	    v->val_len <= max && v->val[v->val_len - 1] != ' ') {
		t.p = v->val;
		t.len = v->val_len;
	}
	return t;
}

/* The key of a bad row as refused_rows keeps it; without one, its line. */
static void
bad_key(const struct flat *f, struct text table, const char *line, size_t len,
    struct buf *key)
{
	const struct table *t = table_find(table.p, table.len);
	struct text part;
	size_t k;

	buf_clear(key);
	for (k = 1; t != NULL && k < t->keys; k++) {
		part = field_text(f, t->columns[k].name, RECORD_MAX_ID);
		if (part.p == NULL)
			break;
		buf_adds(key, k > 1 ? " " : "");
		buf_add(key, part.p, part.len);
	}
	if (t == NULL || k < t->keys)
		buf_setf(key, "line %016llx",
		    (unsigned long long)checksum(0, line, len));
}

/* A bad row is accounted for in its snapshot, if it tells which that is. */
static void
refuse_bad(struct row_reader *t, struct batch_group *l)
{
	struct refusal r = { .as_of = CLOCK_NONE };
	struct buf key = BUF_INIT, unused = BUF_INIT;
	const struct flat *f = &t->flat;
	const char *line = t->scan.line;
	size_t len = t->scan.len;
	struct text tenant, as_of;

	if (flat_parse(&t->flat, line, len, &unused) != 0 ||
	    !text_is(field_text(f, "type", 8), "row"))
		goto out;
	tenant = field_text(f, "tenant", RECORD_MAX_TENANT);
	r.snapshot = field_text(f, "snapshot", RECORD_MAX_ID);
	r.table = field_text(f, "table", 64);
	if (!parse_is_name_n(tenant.p, tenant.len, RECORD_MAX_TENANT) ||
	    r.snapshot.p == NULL || r.table.p == NULL)
		goto out;
	bad_key(f, r.table, line, len, &key);
	r.key.p = buf_str(&key);
	r.key.len = key.len;
	r.chat = field_text(f, "chat", RECORD_MAX_ID);
	r.reason = buf_str(&t->why);
	as_of = field_text(f, "as_of", CLOCK_TEXT * 2);
	if (as_of.p == NULL || clock_parse(as_of.p, as_of.len, &r.as_of) != 0)
		r.as_of = clock_now_ms();
	batch_refuse(&l->part[0], &r, tenant);
out:
	buf_release(&key);
	buf_release(&unused);
}

/* Where the present line came from. */
static const char *
where(struct row_reader *t)
{
	return endpoint_where_in(
	    t->in, t->block_end - (t->copy_end - t->scan.line));
}

static enum outcome
bad_line(struct row_reader *t, struct batch_group *l)
{
	enum outcome o = deadletter_add(
	    t->dead, where(t), t->scan.line, t->scan.len, buf_str(&t->why));

	t->bad = o != OUTCOME_DONE;
	if (o == OUTCOME_DONE)
		refuse_bad(t, l);
	return o;
}

static int
read_end(struct row_reader *t, const struct record *r, struct end *end)
{
	const struct seen *begun =
	    strmap_get(&t->open, r->tenant.p, r->tenant.len);

	end->snapshot = r->snapshot;
	end->records = r->records;
	/* The begin marker's time is what the rows carry. An end marker may
	 * tell when it was over instead; alone, it has to be believed. */
	end->as_of = r->at;
	if (begun != NULL && text_is(r->snapshot, begun->snapshot))
		end->as_of = begun->as_of;
	if (end->as_of != CLOCK_NONE)
		return 0;
	buf_setf(&t->why, "field 'at' is missing in an end marker");
	return -1;
}

static int
take_marker(struct row_reader *t, struct batch_group *l, const struct record *r)
{
	struct seen begun = { NULL, r->at, 0, 0 };
	struct end end;

	if (r->state == SNAPSHOT_BEGIN) {
		seen_put(&t->open, r->tenant, r->snapshot, &begun);
		return 0;
	}
	if (read_end(t, r, &end) != 0)
		return -1;
	seen_free(strmap_delete(&t->open, r->tenant.p, r->tenant.len));
	batch_end(&l->part[0], r->tenant, &end);
	return 0;
}

static void
skip(struct row_reader *t, const struct record *r)
{
	if (t->skipped++ == 0 && r->type != RECORD_UNKNOWN)
		log_warn("records of type %.*s are no rows and are skipped; "
			 "what aggregator writes is wanted here",
		    TEXT_ARG(r->type_name));
}

/* The row is stored all the same; each column is told of once a run. */
static void
note_cut(struct row_reader *t, const struct row *row)
{
	const struct table *table = row->table;
	uint32_t *said = &t->said_cut[table - tables];
	size_t k;

	for (k = 0; k < table->columns_n; k++) {
		if ((row->cut >> k & 1) == 0)
			continue;
		t->cut++;
		if ((*said >> k & 1) == 0)
			log_warn("%s: a text is too long for %s.%s and is cut "
				 "to %lld characters; so are others like it",
			    where(t), table->name, table->columns[k].name,
			    (long long)table->columns[k].max);
		*said |= UINT32_C(1) << k;
	}
}

static bool
is_row(enum record_type type)
{
	return type == RECORD_ROW || type == RECORD_MESSAGE ||
	       type == RECORD_VIEW || type == RECORD_EVENT ||
	       type == RECORD_ASSIGNMENT;
}

static void
add_row(struct row_reader *t, struct batch_group *l, struct row *row)
{
	row->number = t->lines;
	batch_add(&l->part[0], row);
	l->rows++;
	if (row->cut != 0)
		note_cut(t, row);
}

/* One record that could be parsed. -1 and t->why: it is bad all the same. */
static int
take(struct row_reader *t, struct batch_group *l, const struct record *r)
{
	struct batch *b = &l->part[0];
	struct arena_mark mark = arena_mark(&b->arena);
	struct row *row, *analytics = NULL;

	if (r->type == RECORD_SNAPSHOT)
		return take_marker(t, l, r);
	if (!is_row(r->type)) {
		skip(t, r);
		return 0;
	}
	t->rows++;
	row = row_read(r, t->scan.line, t->scan.len, &b->arena, &t->why);
	if (row == NULL || row_read_analytics(r, t->scan.line, t->scan.len,
			       &b->arena, &analytics, &t->why) != 0) {
		arena_back(&b->arena, mark);
		return -1;
	}
	add_row(t, l, row);
	if (analytics != NULL)
		add_row(t, l, analytics);
	return 0;
}

/* The lines of the block at hand, until the load is full. */
static enum outcome
take_lines(struct row_reader *t, struct batch_group *l, size_t full_rows,
    size_t full_bytes)
{
	enum outcome o = t->bad ? bad_line(t, l) : OUTCOME_DONE;
	struct record r;
	int rc;

	while (o == OUTCOME_DONE && l->lines < full_rows &&
	       l->bytes < full_bytes) {
		rc = scan_record(&t->scan, &r);
		if (rc == 0) {
			t->inside = false;
			break;
		}
		t->lines++;
		l->lines++;
		l->bytes += t->scan.len;
		if (rc == -1)
			buf_setf(&t->why, "%s", buf_str(&t->scan.why));
		if (rc == -1 || take(t, l, &r) != 0)
			o = bad_line(t, l);
	}
	return o;
}

/* Puts len bytes of lines, readable before and behind, into the load. */
static void
keep_block(
    struct row_reader *t, struct batch_group *l, const char *block, size_t len)
{
	char *copy = arena_copy(
	    &l->blocks, block - SCAN_BEFORE, SCAN_BEFORE + len + SCAN_BEHIND);

	t->load = l;
	t->copy_end = copy + SCAN_BEFORE + len;
	scan_block(&t->scan, copy + SCAN_BEFORE, len);
}

static enum outcome
too_long(struct row_reader *t, struct batch_group *l)
{
	enum outcome o = deadletter_add(t->dead, endpoint_where_in(t->in, NULL),
	    NULL, 0, endpoint_refusal(t->in));

	t->long_line = o != OUTCOME_DONE;
	if (o == OUTCOME_DONE) {
		t->lines++;
		l->lines++;
	}
	return o;
}

enum endpoint_status
row_reader_read(struct row_reader *t, struct batch_group *l, size_t full_rows,
    size_t full_bytes, int timeout_ms, enum outcome *o)
{
	enum endpoint_status status = ENDPOINT_RECORD;
	struct endpoint_mark mark;
	size_t len;

	*o = OUTCOME_DONE;
	if (t->long_line) {
		*o = too_long(t, l);
		return ENDPOINT_TOOLONG;
	}
	if (t->inside && t->load != l)
		keep_block(
		    t, l, t->scan.at, (size_t)(t->copy_end - t->scan.at));
	if (!t->inside) {
		mark = endpoint_mark(t->in);
		status =
		    endpoint_read_block(t->in, &t->block_end, &len, timeout_ms);
		if (status == ENDPOINT_TOOLONG)
			*o = too_long(t, l);
		if (status != ENDPOINT_RECORD)
			return status;
		t->mark = mark;
		keep_block(t, l, t->block_end, len);
		t->block_end += len;
		t->inside = true;
	}
	*o = take_lines(t, l, full_rows, full_bytes);
	return status;
}

struct endpoint_mark
row_reader_mark(const struct row_reader *t)
{
	return t->inside ? t->mark : endpoint_mark(t->in);
}

void
row_reader_init(
    struct row_reader *t, struct endpoint *in, struct deadletter *dead)
{
	memset(t, 0, sizeof *t);
	t->in = in;
	t->dead = dead;
	t->open = (struct strmap)STRMAP_INIT;
	scan_init(&t->scan);
}

void
row_reader_release(struct row_reader *t)
{
	scan_release(&t->scan);
	flat_release(&t->flat);
	buf_release(&t->why);
	strmap_release(&t->open, seen_free);
}
