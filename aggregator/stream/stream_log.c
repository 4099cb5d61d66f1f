/*
 * stream_log: with [aggregator] keep_state = database, the sink commits the
 * rows of a tenant's flush together with the changes of the state from which
 * they were computed (aggregator/state/shared.h), and only if the database's
 * head of that tenant is the flush before. So the database always has figures
 * and state of the same moment, and of two aggregators that both believe to be
 * in charge, one is refused.
 *
 * The lines of a tenant's flush (messaging-stream(7)):
 *
 *   flush     which flush it is, and which one it follows
 *   row ...   as without this
 *   state ... the delta, in base64
 *   flushed
 *
 * A flush of more than PART_BYTES is divided between messages of the broker,
 * which all begin with the line `flush`. The line `sent` ends the flushes of
 * all tenants: the sink answers it when everything before it is stored or
 * refused. An answer may get lost, so the lines are sent again after a while,
 * unchanged: the sink knows what it has stored.
 *
 * The table heads has the last two flushes of each tenant: that of the last
 * commit, whose lines may not be stored, and the one before.
 */
#include "aggregator/stream/stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/containers/pack.h"
#include "common/digest/encoding.h"
#include "common/digest/random.h"
#include "common/json/json_text.h"
#include "common/json/jsonw.h"
#include "common/os/stop.h"

#define PART_BYTES ((size_t)1 << 20)
/* Smaller flushes share messages of about this size. */
#define MESSAGE_BYTES ((size_t)120 << 10)

/* How long to wait for an answer before the lines are sent again. */
#define PATIENCE_MS 10000
#define PATIENCE_MAX_MS 120000
/* How long a daemon waits at a time, and at its end. */
#define WAIT_MS 3000
#define STOP_SPARE_MS 2500
#define SLICE_MS 200

#define FLUSH_LINE "{\"type\":\"flush\","

/* ---- heads ---- */

void
stream_log_load_head(struct stream_tenant *t)
{
	struct stream *s = t->stream;
	struct key k = stream_tenant_key(t);
	const void *data = NULL;
	struct pack r;
	size_t len = 0;

	if (!lmdb_get(s->log.heads, k.bytes, k.len, &data, &len))
		return;
	r = pack_open_bare(data, len);
	t->head.version = (int64_t)pack_fixed(&r);
	t->head.writer = pack_fixed(&r);
	t->before.version = (int64_t)pack_fixed(&r);
	t->before.writer = pack_fixed(&r);
	if (pack_end(&r) == -1)
		state_set_damaged(s->state);
}

void
stream_log_save_head(const struct stream_tenant *t)
{
	struct key k = stream_tenant_key(t);
	struct buf b = BUF_INIT;

	pack_put_fixed(&b, (uint64_t)t->head.version);
	pack_put_fixed(&b, t->head.writer);
	pack_put_fixed(&b, (uint64_t)t->before.version);
	pack_put_fixed(&b, t->before.writer);
	lmdb_put(t->stream->log.heads, k.bytes, k.len, b.data, b.len);
	buf_release(&b);
}

/* A flush that was not stored leaves entries that the database does not have. A
 * tenant without an earlier flush begins again with nothing. */
static void
discard_tenant(struct stream_tenant *t)
{
	struct stream *s = t->stream;

	if (t->before.version == 0)
		shared_delete(s->shared, t->number);
	t->head = (struct stream_head){ t->before.version, STREAM_REFUSED };
	t->before = (struct stream_head){ 0, 0 };
	stream_log_save_head(t);
}

void
stream_log_discard(struct stream *s)
{
	size_t i;

	for (i = 0; i < s->tenants_n; i++)
		if (s->tenants[i]->head.version == s->log.sent_version)
			discard_tenant(s->tenants[i]);
	stream_delete_lines(s);
}

/* ---- opening ---- */

static char *
name_host(void)
{
	char name[256] = "";

	if (gethostname(name, sizeof name - 1) != 0 || name[0] == '\0')
		return xstrdup("unknown");
	return xstrdup(name);
}

/* Its changes would be missing in the database, whose state another machine, or
 * this one later, would take for the newest. */
