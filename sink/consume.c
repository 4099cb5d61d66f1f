/*
 * consume: see consume.h.
 */
#include "sink/consume.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/conf.h"
#include "common/log.h"
#include "common/parse.h"
#include "common/stop.h"
#include "common/xalloc.h"

/* A snapshot that has begun, or that lacks rows. */
struct seen {
	char *snapshot;
	int64_t as_of, arrived, records;
};

static void
seen_free(void *p)
{
	struct seen *s = p;

	if (s != NULL)
		free(s->snapshot);
	free(s);
}

static void
see(struct strmap *map, struct text tenant, struct text snapshot,
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

/* FNV-1a: tells one bad line from another. */
static uint64_t
hash_line(const char *p, size_t len)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; len > 0; len--)
		h = (h ^ (unsigned char)*p++) * UINT64_C(1099511628211);
	return h;
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
		    (unsigned long long)hash_line(line, len));
}

/* A bad row is accounted for in its snapshot, if it tells which that is. */
static void
refuse_bad(struct consume *c, const char *line, size_t len)
{
	struct refusal r = { .as_of = CLOCK_NONE };
	struct buf key = BUF_INIT, unused = BUF_INIT;
	const struct flat *f = &c->flat;
	struct text tenant, as_of;

	if (flat_parse(&c->flat, line, len, &unused) != 0 ||
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
	r.reason = buf_str(&c->why);
	as_of = field_text(f, "as_of", CLOCK_TEXT * 2);
	if (as_of.p == NULL || clock_parse(as_of.p, as_of.len, &r.as_of) != 0)
		r.as_of = clock_now_ms();
	batch_refuse(&c->batch, &r, tenant);
out:
	buf_release(&key);
	buf_release(&unused);
}

static enum outcome
give_up(struct consume *c, enum exit_code code)
{
	c->stage->code = code;
	return OUTCOME_NEVER;
}

static enum outcome
bad_line(struct consume *c, const char *line, size_t len)
{
	enum outcome o = deadletter_add(&c->dead, endpoint_where(c->stage->in),
	    line, len, buf_str(&c->why));

	if (o == OUTCOME_NEVER)
		return give_up(c, c->dead.code);
	if (o == OUTCOME_DONE)
		refuse_bad(c, line, len);
	return o;
}

static int
read_end(struct consume *c, const struct record *r, struct end *end)
{
	const struct seen *begun =
	    strmap_get(&c->open, r->tenant.p, r->tenant.len);

	end->snapshot = r->snapshot;
	end->records = r->records;
	/* The begin marker's time is what the rows carry. An end marker may
	 * tell when it was over instead; alone, it has to be believed. */
	end->as_of = r->at;
	if (begun != NULL && text_is(r->snapshot, begun->snapshot))
		end->as_of = begun->as_of;
	if (end->as_of != CLOCK_NONE)
		return 0;
	buf_setf(&c->why, "field 'at' is missing in an end marker");
	return -1;
}

static int
take_marker(struct consume *c, const struct record *r)
{
	struct seen begun = { NULL, r->at, 0, 0 };
	struct end end;

	if (r->state == SNAPSHOT_BEGIN) {
		see(&c->open, r->tenant, r->snapshot, &begun);
		return 0;
	}
	if (read_end(c, r, &end) != 0)
		return -1;
	seen_free(strmap_delete(&c->open, r->tenant.p, r->tenant.len));
	batch_end(&c->batch, r->tenant, &end);
	return 0;
}

static void
skip(struct consume *c, const struct record *r)
{
	if (c->counts.skipped++ == 0 && r->type != RECORD_UNKNOWN)
		log_warn("records of type %.*s are no rows and are skipped; "
			 "what aggregator writes is wanted here",
		    TEXT_ARG(r->type_name));
}

/* The row is stored all the same; each column is told of once a run. */
static void
note_cut(struct consume *c, const struct row *row)
{
	const struct table *t = row->table;
	uint32_t *said = &c->said_cut[t - tables];
	size_t k;

	for (k = 0; k < t->columns_n; k++) {
		if ((row->cut >> k & 1) == 0)
			continue;
		c->counts.cut++;
		if ((*said >> k & 1) == 0)
			log_warn("%s: a text is too long for %s.%s and is cut "
				 "to %lld characters; so are others like it",
			    endpoint_where(c->stage->in), t->name,
			    t->columns[k].name, (long long)t->columns[k].max);
		*said |= UINT32_C(1) << k;
	}
}

static enum outcome
handle(void *ctx, char *line, size_t len)
{
	struct consume *c = ctx;
	struct arena_mark mark = arena_mark(&c->batch.arena);
	const char *copy;
	struct record r;
	struct row *row = NULL;
	int rc;

	copy = arena_copy_line(&c->batch.arena, line, len);
	rc = record_parse(&r, &c->flat, copy, len, &c->why);
	if (rc == 0 && (r.type == RECORD_ROW || r.type == RECORD_MESSAGE ||
			   r.type == RECORD_VIEW)) {
		c->counts.rows++;
		row = row_read(&r, copy, len, &c->batch.arena, &c->why);
		rc = row != NULL ? 0 : -1;
	} else if (rc == 0 && r.type == RECORD_SNAPSHOT) {
		rc = take_marker(c, &r);
	} else if (rc == 0) {
		skip(c, &r);
	}
	if (row != NULL) {
		row->number = c->stage->lines + 1;
		batch_add(&c->batch, row);
		if (row->cut != 0)
			note_cut(c, row);
		return OUTCOME_DONE;
	}
	if (rc == 0)
		return OUTCOME_DONE;
	arena_back(&c->batch.arena, mark);
	return bad_line(c, line, len);
}

/* Dead letters of the rows that only the database refused. Goes on where it
 * stopped. */
static enum outcome
send_bad(struct consume *c)
{
	char where[32];
	const struct rows *rows;
	const struct row *row;
	enum outcome o;

	for (; c->next_table < TABLES; c->next_table++, c->next_row = 0) {
		rows = &c->batch.rows[c->next_table];
		for (; c->next_row < rows->n; c->next_row++) {
			row = rows->row[c->next_row];
			if (row->fate != ROW_BAD)
				continue;
			snprintf(where, sizeof where, "line %llu",
			    (unsigned long long)row->number);
			o = deadletter_add(
			    &c->dead, where, row->line, row->len, row->reason);
			if (o == OUTCOME_NEVER)
				return give_up(c, c->dead.code);
			if (o != OUTCOME_DONE)
				return o;
		}
	}
	return OUTCOME_DONE;
}

static void
count_rows(struct consume *c)
{
	uint64_t refused = 0, older = 0;
	const struct rows *rows;
	size_t i, k;

	for (k = 0; k < TABLES; k++) {
		rows = &c->batch.rows[k];
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
			case ROW_AGED:
			case ROW_REMOVED:
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
say_missing(struct text tenant, const struct seen *s)
{
	log_warn("snapshot %s of %.*s is not whole: %lld of %lld rows came; "
		 "operators and chats that are gone stay until the next one",
	    s->snapshot, TEXT_ARG(tenant), (long long)s->arrived,
	    (long long)s->records);
}

static void
note_end(struct consume *c, const struct tenant *t)
{
	struct seen now = { NULL, t->ended.as_of, t->arrived,
		t->ended.records };
	struct seen *before = strmap_get(&c->missing, t->name.p, t->name.len);

	if (t->fate == END_NONE || t->fate == END_AGAIN)
		return;
	if (t->fate == END_OLDER || t->fate == END_OVERTAKEN) {
		log_info(t->fate == END_OLDER ? "snapshot_older"
					      : "snapshot_overtaken",
		    "tenant=%.*s snapshot=%.*s", TEXT_ARG(t->name),
		    TEXT_ARG(t->ended.snapshot));
		return;
	}
	if (before != NULL && !text_is(t->ended.snapshot, before->snapshot))
		say_missing(t->name, before);
	if (t->fate == END_INCOMPLETE) {
		see(&c->missing, t->name, t->ended.snapshot, &now);
		return;
	}
	seen_free(strmap_delete(&c->missing, t->name.p, t->name.len));
	c->counts.snapshots++;
	c->counts.swept += t->swept;
	c->counts.left += t->left;
	log_info("snapshot_stored",
	    "tenant=%.*s snapshot=%.*s rows=%lld swept=%llu left=%llu",
	    TEXT_ARG(t->name), TEXT_ARG(t->ended.snapshot),
	    (long long)t->arrived, (unsigned long long)t->swept,
	    (unsigned long long)t->left);
}

static void
note_ends(struct consume *c)
{
	struct strmap_entry *e;
	size_t i = 0;

	while ((e = strmap_next(&c->batch.tenants, &i)) != NULL)
		note_end(c, e->value);
}

static enum outcome
store(struct consume *c)
{
	enum outcome o;

	batch_sort(&c->batch);
	o = store_batch(&c->store, &c->batch, c->stage->patient);
	if (o == OUTCOME_NEVER) {
		log_error("%s", db_why(c->store.db));
		return give_up(c, db_code(c->store.db));
	}
	if (o == OUTCOME_LATER && !stop_asked())
		log_error(
		    "%s; nothing is lost, run it again", db_why(c->store.db));
	if (o != OUTCOME_DONE)
		return o;
	count_rows(c);
	note_ends(c);
	c->committed = true;
	c->next_table = c->next_row = 0;
	return OUTCOME_DONE;
}

static enum outcome
flush(void *ctx)
{
	struct consume *c = ctx;
	enum outcome o = OUTCOME_DONE;

	if (!c->committed && !batch_is_empty(&c->batch))
		o = store(c);
	if (o == OUTCOME_DONE && c->committed)
		o = send_bad(c);
	if (o == OUTCOME_DONE) {
		c->committed = false;
		batch_clear(&c->batch);
	}
	return o;
}

/* The broker hangs up on who is silent for long. */
static void
pump(void *ctx)
{
	struct consume *c = ctx;

	endpoint_pump(c->stage->in);
	deadletter_pump(&c->dead);
}

void
consume_init(struct consume *c, struct stage *stage, struct db *db,
    const struct conf *conf, const struct endpoint_options *opt)
{
	memset(c, 0, sizeof *c);
	c->stage = stage;
	c->by_hand = !endpoint_is_queue(endpoint_name(stage->in));
	c->batch.tenants = c->open = c->missing = (struct strmap)STRMAP_INIT;
	store_init(&c->store, db, conf_int(conf, "reaper", "tombstones"),
	    conf_text(conf, "reaper", "on_close")[0] == 'a');
	deadletter_open(&c->dead, stage->in, opt);
	db_on_wait(db, pump, c);
	stage->dead = &c->dead;
	stage->ctx = c;
	stage->batch_records = (size_t)conf_int(conf, "sink", "batch");
	stage->batch_ms = (int)conf_int(conf, "sink", "batch_age");
	stage->patient = opt->patient;
	stage->handle = handle;
	stage->flush = flush;
}

/* Snapshots that began and never ended, and those that lack rows. */
static bool
say_unfinished(struct consume *c)
{
	struct strmap_entry *e;
	const struct seen *s;
	struct text tenant;
	size_t i = 0;

	while ((e = strmap_next(&c->missing, &i)) != NULL) {
		tenant.p = e->key;
		tenant.len = e->key_len;
		say_missing(tenant, e->value);
	}
	for (i = 0; c->by_hand && (e = strmap_next(&c->open, &i)) != NULL;) {
		s = e->value;
		log_warn("snapshot %s of %s was cut: its end marker is "
			 "missing",
		    s->snapshot, e->key);
	}
	return c->missing.live > 0 || c->open.live > 0;
}

enum exit_code
consume_finish(struct consume *c, enum exit_code code)
{
	const struct consume_counts *n = &c->counts;
	bool unfinished = c->stage->ended && say_unfinished(c);

	log_info("sink_done",
	    "rows=%llu stored=%llu refused=%llu older=%llu dead=%llu "
	    "cut=%llu skipped=%llu batches=%llu snapshots=%llu swept=%llu "
	    "left=%llu",
	    (unsigned long long)n->rows, (unsigned long long)n->stored,
	    (unsigned long long)n->refused, (unsigned long long)n->older,
	    (unsigned long long)c->dead.count, (unsigned long long)n->cut,
	    (unsigned long long)n->skipped, (unsigned long long)n->batches,
	    (unsigned long long)n->snapshots, (unsigned long long)n->swept,
	    (unsigned long long)n->left);
	if (code != PROG_OK || !c->by_hand || !c->stage->ended)
		return code;
	if (c->stage->lines == 0) {
		log_error("no input; give it the rows that aggregator writes");
		return PROG_NOINPUT;
	}
	return unfinished ? PROG_DATA : PROG_OK;
}

void
consume_release(struct consume *c)
{
	deadletter_close(&c->dead);
	store_release(&c->store);
	batch_release(&c->batch);
	flat_release(&c->flat);
	buf_release(&c->why);
	strmap_release(&c->open, seen_free);
	strmap_release(&c->missing, seen_free);
}
