/*
 * stream_foreign: reads messages from another program instead of records. Each
 * message becomes one record and is then committed, written and acknowledged
 * like any other record. The messages that the other program expects as a
 * result are published at intervals and at the end.
 *
 * Without a state folder, the broker keeps all messages until the end of the
 * run, so a killed run has no effect. The run ends before the broker has too
 * many unacknowledged messages, or has had them for too long.
 *
 * The users of these messages are customers. An erased user is counted under an
 * alias, as in the database, so no count restarts. For this the state keeps a
 * hash of the user's id, keyed with a secret seed of its own.
 */
#include "aggregator/stream/stream.h"

#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/digest/hash.h"
#include "common/records/forgotten.h"

#include "aggregator/eventcounter/eventcounter.h"

/* PREFETCH lets the broker send the next batch while this one is committed. */
#define BATCH 20000
#define PREFETCH 40000

/* A broker closes the channel of a reader that leaves a message unacknowledged
 * for 30 minutes. */
#define HOLD 2000000
#define HOLD_MS (20 * MINUTE_MS)

#define PUBLISH_EVERY_MS 10000
#define IDLE_MS 100

void
stream_foreign_open(const struct stream *s, struct endpoint_options *opt)
{
	const struct eventcounter_job *c = s->job->counter;

	if (c == NULL)
		return;
	opt->exchange = c->exchange;
	opt->binding = EVENTCOUNTER_BINDING;
	opt->prefetch =
	    s->job->state != NULL ? PREFETCH : ENDPOINT_NO_PREFETCH_LIMIT;
	/* stream_foreign_idle() decides when the run ends. */
	opt->until_empty = opt->until_empty && c->idle_exit_ms < 0;
}

#define ALIASES "forgotten" /* table of the state: hash of an id -> alias */

static struct hash_128
hash_user(const struct stream *s, struct text user)
{
	uint64_t seed[2];

	state_seed(s->state, seed);
	return keyed_hash(seed, user.p, user.len);
}

void
stream_foreign_forget(struct stream *s, const struct forget_order *o)
{
	struct hash_128 hash = hash_user(s, o->customer);

	lmdb_put(state_table(s->state, ALIASES), &hash, sizeof hash, o->alias.p,
	    o->alias.len);
}

static bool
load_alias(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct stream *s = ctx;
	void **alias = strmap_put(&s->foreign.aliases, key, key_len);

	free(*alias);
	*alias = xstrndup(data, len);
	return true;
}

void
stream_foreign_load(struct stream *s)
{
	if (s->job->counter != NULL)
		lmdb_each(
		    state_table(s->state, ALIASES), NULL, 0, load_alias, s);
}

/* The name under which a user is counted. */
static struct text
name_of_user(const struct stream *s, struct text user)
{
	struct hash_128 hash;
	const char *alias = NULL;

	if (s->foreign.aliases.live > 0) {
		hash = hash_user(s, user);
		alias = strmap_get(
		    &s->foreign.aliases, (const char *)&hash, sizeof hash);
	}
	return alias != NULL ? text_from(alias) : user;
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
	s->foreign.quiet_since_ms = clock_mono_ms();
	if (c->idle_exit_ms >= 0)
		endpoint_set_until_empty(s->in, false);
	record_clear(r);
	if (eventcounter_read(c, r, &s->scan.flat, key,
		(struct text){ body, len }, &s->scan.why) == -1)
		return stream_refuse_record(
		    s, buf_str(&s->scan.why), &s->counts.bad);
	r->user = name_of_user(s, r->user);
	s->counts.records++;
	return stream_add_record(s);
}

void
stream_foreign_stage(struct stream *s)
{
	if (s->job->counter == NULL)
		return;
	s->foreign.quiet_since_ms = s->foreign.held_since_ms =
	    s->foreign.published_ms = clock_mono_ms();
	s->foreign.held = 0;
	s->stage.batch_records = BATCH;
	s->stage.idle_ms = IDLE_MS;
	s->stage.dry_run = s->job->state == NULL;
	s->stage.handle_block = NULL;
	s->stage.handle = take_message;
	/* No scan_block() releases the texts of earlier messages. */
	s->scan.flat.keep = false;
}

/* Publishes the counts. Without a state folder, the broker need not keep their
 * messages any longer. */
static enum exit_code
publish(struct stream *s)
{
	const struct eventcounter_job *c = s->job->counter;
	enum exit_code code = PROG_OK;
	size_t i;

	s->foreign.published_ms = clock_mono_ms();
	s->foreign.published = s->counts.records;
	for (i = 0; i < s->tenants_n && code == PROG_OK; i++)
		code =
		    eventcounter_publish(c, s->tenants[i]->pipeline.streaming);
	if (code == PROG_OK && s->job->state == NULL) {
		endpoint_ack(s->in);
		s->foreign.held = s->stage.lines;
		s->foreign.held_since_ms = s->foreign.published_ms;
	}
	return code;
}

/* True if a run without a state folder has left enough messages at the
 * broker. */
static bool
is_held_enough(struct stream *s)
{
	int64_t now = clock_mono_ms();

	if (s->stage.lines == s->foreign.held)
		s->foreign.held_since_ms = now;
	if (s->job->state != NULL ||
	    (s->stage.lines - s->foreign.held < HOLD &&
		now - s->foreign.held_since_ms < HOLD_MS))
		return false;
	if (!s->foreign.warned)
		log_warn("no --state: if this run is killed, the counts are "
			 "lost; add --state DIR");
	s->foreign.warned = true;
	return true;
}

static bool
is_due(const struct stream *s)
{
	return s->job->state != NULL &&
	       s->counts.records != s->foreign.published &&
	       clock_mono_ms() - s->foreign.published_ms >= PUBLISH_EVERY_MS;
}

enum outcome
stream_foreign_publish_due(struct stream *s)
{
	enum exit_code code;

	/* What is published must not be ahead of what is committed. */
	if (s->job->counter == NULL || s->touched > 0 ||
	    s->step != FLUSH_CONFIRMED || (!is_held_enough(s) && !is_due(s)))
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
stream_foreign_idle(struct stream *s)
{
	const struct eventcounter_job *c = s->job->counter;
	int64_t now = clock_mono_ms();

	if (c == NULL || c->idle_exit_ms < 0)
		return;
	if (!endpoint_is_up(s->in))
		s->foreign.quiet_since_ms = now;
	endpoint_set_until_empty(
	    s->in, now - s->foreign.quiet_since_ms >= c->idle_exit_ms);
}

enum exit_code
stream_foreign_publish(struct stream *s)
{
	return s->job->counter != NULL ? publish(s) : PROG_OK;
}
