/*
 * stream_tables: the tenants of a stream and the tables of its state. A flush
 * writes a tenant's changes into them:
 *
 *   names       number -> name of a tenant
 *   tenants     tenant -> whether it is aged, the version of its hours and
 *               targets, the seeds of its hashes, and what no other table has
 *   operators   tenant, id -> operator
 *   chats       tenant, number -> head
 *   messages    tenant, number, segment -> messages
 *   seen        tenant, span, version -> identities of events of that span
 *   allocation  tenant, key -> entry of allocation_pack()
 *
 * All keys begin with the tenant's number, which belongs to this file: the same
 * tenant may have another number in the state of another machine. Everything
 * else about a tenant is the same there, including the numbers of its chats.
 *
 * Three more, rows, reservations and notice_lines, have the lines of the last
 * flush, which stream_flush.c writes and deletes.
 *
 * LMDB writes whole pages, so data that change in the same flush should be
 * adjacent. Therefore a tenant's chats are numbered in the order in which they
 * begin, and the identities of events are a log: each flush appends one run
 * under a growing key. When a span leaves the window, flushes delete it in
 * small steps.
 *
 * The start reads the operators, identities and chat heads of every tenant. The
 * messages of a chat are read when a record about the chat arrives, and the
 * counts of the streaming metrics (keyed_state.h) when they change.
 */
#include "aggregator/stream/stream.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/digest/random.h"

#include "aggregator/model/model_pack.h"

/* Length of a chat's number. */
#define CHAT_BYTES 5
/* Tenant, span and version; see save_run(). */
#define RUN_KEY_BYTES (STATE_TENANT_BYTES + 2 + 8)

/* Maximum number of runs of expired identities that one flush deletes. */
#define EXPIRE_RUNS 64

struct key
stream_tenant_key(const struct stream_tenant *t)
{
	struct key k = { .len = 0 };

	key_short(&k, t->number, STATE_TENANT_BYTES);
	return k;
}

static struct key
chat_key(const struct stream_tenant *t, uint64_t number)
{
	struct key k = stream_tenant_key(t);

	key_short(&k, number, CHAT_BYTES);
	return k;
}

static struct key
segment_key(const struct stream_tenant *t, uint64_t number, size_t segment)
{
	struct key k = chat_key(t, number);

	key_short(&k, segment, 4);
	return k;
}

/* Reads the messages of a chat if only its head is loaded. */
static void
fetch_chat_messages(void *ctx, struct model *m, struct chat *c)
{
	struct stream_tenant *t = ctx;
	struct stream *s = t->stream;
	size_t i, n = model_segments(c).stored, len = 0;
	const void *data = NULL;
	struct key k;

	for (i = 0; i < n; i++) {
		k = segment_key(t, c->number, i);
		if (!lmdb_get(
			s->tables.messages, k.bytes, k.len, &data, &len) ||
		    model_unpack_segment(m, c, data, len) == -1) {
			state_set_damaged(s->state);
			return;
		}
	}
}

static struct stream_tenant *
add_tenant(struct stream *s, struct text name)
{
	struct stream_tenant *t = xcalloc(1, sizeof *t);

	t->name = text_dup(name);
	t->stream = s;
	t->number = (uint32_t)s->tenants_n;
	t->next_chat = 1;
	pipeline_init(&t->pipeline, &s->setup, name, t->number);
	t->pipeline.model.fetch = fetch_chat_messages;
	random_fill(t->seed, sizeof t->seed);
	pipeline_seed(&t->pipeline, t->seed);
	XGROW(s->tenants, s->tenants_n, s->tenants_cap);
	s->tenants[s->tenants_n++] = t;
	return t;
}

struct stream_tenant *
stream_tenant(struct stream *s, struct text name)
{
	struct stream_tenant *t = s->last;
	struct key k;
	void **slot;

	if (t != NULL && text_is(name, t->name))
		return t;
	slot = strmap_put(&s->names, name.p, name.len);
	if (*slot == NULL) {
		*slot = t = add_tenant(s, name);
		k = stream_tenant_key(t);
		lmdb_put(s->tables.names, k.bytes, k.len, name.p, name.len);
	}
	s->last = *slot;
	return *slot;
}

