/*
 * derive_timeline: the input of a walk of the clocks: a chat's messages, and
 * what its chat records report, as marks. See derive.h.
 */
#include "aggregator/model/derive.h"

#include <stdlib.h>

#include "common/base/xalloc.h"

void
derive_list_descriptions(struct derive_scratch *w, const struct chat *c)
{
	const struct description *d;
	size_t i = c->descriptions_n;

	if (i > w->descriptions_cap) {
		w->descriptions_cap = 2 * i;
		w->descriptions = xrealloc(w->descriptions, w->descriptions_cap,
		    sizeof *w->descriptions);
	}
	w->descriptions_n = i;
	for (d = c->descriptions; d != NULL; d = d->next)
		w->descriptions[--i] = d;
}

static void
add_mark(struct derive_scratch *w, size_t *n, int64_t at, enum mark_kind kind,
    uint32_t assignee)
{
	struct mark x = { .at = at, .kind = kind, .assignee = assignee };
	size_t i;

	XGROW(w->marks, *n, w->marks_cap);
	for (i = (*n)++; i > 0 && (w->marks[i - 1].at > at ||
				      (w->marks[i - 1].at == at &&
					  w->marks[i - 1].kind > kind));
	     i--)
		w->marks[i] = w->marks[i - 1];
	w->marks[i] = x;
}

/* True if the j-th description is the first to report its opening. Usually the
 * latest opening is reported again, or followed by a later one. */
static bool
is_new_opening(const struct derive_scratch *w, size_t j, int64_t *latest)
{
	int64_t at = w->descriptions[j]->opened_at;
	size_t i;

	if (at > *latest) {
		*latest = at;
		return true;
	}
	if (at == CLOCK_NONE || at == *latest)
		return false;
	for (i = 0; i < j; i++)
		if (w->descriptions[i]->opened_at == at)
			return false;
	return true;
}

/* True for a mark before the last dropped message: dropped_history already
 * includes its effect. Messages come before a closing with the same time. */
static bool
is_in_dropped(const struct chat *c, int64_t at, enum mark_kind kind)
{
	return kind == MARK_CLOSED ? at < c->dropped.at : at <= c->dropped.at;
}

static size_t
make_marks(struct derive_scratch *w, const struct chat *c)
{
	const struct dropped_history *f = &c->dropped;
	const struct description *d;
	int64_t opened = CLOCK_NONE;
	size_t j, n = 0;

	for (j = 0; j < w->descriptions_n; j++) {
		d = w->descriptions[j];
		if (is_new_opening(w, j, &opened) &&
		    !is_in_dropped(c, d->opened_at, MARK_OPENED))
			add_mark(w, &n, d->opened_at, MARK_OPENED, 0);
		/* An older assignee is in dropped.assignee. */
		if (f->assignee_at == CLOCK_NONE || d->at > f->assignee_at)
			add_mark(w, &n, d->at, MARK_ASSIGNEE, d->assignee);
		if (d->closed_at != CLOCK_NONE &&
		    !is_in_dropped(c, d->closed_at, MARK_CLOSED))
			add_mark(w, &n, d->closed_at, MARK_CLOSED, 0);
	}
	return n;
}

static int64_t
earliest_opening(const struct derive_scratch *w)
{
	int64_t earliest = CLOCK_NONE, at;
	size_t j;

	for (j = 0; j < w->descriptions_n; j++) {
		at = w->descriptions[j]->opened_at;
		if (earliest == CLOCK_NONE ||
		    (at != CLOCK_NONE && at < earliest))
			earliest = at;
	}
	return earliest;
}

struct clocks_chat
derive_timeline(const struct derive_setting *s, const struct chat *c)
{
	struct derive_scratch *w = s->scratch;
	struct clocks_chat view = { .messages = c->messages,
		.n = c->n,
		.opened_at = CLOCK_NONE,
		.assignee = c->now.assignee,
		.first_assignee = c->dropped.assignee,
		.first_assignee_known = c->dropped.assignee_at != CLOCK_NONE,
		.as_of = s->as_of,
		.ongoing = chat_is_open(c) };

	derive_list_descriptions(w, c);
	view.marks_n = make_marks(w, c);
	view.marks = w->marks;
	view.opened_at = earliest_opening(w);
	/* Messages before it keep their opening. */
	if (s->stream && view.n > 0 && view.messages[0].at < view.opened_at)
		view.opened_at = CLOCK_NONE;
	return view;
}

void
derive_scratch_release(struct derive_scratch *w)
{
	free(w->descriptions);
	free(w->marks);
	key_set_release(&w->participants);
	free(w->intervals);
}
