/*
 * stream_eventcounter: counts the events of another publisher in that
 * publisher's format: a topic exchange, and a classic queue bound to it with
 * *.event.*. A message is one event. Its routing key is USER.event.TYPE, where
 * TYPE is created, updated or deleted; its body is {"id":"..."}. Each message
 * becomes an `event` record with the time of its arrival, which is committed,
 * written and acknowledged like any other record of a stream. The metric
 * event_counts counts these records. Its rows are written on request.
 *
 * At intervals and at the end, the committed counts are published as files, one
 * for each event type that occurred (DIR/created.json and so on): {"USER":
 * COUNT, ...}, indented by two spaces, sorted by user (bytewise), without a
 * newline at the end. A file is replaced as a whole, so readers see the old or
 * the new one.
 *
 * An event id is counted once, under the user and type of its first message. It
 * is remembered for [aggregator] window. A message that is not an event or has
 * no id goes to the queue's dead-letter queue with the reason.
 *
 * Guarantee: a message is acknowledged only after its effect is durable. With a
 * state folder, this is the commit of the state: each event is counted once
 * even if the process is killed, and the files have the sum of all runs with
 * that state. Without a state folder, this is the writing of the files: until
 * then, all messages stay unacknowledged, so a killed run has counted nothing.
 * The run ends before the broker has too many unacknowledged messages, or has
 * had them for too long.
 *
 * The users of these messages are customers. A customer erased by `reaper
 * --forget` is counted under an alias from then on, as in the database, so no
 * count restarts. For this the state keeps a hash of the user's id, keyed with
 * a secret seed of its own.
 */
#include "aggregator/stream/stream.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/xalloc.h"
#include "common/digest/hash.h"
#include "common/json/jsonw.h"
#include "common/os/file.h"
#include "common/records/forgotten.h"

#include "aggregator/metrics/streaming_metric.h"

/* PREFETCH lets the broker send the next batch while this one is committed. */
#define BATCH 20000
#define PREFETCH 40000

/* A broker closes the channel of a reader that leaves a message unacknowledged
 * for 30 minutes. */
#define HOLD 2000000
#define HOLD_MS (20 * MINUTE_MS)

#define PUBLISH_EVERY_MS 10000
#define IDLE_MS 100

#define EVENT_TYPES 3

static const char *const event_types[EVENT_TYPES] = { "created", "updated",
	"deleted" };

/* Returns its index, or EVENT_TYPES. */
static size_t
find_event_type(struct text type)
{
	size_t i;

	for (i = 0; i < EVENT_TYPES; i++)
		if (text_is(type, event_types[i]))
			break;
	return i;
}

static int
parse_key(struct record *r, const char *key, size_t len, struct buf *why)
{
	static const char middle[] = ".event.";
	const size_t n = sizeof middle - 1;
	const char *dot = memchr(key, '.', len), *end = key + len, *type,
		   *error;

	if (!parse_is_utf8(key, len) || memchr(key, '\0', len) != NULL) {
		buf_setf(why, "the routing key is not text");
		return -1;
	}
	if (dot == NULL || dot == key || (size_t)(end - dot) < n ||
	    memcmp(dot, middle, n) != 0 ||
	    memchr(dot + n, '.', (size_t)(end - dot) - n) != NULL) {
		buf_setf(why, "the routing key '%.*s' is not USER.event.TYPE",
		    (int)len, key);
		return -1;
	}
	type = dot + n;
	r->user = (struct text){ key, (size_t)(dot - key) };
	/* A user must have the form of a record's id, because rows carry it. */
	error = r->user.len > RECORD_MAX_ID
		    ? "is too long"
		    : record_id_error(r->user.p, r->user.len);
	if (error != NULL) {
		buf_setf(why, "the user of the routing key %s", error);
		return -1;
	}
	r->event = (struct text){ type, (size_t)(end - type) };
	if (find_event_type(r->event) < EVENT_TYPES)
		return 0;
	buf_setf(why,
	    "'%.*s' is not an event type; event types: created, updated, "
	    "deleted",
	    (int)(end - type), type);
	return -1;
}

static int
parse_body(struct record *r, struct flat *f, const char *body, size_t len,
    struct buf *why)
{
	const struct flat_field *id;
	const char *error;

	if (flat_parse(f, body, len, why) == -1)
		return -1;
	id = flat_find(f, "id");
	if (id != NULL && id->kind != FLAT_NULL && id->kind != FLAT_STRING) {
		buf_setf(why, "the id is not a string");
		return -1;
	}
	if (id == NULL || id->kind == FLAT_NULL || id->val_len == 0) {
		buf_setf(why, "the body has no id");
		return -1;
	}
	error = record_id_field_error(id);
	if (error != NULL) {
		buf_setf(why, "the id %s", error);
		return -1;
	}
	r->id = (struct text){ id->val, id->val_len };
	return 0;
}

