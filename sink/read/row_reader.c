/*
 * row_reader: see row_reader.h.
 */
#include "sink/read/row_reader.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/xalloc.h"
#include "common/digest/hash.h"
#include "common/os/lines.h"
#include "sink/rows/row_record.h"

void
snapshot_progress_free(void *p)
{
	struct snapshot_progress *s = p;

	if (s != NULL)
		free(s->snapshot);
	free(s);
}

void
snapshot_progress_put(struct strmap *map, struct text tenant,
    struct text snapshot, const struct snapshot_progress *what)
{
	void **slot = strmap_put(map, tenant.p, tenant.len);
	struct snapshot_progress *s;

	snapshot_progress_free(*slot);
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
	    v->val_len <= max && !text_ends_with_blank(v->val, v->val_len)) {
		t.p = v->val;
		t.len = v->val_len;
	}
	return t;
}

/* Rows of these tables belong to no snapshot, even if they name one: otherwise
 * the end of a snapshot would count a refused row among those that it waits
 * for. */
static bool
is_history(struct text table)
{
	const struct table *t = table_find(table.p, table.len);

	return t != NULL && t->life != LIFE_NOW;
}

/* Counts a bad row as refused in its snapshot, if the row names one. */
static void
refuse_bad_row(struct row_reader *t)
{
	struct refusal r = { .as_of = CLOCK_NONE };
	struct buf unused = BUF_INIT;
	const struct flat *f = &t->flat;
	const char *line = t->scan.line;
	size_t len = t->scan.len;
	struct text tenant, table, as_of;

	if (flat_parse(&t->flat, line, len, &unused) != 0 ||
	    !text_is(field_text(f, "type", 8), "row"))
		goto out;
	tenant = field_text(f, "tenant", RECORD_MAX_TENANT);
	r.snapshot = field_text(f, "snapshot", RECORD_MAX_ID);
	table = field_text(f, "table", 64);
	if (!parse_is_name_n(tenant.p, tenant.len, RECORD_MAX_TENANT) ||
	    r.snapshot.p == NULL || table.p == NULL || is_history(table))
		goto out;
	r.line = checksum(0, line, len);
	as_of = field_text(f, "as_of", CLOCK_TEXT * 2);
	if (as_of.p == NULL || clock_parse(as_of.p, as_of.len, &r.as_of) != 0)
		r.as_of = clock_now_ms();
	batch_refuse(workers_figures(t->workers, tenant), &r, tenant);
out:
	buf_release(&unused);
}

/* Returns the position of the current line in the input, for messages: in a
 * flush, the end of the last block, because its lines are copies. */
static const char *
line_position(struct row_reader *t)
{
	return endpoint_where_in(t->in, t->flush == NULL ? t->scan.line : NULL);
}

static enum outcome
reject_line(struct row_reader *t)
{
	enum outcome o = deadletter_add(t->dead, line_position(t), t->scan.line,
	    t->scan.len, buf_str(&t->why));

	if (o == OUTCOME_DONE)
		refuse_bad_row(t);
	return o;
}

static int
read_end_marker(
    struct row_reader *t, const struct record *r, struct end_marker *end)
{
	const struct snapshot_progress *begun =
	    strmap_get(&t->open, r->tenant.p, r->tenant.len);

	end->snapshot = r->snapshot;
	end->records = r->records;
	/* Rows have the begin marker's time. An end marker may have the time at
	 * which the snapshot ended, which is used if there is no begin
	 * marker. */
	end->as_of = r->at;
	if (begun != NULL && text_is(r->snapshot, begun->snapshot))
		end->as_of = begun->as_of;
	if (end->as_of != CLOCK_NONE)
		return 0;
	buf_setf(&t->why, "field 'at' is missing from an end marker");
	return -1;
}

static int
read_marker(struct row_reader *t, const struct record *r)
{
	struct snapshot_progress begun = { .as_of = r->at };
	struct end_marker end = { r->snapshot, r->at, END_OF_STREAM, t->flush };

	if (r->state == SNAPSHOT_BEGIN) {
		snapshot_progress_put(&t->open, r->tenant, r->snapshot, &begun);
		return 0;
	}
	if (r->state != SNAPSHOT_APPLIED) {
		if (read_end_marker(t, r, &end) != 0)
			return -1;
		snapshot_progress_free(
		    strmap_delete(&t->open, r->tenant.p, r->tenant.len));
	}
	batch_end(workers_figures(t->workers, r->tenant), r->tenant, &end);
	return 0;
}

