/*
 * intake_snapshot: see intake_snapshot.h.
 */
#include "aggregator/tenant/intake_snapshot.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"

/* The end of each log line about a snapshot that is not whole. */
#define UNUSED "; nothing of it is used"

void
snapshot_free(struct snapshot *s)
{
	if (s == NULL)
		return;
	pipeline_release(&s->pipeline);
	buf_release(&s->pass_through);
	replay_log_release(&s->replay);
	free(s->parts);
	free(s->id);
	free(s);
}

bool
snapshot_is(const struct snapshot *s, struct text id)
{
	return s != NULL && text_is(id, s->id);
}

/* Logs a snapshot once; its other lines are ignored. */
static void
fail_snapshot(struct intake *in, struct intake_tenant *t, struct text id,
    const char *reason)
{
	void **slot = strmap_put(&t->failed, id.p, id.len);

	if (*slot != NULL)
		return;
	*slot = t;
	in->failed++;
	log_error(
	    "snapshot '%.*s' of tenant '%s' %s", TEXT_ARG(id), t->name, reason);
}

static void
fail_open(struct intake *in, struct intake_tenant *t, const char *reason)
{
	struct text id = { t->open->id, strlen(t->open->id) };

	fail_snapshot(in, t, id, reason);
	snapshot_free(t->open);
	t->open = NULL;
}

/* Where the last line is. */
static const char *
where_in_input(struct intake *in)
{
	return in->from->where(in->from->ctx, in->scan.line);
}

/* A snapshot begins; one that is open is cut. */
static struct snapshot *
open_snapshot(struct intake *in, struct intake_tenant *t)
{
	const struct record *r = &in->record;
	struct buf reason = BUF_INIT;
	struct snapshot *s;

	if (t->open != NULL) {
		buf_addf(&reason, "is cut: another one begins at %s" UNUSED,
		    where_in_input(in));
		fail_open(in, t, buf_str(&reason));
		buf_release(&reason);
	}
	(void)strmap_delete(&t->failed, r->snapshot.p, r->snapshot.len);
	s = xcalloc(1, sizeof *s);
	s->id = text_dup(r->snapshot);
	s->at = r->at;
	s->end_at = r->at;
	s->parts_n = snapshot_has_parts(r) ? BUCKET_PARTS : 1;
	s->parts = xcalloc(s->parts_n, sizeof *s->parts);
	pipeline_init(&s->pipeline, in->setup, r->tenant, false, r->at, 0);
	s->pipeline.model.text_of = in->text_of;
	t->open = s;
	return s;
}

void
snapshot_begin_part(struct intake *in, struct intake_tenant *t, unsigned part)
{
	const struct record *r = &in->record;
	struct snapshot *s = t->open;

	if (!snapshot_is(s, r->snapshot) || part >= s->parts_n ||
	    s->parts[part].begun)
		s = open_snapshot(in, t);
	s->parts[part].begun = true;
}

/* The snapshot is whole. Of two the newer is kept, of two with the same time
 * the later one. */
static void
finish_snapshot(const struct intake *in, struct intake_tenant *t)
{
	struct snapshot *s = t->open;

	t->open = NULL;
	if (in->setup->selection->allocation)
		replay_log_add_snapshot(&t->replay, &s->replay, s->at);
	if (t->whole != NULL && t->whole->at > s->at) {
		log_info("snapshot_older", "tenant=%s snapshot=%s newer=%s",
		    t->name, s->id, t->whole->id);
		snapshot_free(s);
		return;
	}
	snapshot_free(t->whole);
	t->whole = s;
}

static bool
is_part_whole(const struct snapshot_part *p)
{
	return p->ended && p->lines == p->records;
}

/* How many parts are whole, of those that are needed. */
static size_t
count_whole_parts(
    const struct intake *in, const struct snapshot *s, size_t *needed)
{
	size_t i, n = 0;

	*needed = 0;
	for (i = 0; i < s->parts_n; i++) {
		if (in->wanted != NULL &&
		    !bucket_set_has(in->wanted, (unsigned)i))
			continue;
		*needed += 1;
		n += is_part_whole(&s->parts[i]);
	}
	return n;
}

/* Checks the snapshot only when a part just became whole. */
static void
finish_if_whole(const struct intake *in, struct intake_tenant *t,
    const struct snapshot_part *p)
{
	size_t needed;

	if (is_part_whole(p) &&
	    count_whole_parts(in, t->open, &needed) == needed)
		finish_snapshot(in, t);
}

void
snapshot_end_part(struct intake *in, struct intake_tenant *t, unsigned part)
{
	const struct record *r = &in->record;
	struct snapshot_part *p = NULL;
	struct buf reason = BUF_INIT;

	if (snapshot_is(t->open, r->snapshot) && part < t->open->parts_n)
		p = &t->open->parts[part];
	if (p == NULL || !p->begun) {
		buf_addf(&reason, "ends at %s and never began" UNUSED,
		    where_in_input(in));
		fail_snapshot(in, t, r->snapshot, buf_str(&reason));
	} else if (p->lines != (uint64_t)r->records &&
		   (!in->unordered || p->lines > (uint64_t)r->records)) {
		buf_addf(&reason,
		    "is not whole: %" PRIu64 " records came, its end marker "
		    "at %s says %" PRId64 UNUSED,
		    p->lines, where_in_input(in), r->records);
		fail_open(in, t, buf_str(&reason));
	} else {
		p->ended = true;
		p->records = (uint64_t)r->records;
		if (r->at != CLOCK_NONE)
			t->open->end_at = r->at;
		finish_if_whole(in, t, p);
	}
	buf_release(&reason);
}

void
snapshot_count_line(
    const struct intake *in, struct intake_tenant *t, unsigned part)
{
	struct snapshot_part *p = &t->open->parts[part];

	p->lines++;
	finish_if_whole(in, t, p);
}

void
snapshot_fail_outside(struct intake *in, struct intake_tenant *t)
{
	const struct record *r = &in->record;
	struct buf reason = BUF_INIT;

	if (snapshot_is(t->whole, r->snapshot))
		buf_addf(&reason,
		    "goes on after its end marker at %s, which is not used",
		    where_in_input(in));
	else
		buf_addf(&reason, "has a record before it begins at %s" UNUSED,
		    where_in_input(in));
	fail_snapshot(in, t, r->snapshot, buf_str(&reason));
	buf_release(&reason);
}

void
snapshot_fail_ahead(struct intake *in, struct intake_tenant *t, const char *why)
{
	struct buf reason = BUF_INIT;

	buf_addf(&reason, "is %s at %s" UNUSED, why, where_in_input(in));
	fail_snapshot(in, t, in->record.snapshot, buf_str(&reason));
	buf_release(&reason);
}

void
snapshot_fail_at_end(struct intake *in, struct intake_tenant *t, bool cut)
{
	struct buf reason = BUF_INIT;
	size_t needed, whole = count_whole_parts(in, t->open, &needed);

	if (cut)
		buf_addf(&reason, "is cut: the input ends inside line %" PRIu64,
		    in->lines + 1);
	else if (t->open->parts_n > 1)
		buf_addf(&reason,
		    "is not whole: the input ends after line %" PRIu64
		    ", and of its %zu parts there are %zu" UNUSED,
		    in->lines, needed, whole);
	else
		buf_addf(&reason,
		    "is cut: the input ends after line %" PRIu64
		    ", before its end marker" UNUSED,
		    in->lines);
	fail_open(in, t, buf_str(&reason));
	buf_release(&reason);
}