static enum exit_code
refuse_local(const struct stream *s, struct buf *why)
{
	const char *folder = s->job->state;

	buf_setf(why,
	    "the state in '%s' is kept in the database, and may not leave it; "
	    "use [aggregator] keep_state = database, [mysql] and -t "
	    "queue:rows, or remove '%s/stream.mdb' to begin with an empty "
	    "state",
	    folder, folder);
	return PROG_CONFIG;
}

/* A run until the queue is empty goes on as the last one did; in an empty
 * folder, as the database has it, because counts that began again would replace
 * those in the database. */
static enum exit_code
choose_database(struct stream *s, bool *database, struct buf *why)
{
	enum keep_state keep = s->job->keep;

	*database = lmdb_any(s->log.heads);
	if (keep == KEEP_LOCAL && *database)
		return refuse_local(s, why);
	if (keep == KEEP_AS_BEFORE && !*database && !lmdb_any(s->tables.names))
		return stream_sync_find(s, database, why);
	*database = *database || keep == KEEP_IN_DATABASE;
	return PROG_OK;
}

enum exit_code
stream_log_open(struct stream *s, struct buf *why)
{
	enum exit_code code;
	bool database;

	s->log.heads = state_table(s->state, "heads");
	code = choose_database(s, &database, why);
	if (code != PROG_OK || !database)
		return code;
	s->shared = shared_open(s->state);
	s->log.writer = random_64() | 1;
	s->log.sent_writer = (uint64_t)state_number(s->state, "sent writer", 0);
	s->log.sent_version = state_number(s->state, "sent version", 0);
	s->log.patience_ms = PATIENCE_MS;
	s->log.host = name_host();
	s->log.identity = xasprintf("%s definition=%s window=%" PRId64 "ms",
	    state_format(), s->job->definition->name, s->setup.window_ms);
	return PROG_OK;
}

void
stream_log_close(struct stream *s)
{
	shared_close(s->shared);
	free(s->log.host);
	free(s->log.identity);
	buf_release(&s->log.open);
}

/* ---- the lines of a flush ---- */

static void
add_writer(struct buf *b, const char *key, uint64_t writer)
{
	char text[17];

	(void)snprintf(text, sizeof text, "%016" PRIx64, writer);
	jsonw_str(b, key, text);
}

/* Puts the line with which the next part of the current flush begins. */
static void
begin_part(struct stream *s)
{
	buf_clear(&s->scratch);
	buf_addf(&s->scratch, "%s,\"part\":%zu}", buf_str(&s->log.open),
	    ++s->log.part);
	stream_add_line(s, s->scratch.data, s->scratch.len);
	s->log.part_bytes = s->scratch.len;
}

static void
compose_open(const struct stream_tenant *t, int64_t version, int64_t from)
{
	struct stream *s = t->stream;
	struct buf *b = &s->log.open;

	buf_clear(b);
	jsonw_open(b);
	jsonw_str(b, "type", "flush");
	jsonw_str(b, "tenant", t->name);
	jsonw_str(b, "stream", endpoint_amqp_name(endpoint_name(s->in)));
	jsonw_int(b, "version", version);
	add_writer(b, "writer", s->log.writer);
	jsonw_int(b, "prev_version", t->head.version);
	if (t->head.version > 0)
		add_writer(b, "prev_writer", t->head.writer);
	else
		jsonw_str(b, "prev_writer", "");
	jsonw_int(b, "from", from);
	/* The round, and the number of this flush in it. */
	jsonw_int(b, "n", version);
	jsonw_int(b, "i", (int64_t)++s->log.flushes);
	jsonw_str(b, "identity", s->log.identity);
	jsonw_str(b, "host", s->log.host);
	if (t->forced)
		jsonw_bool(b, "force", true);
}

void
stream_log_begin(struct stream_tenant *t)
{
	struct stream *s = t->stream;
	int64_t version = state_version(s->state), from = version;

	if (s->shared == NULL)
		return;
	if (!t->whole)
		from = shared_add_slice(s->shared, t->number, version);
	compose_open(t, version, from);
	s->log.part = 0;
	begin_part(s);
	t->before = t->head;
	t->head = (struct stream_head){ version, s->log.writer };
	stream_log_save_head(t);
}