static void
skip_record(struct row_reader *t, const struct record *r)
{
	if (t->skipped++ == 0 && r->type != RECORD_UNKNOWN)
		log_warn("skipping records of type %.*s; sink reads the rows "
			 "that aggregator writes",
		    TEXT_ARG(r->type_name));
}

/* The row is stored nevertheless; a run warns once for each column. */
static void
warn_cut_texts(struct row_reader *t, const struct sink_row *row)
{
	const struct table *table = row->table;
	uint32_t *said = &t->warned_cut[table - tables];
	size_t k;

	for (k = 0; k < table->columns_n; k++) {
		if ((row->cut >> k & 1) == 0)
			continue;
		t->cut++;
		if ((*said >> k & 1) == 0)
			log_warn("%s: a text is too long for %s.%s and was "
				 "truncated to %lld characters; further ones "
				 "are truncated without a message",
			    line_position(t), table->name,
			    table->columns[k].name,
			    (long long)table->columns[k].max);
		*said |= UINT32_C(1) << k;
	}
}

static bool
is_stored_type(enum record_type type)
{
	return type == RECORD_ROW || type == RECORD_MESSAGE ||
	       type == RECORD_VIEW || type == RECORD_EVENT ||
	       type == RECORD_ASSIGNMENT || type == RECORD_NAME;
}

static void
add_to_batch(struct row_reader *t, struct row_batch *b, struct sink_row *row)
{
	row->number = t->lines;
	row->flush = t->flush;
	batch_add(b, row);
	if (row->cut != 0)
		warn_cut_texts(t, row);
}

/* Adds the analysis in the record's data. A bad analysis is dropped, but the
 * message still counts. */
static int
read_analytics(
    struct row_reader *t, struct row_batch *b, const struct record *r)
{
	struct arena *a = &b->arena;
	struct arena_mark mark = arena_mark(a);
	struct sink_row *row;

	if (row_read_analytics(
		r, t->scan.line, t->scan.len, a, &row, &t->why) != 0) {
		arena_back(a, mark);
		return -1;
	}
	if (row != NULL)
		add_to_batch(t, b, row);
	return 0;
}

static struct row_batch *
batch_of(const struct row_reader *t, const struct record *r)
{
	/* Without a time, the tenant's figures in the same batch show whether
	 * it is from before the tenant's removal. */
	bool undated =
	    (r->type == RECORD_EVENT || r->type == RECORD_ASSIGNMENT) &&
	    r->at == CLOCK_NONE;

	return r->type == RECORD_ROW || r->type == RECORD_NAME || undated
		   ? workers_figures(t->workers, r->tenant)
		   : workers_records(t->workers, r->tenant, r->chat);
}

/* Adds the rows of a parsed record, or its marker, to a batch. Returns -1 and
 * t->why if the row or its analysis is bad. */
static int
read_record_rows(struct row_reader *t, const struct record *r)
{
	struct row_batch *b;
	struct arena_mark mark;
	struct sink_row *row;

	if (r->type == RECORD_SNAPSHOT)
		return read_marker(t, r);
	if (!is_stored_type(r->type)) {
		skip_record(t, r);
		return 0;
	}
	t->rows++;
	b = batch_of(t, r);
	mark = arena_mark(&b->arena);
	row = row_read(r, t->scan.line, t->scan.len, &b->arena, &t->why);
	if (row == NULL) {
		arena_back(&b->arena, mark);
		return -1;
	}
	add_to_batch(t, b, row);
	row = row_read_operator_name(
	    row, r, t->scan.line, t->scan.len, &b->arena);
	if (row != NULL)
		add_to_batch(t, b, row);
	return r->type == RECORD_MESSAGE && !r->about ? read_analytics(t, b, r)
						      : 0;
}

/* True if a flush may have such a record: one of its tenant that no other
 * worker stores. */
static bool
is_of_flush(const struct record *r, const struct flush *f)
{
	return text_compare(r->tenant, f->tenant) == 0 &&
	       (r->type == RECORD_ROW || (r->type == RECORD_SNAPSHOT &&
					     r->state == SNAPSHOT_APPLIED));
}

static int
read_flush_record(
    struct row_reader *t, struct row_batch *b, const struct record *r)
{
	if (r->type == RECORD_UNKNOWN && text_is(r->type_name, "state")) {
		b->bytes += t->scan.len;
		if (flush_add_state(t->flush, r->flat, &b->arena, &t->why) == 0)
			return 0;
		t->flush->bad = "a part of its state is bad";
		return -1;
	}
	if (is_of_flush(r, t->flush))
		return read_record_rows(t, r);
	buf_setf(&t->why, "a record that does not belong into a flush");
	return -1;
}