/* Writing a tenant's changes into the tables. */

static void
save_tenant(struct stream_tenant *t)
{
	struct stream *s = t->stream;
	struct key k = stream_tenant_key(t);
	uint64_t version = terms_version(t->pipeline.model.terms);

	buf_clear(&s->scratch);
	buf_addc(&s->scratch, t->aged ? 1 : 0);
	buf_add(&s->scratch, &version, sizeof version);
	buf_add(&s->scratch, t->seed, sizeof t->seed);
	model_pack_tenant(&t->pipeline.model, &s->scratch);
	lmdb_put(
	    s->tables.tenants, k.bytes, k.len, s->scratch.data, s->scratch.len);
}

/* The figures of an operator, and an operator without a record, follow from the
 * chats. */
static void
save_operators(struct stream_tenant *t)
{
	struct model *m = &t->pipeline.model;
	struct stream *s = t->stream;
	struct operator_info *o;
	struct key k;
	size_t i;

	for (i = 0; i < m->changes.operators_n; i++) {
		o = m->changes.operators[i];
		if (!o->described)
			continue;
		k = stream_tenant_key(t);
		key_append(&k, model_name(m, o->id));
		buf_clear(&s->scratch);
		model_pack_operator(m, o, &s->scratch);
		lmdb_put(s->tables.operators, k.bytes, k.len, s->scratch.data,
		    s->scratch.len);
	}
}

static void
delete_segments(
    const struct stream_tenant *t, uint64_t number, size_t from, size_t to)
{
	struct key k;

	for (; from < to; from++) {
		k = segment_key(t, number, from);
		lmdb_delete(t->stream->tables.messages, k.bytes, k.len);
	}
}

static void
delete_chat(const struct stream_tenant *t, const struct chat *c)
{
	struct key k = chat_key(t, c->number);

	delete_segments(t, c->number, 0, model_segments(c).stored);
	lmdb_delete(t->stream->tables.chats, k.bytes, k.len);
}

static void
save_chat(struct stream_tenant *t, struct chat *c)
{
	struct stream *s = t->stream;
	struct model_segments seg = model_segments(c);
	struct key k = chat_key(t, c->number);

	buf_clear(&s->scratch);
	model_pack_chat(&t->pipeline.model, c, &s->scratch);
	lmdb_put(
	    s->tables.chats, k.bytes, k.len, s->scratch.data, s->scratch.len);
	delete_segments(t, c->number, seg.to, seg.stored);
	for (; seg.from < seg.to; seg.from++) {
		buf_clear(&s->scratch);
		model_pack_segment(
		    &t->pipeline.model, c, seg.from, &s->scratch);
		k = segment_key(t, c->number, seg.from);
		lmdb_put(s->tables.messages, k.bytes, k.len, s->scratch.data,
		    s->scratch.len);
	}
}

static void
save_chats(struct stream_tenant *t)
{
	const struct model_changes *changes = &t->pipeline.model.changes;
	struct chat *c;
	size_t i;

	for (i = 0; i < changes->chats_n; i++) {
		c = changes->chats[i];
		if (!c->gone && c->number == 0)
			c->number = t->next_chat++;
		if (!c->gone)
			save_chat(t, c);
		else if (c->number != 0)
			delete_chat(t, c);
	}
}

static void
note_run(struct stream_tenant *t, uint16_t span)
{
	if (!t->has_runs || (int16_t)(uint16_t)(span - t->oldest_run) < 0)
		t->oldest_run = span;
	t->has_runs = true;
}

static void
save_run(void *ctx, uint16_t span, const void *p, size_t len)
{
	struct stream_tenant *t = ctx;
	struct stream *s = t->stream;
	struct key k = stream_tenant_key(t);

	key_short(&k, span, 2);
	key_number(&k, (uint64_t)state_version(s->state));
	lmdb_put(s->tables.seen, k.bytes, k.len, p, len);
	note_run(t, span);
}