#define ALIASES "forgotten" /* table of the state: hash of an id -> alias */

static struct hash_128
hash_user(const struct stream *s, struct text user)
{
	uint64_t seed[2];

	state_seed(s->state, seed);
	return keyed_hash(seed, user.p, user.len);
}

/* The alias may already have counts from an earlier erasure. */
void
stream_counter_forget(struct stream_tenant *t, const struct forget_order *o)
{
	const struct stream *s = t->stream;
	struct hash_128 hash;

	/* An order about an operator with this id has no alias. */
	if (s->job->counter == NULL || o->alias.len == 0)
		return;
	event_counts_rename(t->pipeline.streaming, o->customer, o->alias);
	hash = hash_user(s, o->customer);
	lmdb_put(state_table(s->state, ALIASES), &hash, sizeof hash, o->alias.p,
	    o->alias.len);
	stream_flush_tenant(t);
}

static bool
load_alias(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct stream *s = ctx;
	void **alias = strmap_put(&s->counter.aliases, key, key_len);

	free(*alias);
	*alias = xstrndup(data, len);
	return true;
}

void
stream_counter_load(struct stream *s)
{
	if (s->job->counter != NULL)
		lmdb_each(
		    state_table(s->state, ALIASES), NULL, 0, load_alias, s);
}

/* Returns the name under which a user is counted. */
static struct text
name_of_user(const struct stream *s, struct text user)
{
	struct hash_128 hash;
	const char *alias = NULL;

	if (s->counter.aliases.live > 0) {
		hash = hash_user(s, user);
		alias = strmap_get(
		    &s->counter.aliases, (const char *)&hash, sizeof hash);
	}
	return alias != NULL ? text_from(alias) : user;
}

void
stream_counter_open(const struct stream *s, struct endpoint_options *opt)
{
	const struct eventcounter_job *c = s->job->counter;

	if (c == NULL)
		return;
	opt->exchange = c->exchange;
	opt->binding = "*.event.*";
	opt->prefetch =
	    s->job->state != NULL ? PREFETCH : ENDPOINT_NO_PREFETCH_LIMIT;
	/* stream_counter_idle() decides when the run ends. */
	opt->until_empty = opt->until_empty && c->idle_exit_ms < 0;
}

static enum outcome
take_message(void *ctx, char *body, size_t len)
{
	struct stream *s = ctx;
	const struct eventcounter_job *c = s->job->counter;
	struct record *r = &s->record;
	struct text key = { NULL, 0 };

	key.p = endpoint_routing_key(s->in, &key.len);
	s->scan.line = body;
	s->scan.len = len;
	s->counter.quiet_since_ms = clock_mono_ms();
	if (c->idle_exit_ms >= 0)
		endpoint_set_until_empty(s->in, false);
	record_clear(r);
	r->type = RECORD_EVENT;
	r->tenant = text_from(s->job->tenant);
	r->at = clock_now_ms();
	if (parse_key(r, key.p, key.len, &s->scan.why) == -1 ||
	    parse_body(r, &s->scan.flat, body, len, &s->scan.why) == -1)
		return stream_refuse_record(
		    s, buf_str(&s->scan.why), &s->counts.bad);
	r->user = name_of_user(s, r->user);
	s->counts.records++;
	return stream_add_record(s);
}

void
stream_counter_stage(struct stream *s)
{
	if (s->job->counter == NULL)
		return;
	s->counter.quiet_since_ms = s->counter.held_since_ms =
	    s->counter.published_ms = clock_mono_ms();
	s->counter.held = 0;
	s->stage.batch_records = BATCH;
	s->stage.idle_ms = IDLE_MS;
	s->stage.dry_run = s->job->state == NULL;
	s->stage.handle_block = NULL;
	s->stage.handle = take_message;
	/* No scan_block() releases the texts of earlier messages. */
	s->scan.flat.keep = false;
}

struct user_count {
	struct text user;
	uint64_t n;
};

static int
compare_users(const void *a, const void *b)
{
	const struct user_count *x = a, *y = b;

	return text_compare(x->user, y->user);
}

/* The counts of one event type. */
struct user_counts {
	struct user_count *v;
	size_t n, cap;
};

