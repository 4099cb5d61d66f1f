/*
 * derive_state: the present state of a chat: the newest description, and the
 * messages that are newer. See derive.h.
 */
#include "aggregator/model/derive.h"

enum chat_status
derive_status_of(const struct message *m)
{
	switch (clocks_classify(m)) {
	case EVENT_CLOSED:
		return CHAT_CLOSED;
	case EVENT_REOPENED:
	case EVENT_CUSTOMER_WRITES:
		return CHAT_OPEN;
	case EVENT_TRANSFER:
	case EVENT_NOTHING:
	case EVENT_HUMAN_ANSWERS:
	case EVENT_BOT_ANSWERS:
	case EVENT_HANDOFF:
	case EVENT_KINDS:
		break;
	}
	return CHAT_NONE;
}

/* The newest description counts. Constant fields, which are all names except
 * the assignee, are inherited from older descriptions, because the record of a
 * closing seldom repeats them. */
struct description
derive_description(const struct chat *c)
{
	const struct description *d = c->descriptions;
	struct description now = { .at = CLOCK_NONE, .opened_at = CLOCK_NONE };
	size_t i;

	if (d != NULL) {
		now = *d;
		now.next = NULL;
		now.status = status_or_open(d);
	}
	for (; d != NULL; d = d->next) {
		if (now.opened_at == CLOCK_NONE)
			now.opened_at = d->opened_at;
		for (i = 1; i < DESCRIPTION_NAMES; i++)
			if (now.names[i] == 0)
				now.names[i] = d->names[i];
	}
	return now;
}

/* The newest message with a status decides, or the description. If they have
 * the same time, the description does, unless the message is a closing. */
static void
apply_newer_status(const struct chat *c, struct description *now, int64_t since)
{
	enum chat_status status = CHAT_NONE;
	int64_t at = CLOCK_NONE;
	size_t i;

	for (i = c->n; i > 0 && c->messages[i - 1].at > since; i--) {
		at = c->messages[i - 1].at;
		status = derive_status_of(&c->messages[i - 1]);
		if (status != CHAT_NONE)
			break;
	}
	if (status == CHAT_NONE) {
		at = c->dropped.status_at;
		status = c->dropped.status;
	}
	if (at > now->at ||
	    (status == CHAT_CLOSED && clocks_wins_until(at) >= now->at))
		now->status = status;
}

/* The newest transfer decides, or the description. */
static void
apply_newer_assignee(
    const struct chat *c, struct description *now, int64_t since)
{
	size_t i;

	if (c->dropped.assignee_at != CLOCK_NONE &&
	    c->dropped.assignee_at >= now->at)
		now->assignee = c->dropped.assignee;
	for (i = c->n; i > 0 && c->messages[i - 1].at > since; i--) {
		const struct message *m = &c->messages[i - 1];

		if (clocks_classify(m) != EVENT_TRANSFER)
			continue;
		if (clocks_wins_until(m->at) >= now->at)
			now->assignee = m->operator_id;
		break;
	}
}

/* Returns the time of the newest complete snapshot if it lacks the chat;
 * otherwise CLOCK_NONE. */
static int64_t
missing_at(const struct derive_setting *s, const struct chat *c)
{
	return s->newest_snapshot_at > c->listed_at ? s->newest_snapshot_at
						    : CLOCK_NONE;
}

static int64_t
newest_record(const struct chat *c, const struct description *now)
{
	int64_t at = c->dropped.at > now->at ? c->dropped.at : now->at;

	if (c->n > 0 && c->messages[c->n - 1].at > at)
		at = c->messages[c->n - 1].at;
	return at;
}

struct derived_state
derive_state(const struct derive_setting *s, const struct chat *c)
{
	int64_t missed = missing_at(s, c), since = CLOCK_NONE;
	struct derived_state d = { .now = derive_description(c) };

	d.newest = newest_record(c, &d.now);
	/* Apply the messages after the newest description. */
	if (d.now.at != CLOCK_NONE)
		since = d.now.at - 1000;
	if (s->stream) {
		if (d.now.status == CHAT_NONE)
			d.now.status = CHAT_OPEN;
		apply_newer_status(c, &d.now, since);
		apply_newer_assignee(c, &d.now, since);
	}
	/* The chat returns only with a record newer than the snapshot. */
	if (missed != CLOCK_NONE && missed >= d.newest)
		d.now.status = CHAT_GONE;
	return d;
}