static void
expire_runs(struct stream_tenant *t)
{
	size_t left = EXPIRE_RUNS, n;
	struct key k;

	while (t->has_runs && left > 0 &&
	       model_span_is_over(&t->pipeline.model, t->oldest_run)) {
		k = stream_tenant_key(t);
		key_short(&k, t->oldest_run, 2);
		n = lmdb_delete_prefix(
		    t->stream->tables.seen, k.bytes, k.len, left);
		if (n < left)
			t->oldest_run++;
		left -= n > 0 ? n : 1;
	}
}

static void
save_allocation_entry(void *ctx, const struct buf *key, const struct buf *value)
{
	const struct stream_tenant *t = ctx;
	struct lmdb_table *to = t->stream->tables.allocation;
	struct key k = stream_tenant_key(t);

	key_append(&k, (struct text){ key->data, key->len });
	if (value->len > 0)
		lmdb_put(to, k.bytes, k.len, value->data, value->len);
	else
		lmdb_delete(to, k.bytes, k.len);
}

void
stream_save(struct stream_tenant *t)
{
	save_tenant(t);
	save_operators(t);
	save_chats(t);
	model_pack_events(&t->pipeline.model, t, save_run);
	expire_runs(t);
	if (t->pipeline.allocation != NULL)
		allocation_pack(
		    t->pipeline.allocation, save_allocation_entry, t);
	keyed_state_home_save(&t->pipeline.streaming->home);
}

/* Reading the tables at the start. */

/* Reports that the state is damaged. Always returns false. */
static bool
damaged(const struct stream *s)
{
	state_set_damaged(s->state);
	return false;
}

/* Returns the tenant whose number is at the start of the bytes; NULL if the
 * state is damaged. */
static struct stream_tenant *
tenant_at(const struct stream *s, const void *bytes, size_t len)
{
	size_t at = 0;
	uint64_t n = key_read_short(
	    (struct text){ bytes, len }, &at, STATE_TENANT_BYTES);

	if (at > 0 && n < s->tenants_n)
		return s->tenants[n];
	(void)damaged(s);
	return NULL;
}

/* Returns false if unpacking failed because the state is damaged. */
static bool
check_unpacked(const struct stream *s, int rc)
{
	return rc == -1 ? damaged(s) : rc == 0;
}

static bool
load_name(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct stream *s = ctx;
	void **slot = strmap_put(&s->names, data, len);
	struct stream_tenant *t;
	size_t at = 0;

	if (*slot != NULL || key_len != STATE_TENANT_BYTES ||
	    key_read_short((struct text){ key, key_len }, &at, key_len) !=
		s->tenants_n)
		return damaged(s);
	*slot = t = add_tenant(s, (struct text){ data, len });
	stream_log_load_head(t);
	return true;
}

static bool
load_tenant_entry(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct stream *s = ctx;
	struct stream_tenant *t = tenant_at(s, key, key_len);
	const char *p = data;
	uint64_t version;
	size_t head = 1 + sizeof version + sizeof t->seed;

	if (t == NULL || len < head)
		return damaged(s);
	t->aged = p[0] != 0;
	memcpy(&version, p + 1, sizeof version);
	memcpy(t->seed, p + 1 + sizeof version, sizeof t->seed);
	pipeline_seed(&t->pipeline, t->seed);
	t->other_terms = version != terms_version(t->pipeline.model.terms);
	if (!check_unpacked(s,
		model_unpack_tenant(&t->pipeline.model, p + head, len - head)))
		return false;
	streaming_metrics_resume(
	    t->pipeline.streaming, t->pipeline.model.as_of);
	return true;
}

static bool
load_operator_entry(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct stream *s = ctx;
	struct stream_tenant *t = tenant_at(s, key, key_len);

	return t != NULL &&
	       check_unpacked(
		   s, model_unpack_operator(&t->pipeline.model, data, len));
}