static void
collect_count(void *ctx, struct text user, struct text event, uint64_t n)
{
	struct user_counts *all = ctx, *to;
	size_t i = find_event_type(event);

	if (i == EVENT_TYPES)
		return;
	to = &all[i];
	XGROW(to->v, to->n, to->cap);
	to->v[to->n++] = (struct user_count){ user, n };
}

static void
format_counts(struct user_counts *c, struct buf *to)
{
	size_t i;

	qsort(c->v, c->n, sizeof *c->v, compare_users);
	buf_clear(to);
	buf_addc(to, '{');
	for (i = 0; i < c->n; i++) {
		buf_adds(to, i > 0 ? ",\n  " : "\n  ");
		jsonw_quote(to, c->v[i].user.p, c->v[i].user.len);
		buf_adds(to, ": ");
		buf_addi(to, (int64_t)c->v[i].n);
	}
	buf_adds(to, "\n}");
}

static enum exit_code
write_files(const char *dir, struct streaming_metrics *counts, struct buf *why)
{
	struct user_counts all[EVENT_TYPES] = { { NULL, 0, 0 } };
	struct buf content = BUF_INIT;
	enum exit_code code = PROG_OK;
	char *path;
	size_t i;

	event_counts_each(counts, collect_count, all);
	for (i = 0; i < EVENT_TYPES; i++) {
		if (code == PROG_OK && all[i].n > 0) {
			format_counts(&all[i], &content);
			path = xasprintf("%s/%s.json", dir, event_types[i]);
			code = file_replace(
			    path, 0644, content.data, content.len, why);
			free(path);
		}
		free(all[i].v);
	}
	buf_release(&content);
	return code;
}

/* Publishes the counts of the run's tenant; a state may have others from
 * earlier runs. Without a state folder, the broker need not keep the messages
 * any longer. */
static enum exit_code
publish(struct stream *s)
{
	const char *dir = s->job->counter->json_dir, *tenant = s->job->tenant;
	const struct stream_tenant *t =
	    strmap_get(&s->names, tenant, strlen(tenant));
	struct buf why = BUF_INIT;
	enum exit_code code = PROG_OK;

	s->counter.published_ms = clock_mono_ms();
	s->counter.published = s->counts.records;
	if (dir != NULL && t != NULL)
		code = write_files(dir, t->pipeline.streaming, &why);
	if (code != PROG_OK)
		log_error("%s", buf_str(&why));
	buf_release(&why);
	if (code == PROG_OK && s->job->state == NULL) {
		endpoint_ack(s->in);
		s->counter.held = s->stage.lines;
		s->counter.held_since_ms = s->counter.published_ms;
	}
	return code;
}

/* True if a run without a state folder has left enough messages at the
 * broker. */
static bool
is_held_enough(struct stream *s)
{
	int64_t now = clock_mono_ms();

	if (s->stage.lines == s->counter.held)
		s->counter.held_since_ms = now;
	if (s->job->state != NULL ||
	    (s->stage.lines - s->counter.held < HOLD &&
		now - s->counter.held_since_ms < HOLD_MS))
		return false;
	if (!s->counter.warned)
		log_warn("no --state: if this run is killed, the counts are "
			 "lost; add --state DIR");
	s->counter.warned = true;
	return true;
}

static bool
is_due(const struct stream *s)
{
	return s->job->state != NULL &&
	       s->counts.records != s->counter.published &&
	       clock_mono_ms() - s->counter.published_ms >= PUBLISH_EVERY_MS;
}

enum outcome
stream_counter_publish_due(struct stream *s)
{
	enum exit_code code;

	/* What is published must not be ahead of what is committed. */
	if (s->job->counter == NULL || !stream_is_flushed(s) ||
	    (!is_held_enough(s) && !is_due(s)))
		return OUTCOME_DONE;
	code = publish(s);
	if (code == PROG_OK)
		return OUTCOME_DONE;
	stream_fail(s, code);
	return OUTCOME_NEVER;
}

/* The idle time alone does not end the run: the queue must be empty, too. The
 * idle time does not count while the broker is unreachable. */
void
stream_counter_idle(struct stream *s)
{
	const struct eventcounter_job *c = s->job->counter;
	int64_t now = clock_mono_ms();

	if (c == NULL || c->idle_exit_ms < 0)
		return;
	if (!endpoint_is_up(s->in))
		s->counter.quiet_since_ms = now;
	endpoint_set_until_empty(
	    s->in, now - s->counter.quiet_since_ms >= c->idle_exit_ms);
}

enum exit_code
stream_counter_publish(struct stream *s)
{
	return s->job->counter != NULL ? publish(s) : PROG_OK;
}
