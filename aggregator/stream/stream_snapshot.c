/*
 * stream_snapshot: corrects a tenant's model with a complete snapshot, or with
 * parts of a snapshot that came through an exchange.
 *
 * Messages in the snapshot that have not arrived in the stream are passed
 * through. They are confirmed before the commit that stores them and removes
 * the snapshot. After a crash before that commit, they are written again.
 */
#include "aggregator/stream/stream.h"

#include "common/text/jsonw.h"

void *
stream_begin_snapshot(void *ctx, struct text tenant, int64_t at)
{
	struct stream *s = ctx;
	struct stream_tenant *t = stream_tenant(s, tenant);

	/* The last record may be old, but the snapshot's changes happen now. */
	if (t->pipeline.allocation != NULL)
		allocation_clock(t->pipeline.allocation, s->clock.now_ms);
	pipeline_begin_snapshot(&t->pipeline, at);
	return t;
}

/* The state does not store whether a record about a message has arrived, so
 * such records are passed through; the key of their row removes duplicates. */
int
stream_add_to_snapshot(
    void *tenant, const struct record *r, const char *line, size_t len)
{
	struct stream_tenant *t = tenant;
	struct stream *s = t->stream;
	struct model *m = &t->pipeline.model;
	enum model_result taken = model_add(m, r);
	enum outcome o = OUTCOME_DONE;

	if (state_failed(s->state)) /* the chat may lack its messages */
		o = stream_finish_commit(s);
	else if (r->type == RECORD_MESSAGE && s->job->selection.messages &&
		 (taken == MODEL_NEW || taken == MODEL_VERSION || r->about))
		o = stream_pass_through(s, r, line, len, m->known_at);
	return o == OUTCOME_DONE ? 0 : -1;
}

/* Keeps the snapshot's marker for the sink: it shows the reaper that chats
 * missing from the snapshot are marked as gone. The marker follows the rows of
 * the flush. A part of a snapshot has no marker. */
static void
mark_applied(struct stream_tenant *t, const char *snapshot)
{
	struct buf *b = &t->applied;

	buf_clear(b);
	jsonw_open(b);
	jsonw_str(b, "type", "snapshot");
	jsonw_str(b, "tenant", t->name);
	jsonw_str(b, "state", "applied");
	jsonw_str(b, "snapshot", snapshot);
	jsonw_time(b, "at", t->pipeline.model.snapshot_at);
	jsonw_close(b);
}

void
stream_end_snapshot(
    void *tenant, const char *snapshot, const struct bucket_set *part)
{
	struct stream_tenant *t = tenant;

	if (part == NULL && t->stream->job->part.of == 0)
		mark_applied(t, snapshot);
	model_end_snapshot(&t->pipeline.model, part);
	stream_touch(t);
}
