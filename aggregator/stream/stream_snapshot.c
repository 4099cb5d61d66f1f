/*
 * stream_snapshot: corrects a tenant's model with a complete snapshot, or with
 * a part of a snapshot that came through an exchange.
 *
 * First, the messages in the snapshot that have not arrived in the stream are
 * passed through. They are confirmed before the commit that stores their
 * identities and removes the snapshot. After a crash before that commit, they
 * are written again.
 */
#include "aggregator/stream/stream.h"

#include "common/base/log.h"
#include "common/text/jsonw.h"

/* True if a message in a complete snapshot has not arrived in its tenant's
 * stream. The state does not store whether a record about a message has
 * arrived, so such records are passed through; the key of their row removes
 * duplicates. */
bool
stream_passes(void *ctx, struct record *r)
{
	struct stream *s = ctx;

	return r->type == RECORD_MESSAGE &&
	       (r->about ||
		   model_lacks(
		       &stream_tenant(s, r->tenant)->pipeline.model, r));
}

static int
write_passed(void *ctx, const char *line, size_t len)
{
	struct stream *s = ctx;

	s->counts.passed++;
	return endpoint_write(s->out, line, len);
}

/* Keeps the snapshot's marker for the sink: it shows the reaper that chats
 * missing from the snapshot are marked as gone. The marker follows the rows of
 * the flush. A part of a snapshot has no marker. */
static void
mark_applied(struct stream_tenant *t, const struct markers *whole)
{
	struct buf *b = &t->applied;

	buf_clear(b);
	jsonw_open(b);
	jsonw_str(b, "type", "snapshot");
	jsonw_str(b, "tenant", t->name);
	jsonw_str(b, "state", "applied");
	jsonw_str(b, "snapshot", whole->id);
	jsonw_time(b, "at", whole->at);
	jsonw_close(b);
}

int
stream_apply(void *ctx, struct text tenant, struct snapshot *snapshot,
    const struct bucket_set *part)
{
	struct stream *s = ctx;
	struct stream_tenant *t;

	if (buf_each_line(&snapshot->pass_through, write_passed, s) == -1) {
		if (endpoint_code(s->out) != PROG_OK)
			log_error("%s", endpoint_why(s->out));
		stream_fail(s, endpoint_code(s->out));
		return -1;
	}
	t = stream_tenant(s, tenant);
	if (t->pipeline.streaming != NULL)
		streaming_metrics_pass_time(
		    t->pipeline.streaming, snapshot->pipeline.model.as_of);
	/* The last record may be old, but the snapshot's changes happen now. */
	if (t->pipeline.allocation != NULL)
		allocation_clock(t->pipeline.allocation, s->clock.now_ms);
	model_merge(&t->pipeline.model, &snapshot->pipeline.model, part);
	if (part == NULL && s->job->part.of == 0)
		mark_applied(t, &snapshot->markers);
	stream_touch(t);
	return 0;
}