static bool
load_chat_entry(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct stream *s = ctx;
	struct stream_tenant *t = tenant_at(s, key, key_len);
	uint64_t number;
	size_t at = STATE_TENANT_BYTES;

	if (t == NULL || key_len != STATE_TENANT_BYTES + CHAT_BYTES)
		return damaged(s);
	number = key_read_short((struct text){ key, key_len }, &at, CHAT_BYTES);
	/* Chats come in the order of their numbers. */
	t->next_chat = number + 1;
	return check_unpacked(
	    s, model_unpack_chat(&t->pipeline.model, data, len, number));
}

static bool
load_identity_run(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct stream *s = ctx;
	struct stream_tenant *t = tenant_at(s, key, key_len);
	size_t at = STATE_TENANT_BYTES;
	uint16_t span;

	if (t == NULL || key_len != RUN_KEY_BYTES)
		return damaged(s);
	span = (uint16_t)key_read_short((struct text){ key, key_len }, &at, 2);
	note_run(t, span);
	return check_unpacked(
	    s, model_unpack_events(&t->pipeline.model, span, data, len));
}

static bool
load_allocation_entry(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct stream_tenant *t = ctx;

	if (key_len > STATE_TENANT_BYTES &&
	    allocation_unpack(t->pipeline.allocation,
		(const char *)key + STATE_TENANT_BYTES,
		key_len - STATE_TENANT_BYTES, data, len) == 0)
		return true;
	state_set_damaged(t->stream->state);
	return false;
}

static void
load_allocation(struct stream *s)
{
	struct stream_tenant *t;
	struct key k;
	size_t i;

	for (i = 0; i < s->tenants_n; i++) {
		t = s->tenants[i];
		k = stream_tenant_key(t);
		lmdb_each(s->tables.allocation, k.bytes, k.len,
		    load_allocation_entry, t);
		allocation_read(
		    t->pipeline.allocation, &t->pipeline.model, true);
		if (t->loaded)
			allocation_repeat(t->pipeline.allocation);
		/* There may be unassigned chats. */
		stream_touch(t);
	}
}

/* Another machine may have died before it published them. */
static void
repeat_notices(struct stream *s)
{
	struct stream_tenant *t;
	size_t i;

	for (i = 0; i < s->tenants_n; i++) {
		t = s->tenants[i];
		if (s->notify != NULL && t->loaded)
			notice_metric_repeat(
			    t->pipeline.streaming, stream_noticed, t);
	}
}

/* A tenant without a time has no rows yet, so all of its entries count as
 * changed. */
static void
list_undated(const struct stream *s)
{
	size_t i;

	for (i = 0; i < s->tenants_n; i++)
		if (stream_is_undated(s->tenants[i]))
			pipeline_list_all(&s->tenants[i]->pipeline);
}

/* Rows of the current state depend on hours and targets, so all of these rows
 * are written again after a change of hours or targets. */
static void
list_with_other_terms(const struct stream *s)
{
	struct stream_tenant *t;
	size_t i;

	for (i = 0; i < s->tenants_n; i++) {
		t = s->tenants[i];
		if (!t->other_terms || stream_is_undated(t))
			continue;
		model_list_all(&t->pipeline.model);
		stream_touch(t);
	}
}

/* The database lacks rows of these tenants. */
static void
list_forced(const struct stream *s)
{
	struct stream_tenant *t;
	size_t i;

	for (i = 0; i < s->tenants_n; i++) {
		t = s->tenants[i];
		if (!t->forced)
			continue;
		pipeline_list_all(&t->pipeline);
		stream_touch(t);
	}
}

static int
load_tables(struct stream *s)
{
	const struct stream_tables *t = &s->tables;
	size_t i;

	lmdb_each(t->tenants, NULL, 0, load_tenant_entry, s);
	lmdb_each(t->operators, NULL, 0, load_operator_entry, s);
	lmdb_each(t->seen, NULL, 0, load_identity_run, s);
	lmdb_each(t->chats, NULL, 0, load_chat_entry, s);
	list_undated(s);
	list_with_other_terms(s);
	list_forced(s);
	stream_counter_load(s);
	if (t->allocation != NULL)
		load_allocation(s);
	repeat_notices(s);
	for (i = 0; i < s->tenants_n; i++)
		staging_load(&s->staging, text_from(s->tenants[i]->name));
	staging_expire(&s->staging);
	return state_failed(s->state) ? -1 : 0;
}

