/*
 * stream_redelivery: saves which messages of the broker a stream has taken in,
 * in the same commit as what they changed:
 *
 *   version -> messages with an id that came in the flush of that version
 *   0       -> messages without an id that may not be acknowledged yet
 *
 * A record outside of snapshots that comes again in such a message is only
 * passed through once more, because whether that was confirmed is not known.
 * The staging recognizes lines of snapshots itself; bad lines become dead
 * letters once more.
 */
#include "aggregator/stream/stream.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

struct stream_redelivery_flush {
	uint64_t version;
	size_t n; /* messages */
};

static const uint64_t without_id = 0;

void
stream_redelivery_release(struct stream *s)
{
	redelivery_release(&s->redelivery.known);
	free(s->redelivery.flushes);
}

void
stream_redelivery_block(struct stream *s)
{
	struct stream_redelivery *v = &s->redelivery;
	struct endpoint_delivery d = { .line = 1 };

	(void)endpoint_delivery(s->in, &d);
	/* The stage acknowledges after each confirm, if the connection is still
	 * the same. */
	if (v->confirmed && v->flushed == d.connection) {
		redelivery_acked(&v->known, d.connection);
		v->acked = v->flush;
	}
	v->confirmed = false;
	s->first_line = d.line;
	s->from = staging_source_of(&d);
	if (d.serial == v->serial)
		return;
	v->serial = d.serial;
	v->lines = redelivery_begin(
	    &v->known, &(struct redelivery_message){
			   d.id, d.body, d.len, d.connection, d.again });
}

/* The lines of the block that were read are taken in. */
static void
save_line_count(struct stream *s)
{
	redelivery_upto(&s->redelivery.known, s->first_line + s->line - 1);
}

void
stream_redelivery_end(struct stream *s)
{
	struct endpoint_delivery d = { .last = false };

	save_line_count(s);
	(void)endpoint_delivery(s->in, &d);
	if (d.last)
		redelivery_whole(&s->redelivery.known);
}

void
stream_redelivery_flushed(struct stream *s)
{
	s->redelivery.flushed = s->from.connection;
	s->redelivery.flush = s->redelivery.last;
	s->redelivery.confirmed = false;
	redelivery_flushed(&s->redelivery.known);
}

void
stream_redelivery_confirmed(struct stream *s)
{
	s->redelivery.confirmed = s->redelivery.flushed != 0;
}

static void
add_redelivery_flush(struct stream_redelivery *v, uint64_t version, size_t n)
{
	XGROW(v->flushes, v->flushes_n, v->flushes_cap);
	v->flushes[v->flushes_n++] =
	    (struct stream_redelivery_flush){ version, n };
	v->messages += n;
}

/* Deletes acknowledged flushes, but for the last REDELIVERY_NAMED messages. */
static void
expire_redelivery_flushes(struct stream *s)
{
	struct stream_redelivery *v = &s->redelivery;
	const struct stream_redelivery_flush *t = v->flushes;
	size_t n = 0;

	while (n < v->flushes_n && t[n].version <= v->acked &&
	       v->messages - t[n].n >= REDELIVERY_NAMED) {
		v->messages -= t[n].n;
		state_delete(
		    s->tables.redelivery, &t[n].version, sizeof t[n].version);
		n++;
	}
	v->flushes_n -= n;
	if (n > 0)
		memmove(v->flushes, t + n, v->flushes_n * sizeof *t);
}

static void
save_named(struct stream *s)
{
	uint64_t version = (uint64_t)state_version(s->state);
	size_t n;

	buf_clear(&s->scratch);
	n = redelivery_pack(&s->redelivery.known, true, &s->scratch);
	if (n == 0)
		return;
	state_put(s->tables.redelivery, &version, sizeof version,
	    s->scratch.data, s->scratch.len);
	add_redelivery_flush(&s->redelivery, version, n);
	s->redelivery.last = version;
	expire_redelivery_flushes(s);
}

static void
save_others(struct stream *s)
{
	bool had = s->redelivery.has_others;

	buf_clear(&s->scratch);
	s->redelivery.has_others =
	    redelivery_pack(&s->redelivery.known, false, &s->scratch) > 0;
	if (s->redelivery.has_others)
		state_put(s->tables.redelivery, &without_id, sizeof without_id,
		    s->scratch.data, s->scratch.len);
	else if (had)
		state_delete(
		    s->tables.redelivery, &without_id, sizeof without_id);
}

void
stream_redelivery_save(struct stream *s)
{
	save_line_count(s);
	save_named(s);
	save_others(s);
}

static bool
load_redelivery_entry(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct stream *s = ctx;
	struct stream_redelivery *v = &s->redelivery;
	uint64_t version = 0;
	int n = redelivery_unpack(&v->known, data, len);

	if (n == -1) {
		state_set_damaged(s->state);
		return false;
	}
	memcpy(
	    &version, key, key_len < sizeof version ? key_len : sizeof version);
	if (version == without_id)
		v->has_others = true;
	else
		add_redelivery_flush(v, version, (size_t)n);
	return true;
}

void
stream_redelivery_load(struct stream *s)
{
	uint64_t seed[2];

	state_seed(s->state, seed);
	redelivery_init(&s->redelivery.known, seed[0]);
	state_each(s->tables.redelivery, NULL, 0, load_redelivery_entry, s);
}