void
stream_log_add(struct stream *s, const char *line, size_t len)
{
	if (s->log.open.len > 0 && s->log.part_bytes + len > PART_BYTES)
		begin_part(s);
	s->log.part_bytes += len + 1;
	stream_add_line(s, line, len);
}

/* A shared_part_fn. */
static void
add_state_line(void *ctx, const struct buf *part)
{
	struct stream *s = ctx;
	struct buf line = BUF_INIT;

	buf_adds(&line, "{\"type\":\"state\",\"data\":\"");
	base64_encode(&line, part->data, part->len);
	buf_adds(&line, "\"}");
	stream_log_add(s, line.data, line.len);
	buf_release(&line);
}

void
stream_log_end(struct stream_tenant *t)
{
	static const char end[] = "{\"type\":\"flushed\"}";
	struct stream *s = t->stream;

	if (s->shared == NULL)
		return;
	shared_take(s->shared, t->number, t->whole, add_state_line, s);
	t->whole = t->forced = false;
	buf_clear(&s->log.open);
	stream_add_line(s, end, sizeof end - 1);
}

void
stream_log_ask(struct stream *s)
{
	if (s->shared == NULL || s->log.flushes == 0)
		return;
	s->log.sent_writer = s->log.writer;
	s->log.sent_version = state_version(s->state);
	state_set_number(s->state, "sent writer", (int64_t)s->log.sent_writer);
	state_set_number(s->state, "sent version", s->log.sent_version);
	buf_clear(&s->scratch);
	jsonw_open(&s->scratch);
	jsonw_str(&s->scratch, "type", "sent");
	add_writer(&s->scratch, "writer", s->log.sent_writer);
	jsonw_int(&s->scratch, "n", s->log.sent_version);
	jsonw_int(&s->scratch, "flushes", (int64_t)s->log.flushes);
	s->log.flushes = 0;
	jsonw_close(&s->scratch);
	stream_add_line(s, s->scratch.data, s->scratch.len);
}

bool
stream_log_is_complete(const struct stream *s)
{
	size_t i;

	for (i = 0; i < s->tenants_n; i++)
		if (stream_log_due(s->tenants[i]))
			return false;
	return true;
}

/* ---- the outputs ---- */

/* The message ends before a part, and before a flush if it is long enough. */
static bool
begins_message(const struct stream *s, const char *line, size_t len)
{
	static const char first[] = "\"part\":1}";
	size_t n = sizeof first - 1;

	if (len < n || strncmp(line, FLUSH_LINE, strlen(FLUSH_LINE)) != 0)
		return false;
	return s->log.message_bytes >= MESSAGE_BYTES ||
	       memcmp(line + len - n, first, n) != 0;
}

int
stream_log_write(struct stream *s, const char *line, size_t len)
{
	endpoint_together(s->out, true);
	if (begins_message(s, line, len)) {
		endpoint_break(s->out);
		s->log.message_bytes = 0;
	}
	s->log.message_bytes += len + 1;
	return endpoint_write(s->out, line, len);
}

void
stream_log_sent(struct stream *s)
{
	if (s->shared == NULL)
		return;
	endpoint_together(s->out, false);
	endpoint_break(s->out);
	s->log.message_bytes = 0;
	s->log.confirmed_ms = 0;
	s->out_marked = false;
}

static enum outcome
write_again(struct stream *s)
{
	log_info("flush_sent_again", "version=%" PRId64, s->log.sent_version);
	return stream_write_lines(s) == OUTCOME_DONE ? OUTCOME_LATER
						     : OUTCOME_NEVER;
}