/* Stores in the state whether a metric is computed. If this changed since the
 * last run, appends the name to one of the lists. */
static void
note_computed(struct stream *s, const char *name, bool is, struct buf *ended,
    struct buf *resumed)
{
	char *key = xasprintf("computes %s", name);
	int64_t was = state_number(s->state, key, -1), now = is ? 1 : 0;
	struct buf *list = is ? resumed : ended;

	if (was != now)
		state_set_number(s->state, key, now);
	if (was >= 0 && was != now)
		buf_addf(list, "%s%s", list->len > 0 ? ", " : "", name);
	free(key);
}

/* Metrics of history are written as events happen. If such a metric is not
 * computed for some minutes, these minutes are missing permanently, so a change
 * of the selection is reported. */
static void
report_selection(struct stream *s)
{
	const struct metric_selection *c = &s->job->selection;
	struct buf ended = BUF_INIT, resumed = BUF_INIT;
	const char *last = "";
	size_t i;

	for (i = 0; i < metrics_n; i++) {
		const struct table *t = metrics[i]->table;

		if (t->life == LIFE_NOW || metrics[i]->acts ||
		    strcmp(t->selector, last) == 0)
			continue;
		last = t->selector;
		note_computed(s, last, metric_selection_has(c, t->name), &ended,
		    &resumed);
	}
	note_computed(s, "messages", c->messages, &ended, &resumed);
	note_computed(s, "views", c->views, &ended, &resumed);
	note_computed(s, "eventlog", c->eventlog, &ended, &resumed);
	if (ended.len > 0)
		log_warn("[aggregator] metrics or -a no longer has %s; it "
			 "will lack everything from now on",
		    buf_str(&ended));
	if (resumed.len > 0)
		log_warn("[aggregator] metrics or -a has %s again; it lacks "
			 "everything that happened in between",
		    buf_str(&resumed));
	buf_release(&ended);
	buf_release(&resumed);
}

enum exit_code
stream_open_state(struct stream *s, struct buf *why)
{
	const struct conf *conf = s->job->conf;
	const struct state_identity id = { s->job->definition->name,
		s->setup.window_ms };
	const struct {
		struct lmdb_table **table;
		const char *name;
	} own[] = {
		{ &s->tables.names, "names" },
		{ &s->tables.tenants, "tenants" },
		{ &s->tables.chats, "chats" },
		{ &s->tables.messages, "messages" },
		{ &s->tables.operators, "operators" },
		{ &s->tables.seen, "seen" },
		{ &s->rows.table, "rows" },
		{ &s->notices.table, "notice_lines" },
		{ &s->tables.allocation, "allocation" },
		{ &s->reservations.table, "reservations" },
	};
	/* The last two are for allocation. */
	size_t n = ARRAY_LEN(own) - (s->job->selection.allocation ? 0 : 2);
	int64_t limit = conf_int(conf, "aggregator", "state_limit");
	enum exit_code code = PROG_OK;
	size_t i;

	s->state = state_open(s->job->state, &id, (size_t)limit, &code, why);
	if (s->state == NULL)
		return code;
	s->setup.state = s->state;
	for (i = 0; i < n; i++)
		*own[i].table = state_table(s->state, own[i].name);
	staging_open(&s->staging, s->state);
	code = stream_log_open(s, why);
	if (code != PROG_OK)
		return code;
	if (!state_failed(s->state))
		lmdb_each(s->tables.names, NULL, 0, load_name, s);
	return state_failed(s->state) ? state_commit(s->state, why) : PROG_OK;
}

enum exit_code
stream_load_state(struct stream *s, struct buf *why)
{
	if (s->shared != NULL)
		shared_record(s->shared);
	if (load_tables(s) == -1)
		return state_commit(s->state, why);
	report_selection(s);
	return PROG_OK;
}
