/*
 * stream_snapshot: a whole snapshot, or a part of one that came through an
 * exchange, corrects the model of its tenant.
 *
 * Messages of the snapshot that did not come in the stream are passed through
 * first, and confirmed before their identities are committed. After a crash
 * behind each step:
 *
 *   messages confirmed    the snapshot is still in the staging, and they are
 *                         written once more
 *   state_commit()        the snapshot corrects the tenant again, which
 *                         changes nothing; no message is missing
 */
#include "aggregator/stream/stream.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/os/stop.h"
#include "common/text/jsonw.h"

/* True if a message of a whole snapshot did not come in its tenant's stream.
 * Whether a record about a message came is not stored, so it passes; the key of
 * its row removes duplicates. */
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

/* Writes messages and waits until they are confirmed: once their identities are
 * committed they would not be passed through again. */
static enum outcome
pass_messages(struct stream *s, const struct buf *lines)
{
	enum outcome o = OUTCOME_NEVER;

	if (lines->len == 0)
		return OUTCOME_DONE;
	if (buf_each_line(lines, write_passed, s) == 0)
		while ((o = endpoint_flush(s->out)) == OUTCOME_LATER &&
		       !s->job->until_empty && !stop_asked())
			endpoint_pump(s->in);
	if (o != OUTCOME_NEVER)
		return o;
	if (endpoint_code(s->out) != PROG_OK)
		log_error("%s", endpoint_why(s->out));
	stream_fail(s, endpoint_code(s->out));
	s->staging.code = s->code;
	return o;
}

/* For the sink: with it the reaper knows that chats which left are marked. It
 * is written behind the rows of the flush. After a crash the next snapshot's
 * will do. A part of a snapshot has none. */
static void
mark_applied(struct stream_tenant *t, const struct snapshot *whole)
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

enum outcome
stream_publish(void *ctx, struct intake *intake)
{
	struct stream *s = ctx;
	struct intake_tenant **list;
	struct stream_tenant *t;
	enum outcome o = OUTCOME_DONE;
	struct text name;
	size_t n, i;

	list = intake_tenants(intake, &n);
	for (i = 0; i < n && o == OUTCOME_DONE; i++) {
		struct snapshot *whole = list[i]->whole;

		if (whole == NULL)
			continue;
		o = pass_messages(s, &whole->pass_through);
		if (o != OUTCOME_DONE)
			break;
		name.p = list[i]->name;
		name.len = strlen(name.p);
		t = stream_tenant(s, name);
		if (t->pipeline.streaming != NULL)
			streaming_metrics_pass_time(
			    t->pipeline.streaming, whole->pipeline.model.as_of);
		model_merge(
		    &t->pipeline.model, &whole->pipeline.model, intake->wanted);
		stream_allocation_correct(t, &list[i]->replay, intake->wanted);
		if (intake->wanted == NULL && s->job->part.of == 0)
			mark_applied(t, whole);
		stream_touch(t);
	}
	free(list);
	return o;
}
