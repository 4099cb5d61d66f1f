/*
 * stream_snapshot: a snapshot that is whole, or a part of one that came
 * through an exchange, corrects what a stream has told of its tenant.
 *
 * Its messages that the stream did not have are passed on first, and are safe
 * before it is committed that they are known:
 *
 *   messages, confirmed   the snapshot is still in the staging, and they are
 *                         written once more
 *   state_commit()        the snapshot corrects the tenant again, which
 *                         changes nothing; no message is lacking
 */
#include "aggregator/stream/stream.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/stop.h"

/* A message of a snapshot that is whole: has its tenant's stream had it? Of
 * what is said about one nobody here knows; its row's key does. */
bool
stream_passes(void *ctx, const struct record *r)
{
	struct stream *s = ctx;

	return r->type == RECORD_MESSAGE && !r->stale &&
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

/* They must be safe before it is committed that they are known: nobody would
 * pass them on again. */
static enum outcome
pass_messages(struct stream *s, const struct buf *lines)
{
	enum outcome o = OUTCOME_NEVER;

	if (lines->len == 0)
		return OUTCOME_DONE;
	if (pass_through_each(lines, write_passed, s) == 0)
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

/* A snapshot is whole: it corrects what is known of its tenant. */
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
		model_correct(
		    &t->pipeline.model, &whole->pipeline.model, intake->wanted);
		stream_allocation_correct(t, &list[i]->replay, intake->wanted);
		stream_touch(t);
	}
	free(list);
	return o;
}