/* Reads all lines of the complete flush into the batch of its tenant, unless
 * that has a flush of the tenant already. */
static enum outcome
read_flush(struct row_reader *t)
{
	struct open_flush *open = t->flushes.complete;
	struct row_batch *b = workers_figures(t->workers, open->flush->tenant);
	struct batch_tenant *of = batch_tenant(b, open->flush->tenant);
	enum outcome o = OUTCOME_DONE;
	const char *rest;
	size_t rest_len;
	struct record r;
	int rc;

	if (of->flush != NULL) {
		b->closed = true;
		return OUTCOME_DONE;
	}
	t->flush = of->flush = flush_keep(open->flush, &b->arena);
	rest_len = scan_rest(&t->scan, &rest);
	(void)buf_room(&open->lines, LINES_BEHIND);
	scan_block(&t->scan, buf_str(&open->lines), open->lines.len);
	while (o == OUTCOME_DONE && (rc = scan_record(&t->scan, &r)) != 0) {
		if (rc == -1)
			buf_setf(&t->why, "%s", buf_str(&t->scan.why));
		if (rc == -1 || read_flush_record(t, b, &r) != 0)
			o = reject_line(t);
	}
	flush_answers_read(t->answers, t->flush);
	flush_lines_drop(&t->flushes);
	t->flush = NULL;
	scan_block(&t->scan, rest, rest_len);
	return o;
}

/* Takes the lines of a flush that are in the block; false: there are none. */
static bool
take_flush_lines(struct row_reader *t)
{
	const char *at;
	size_t len = scan_rest(&t->scan, &at), n;

	if (len == 0)
		return false;
	n = flush_lines_take(&t->flushes, at, len);
	t->lines += lines_count(at, n);
	scan_block(&t->scan, at + n, len - n);
	return true;
}

/* Handles a record that is not for the tables. Returns -1 and t->why if it is
 * bad; *known: it was one. */
static int
read_flush_or_sent(struct row_reader *t, const struct record *r, bool *known)
{
	struct flush flush;
	struct sent sent;
	int bad;

	*known = true;
	if (text_is(r->type_name, "flush")) {
		bad = flush_read(&flush, r->flat, &t->why);
		flush_lines_begin(&t->flushes, bad == 0 ? &flush : NULL);
		return bad;
	}
	if (text_is(r->type_name, "sent")) {
		bad = sent_read(&sent, r->flat, &t->why);
		if (bad == 0)
			flush_answers_ask(t->answers, &sent);
		return bad;
	}
	*known = false;
	return 0;
}

static int
read_record(struct row_reader *t, const struct record *r)
{
	bool known = false;
	int bad = 0;

	if (r->type == RECORD_UNKNOWN)
		bad = read_flush_or_sent(t, r, &known);
	return known ? bad : read_record_rows(t, r);
}

void
row_reader_begin(struct row_reader *t, char *block, size_t len, uint64_t lines)
{
	if (t->ends_message)
		flush_lines_leave(&t->flushes);
	t->ends_message = endpoint_ends_message(t->in);
	t->lines = lines;
	scan_block(&t->scan, block, len);
}

enum outcome
row_reader_lines(struct row_reader *t, bool *more)
{
	enum outcome o = OUTCOME_DONE;
	struct record r;
	int rc;

	*more = true;
	while (o == OUTCOME_DONE && !workers_full(t->workers)) {
		if (t->flushes.complete != NULL) {
			o = read_flush(t);
			continue;
		}
		if (flush_lines_inside(&t->flushes) && take_flush_lines(t))
			continue;
		rc = scan_record(&t->scan, &r);
		*more = rc != 0;
		if (!*more)
			break;
		t->lines++;
		if (rc == -1)
			buf_setf(&t->why, "%s", buf_str(&t->scan.why));
		if (rc == -1 || read_record(t, &r) != 0)
			o = reject_line(t);
	}
	return o;
}

void
row_reader_init(struct row_reader *t, struct endpoint *in,
    struct deadletter *dead, struct workers *workers,
    struct flush_answers *answers)
{
	memset(t, 0, sizeof *t);
	t->in = in;
	t->dead = dead;
	t->workers = workers;
	t->answers = answers;
	flush_lines_init(&t->flushes);
	t->open = (struct strmap)STRMAP_INIT;
	scan_init(&t->scan);
}

void
row_reader_release(struct row_reader *t)
{
	scan_release(&t->scan);
	flat_release(&t->flat);
	buf_release(&t->why);
	strmap_release(&t->open, snapshot_progress_free);
	flush_lines_release(&t->flushes);
}