/* Sends the lines again if the broker has had them for long. */
static enum outcome
send_again(struct stream *s)
{
	int64_t now = clock_mono_ms();

	if (!s->out_marked &&
	    !(s->out_marked = endpoint_flush_begin(s->out, &s->out_mark)))
		return endpoint_connect(s->out) == OUTCOME_NEVER
			   ? OUTCOME_NEVER
			   : OUTCOME_LATER;
	if (s->log.confirmed_ms == 0 &&
	    endpoint_flush_done(s->out, s->out_mark))
		s->log.confirmed_ms = now;
	if (s->log.confirmed_ms == 0 ||
	    now - s->log.confirmed_ms < s->log.patience_ms)
		return OUTCOME_LATER;
	if (s->log.patience_ms < PATIENCE_MAX_MS)
		s->log.patience_ms *= 2;
	return write_again(s);
}

static enum outcome
accept_refusal(struct stream *s, const struct flat *f)
{
	const struct flat_field *tenant = flat_find(f, "tenant"),
				*reason = flat_find(f, "reason");
	struct text t = { "", 0 }, r = { "", 0 };

	if (tenant != NULL)
		t = (struct text){ tenant->val, tenant->val_len };
	if (reason != NULL)
		r = (struct text){ reason->val, reason->val_len };
	log_warn("tenant %.*s: the database has a state that this aggregator "
		 "did not write: %.*s; starting again from there",
	    TEXT_ARG(t), TEXT_ARG(r));
	s->log.refused = true;
	return OUTCOME_NEVER;
}

static enum outcome
take_result(
    struct stream *s, const struct flat *f, const struct flat_field *result)
{
	struct text t = { result->val, result->val_len };

	if (text_is(t, "stored"))
		return OUTCOME_DONE;
	/* A sink was killed, and its successor does not know all lines. */
	return text_is(t, "again") ? write_again(s) : accept_refusal(s, f);
}

/* Returns LATER for an answer to something else. */
static enum outcome
read_answer(struct stream *s, const char *text, size_t len)
{
	const struct flat_field *writer, *n, *result;
	struct flat f = FLAT_INIT;
	struct buf why = BUF_INIT;
	enum outcome o = OUTCOME_LATER;
	char id[17], version[24];

	(void)snprintf(id, sizeof id, "%016" PRIx64, s->log.sent_writer);
	(void)snprintf(
	    version, sizeof version, "%" PRId64, s->log.sent_version);
	if (flat_parse(&f, text, len, &why) == 0 &&
	    (writer = flat_find(&f, "writer")) != NULL &&
	    (n = flat_find(&f, "n")) != NULL &&
	    (result = flat_find(&f, "result")) != NULL &&
	    text_is((struct text){ writer->val, writer->val_len }, id) &&
	    text_is((struct text){ n->val, n->val_len }, version))
		o = take_result(s, &f, result);
	flat_release(&f);
	buf_release(&why);
	return o;
}

/* Returns how long to wait at most. */
static int64_t
longest_wait(const struct stream *s)
{
	int64_t left = stop_left_ms() - STOP_SPARE_MS;

	if (stop_asked())
		return left < WAIT_MS ? left : WAIT_MS;
	return s->job->until_empty
		   ? conf_int(s->job->conf, "amqp", "wait_timeout")
		   : WAIT_MS;
}

/* Waits a little for an answer. After a signal, the endpoint does not wait. */
static bool
next_answer(struct stream *s, bool wait, const char **text, size_t *len)
{
	const struct timespec pause = { 0, 5000000 };

	if (!wait)
		return endpoint_answer(s->out, text, len);
	if (!stop_asked())
		return endpoint_wait_answer(s->out, SLICE_MS, text, len);
	endpoint_pump(s->out);
	(void)nanosleep(&pause, NULL);
	return endpoint_answer(s->out, text, len);
}

enum outcome
stream_log_stored(struct stream *s, bool wait)
{
	int64_t since = clock_mono_ms();
	enum outcome o = OUTCOME_LATER;
	const char *text;
	size_t len;

	for (;;) {
		o = send_again(s);
		while (o == OUTCOME_LATER && next_answer(s, wait, &text, &len))
			o = read_answer(s, text, len);
		if (o != OUTCOME_LATER)
			break;
		if (!wait || clock_mono_ms() - since >= longest_wait(s))
			return o;
		endpoint_pump(s->in);
	}
	s->log.patience_ms = PATIENCE_MS;
	return o;
}
