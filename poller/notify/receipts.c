/*
 * receipts: see receipts.h.
 */
#define _DEFAULT_SOURCE /* sys/queue.h */
#include "poller/notify/receipts.h"

#include <stdlib.h>

#include "common/base/xalloc.h"

/* A message of the queue. */
struct receipt {
	STAILQ_ENTRY(receipt) link; /* once it is settled */
	struct endpoint_mark mark;  /* once all of its lines are read */
	uint64_t connection;
	bool complete; /* all of its lines are read */
	size_t users;  /* lines that are not settled, and the reading */
};

void
receipts_init(struct receipts *all, struct endpoint *from)
{
	*all = (struct receipts){ .from = from };
	STAILQ_INIT(&all->settled);
}

/* The rest of a message whose connection was lost is not read. */
static void
abandon(struct receipts *all)
{
	struct receipt *r = all->current;

	all->current = NULL;
	if (r != NULL)
		receipt_settle(all, r);
}

void
receipts_release(struct receipts *all)
{
	struct receipt *r;

	abandon(all);
	while ((r = STAILQ_FIRST(&all->settled)) != NULL) {
		STAILQ_REMOVE_HEAD(&all->settled, link);
		free(r);
	}
}

static void
forget_lost_connection(struct receipts *all)
{
	const struct endpoint_mark now = endpoint_mark(all->from);

	if (now.connection == all->last.connection)
		return;
	abandon(all);
	all->last = (struct endpoint_mark){ .connection = now.connection };
}

/* Messages without lines have no receipts; delivery tags are consecutive. */
static void
acknowledge_empty(struct receipts *all, const struct endpoint_mark *end)
{
	while (++all->last.tag < end->tag)
		endpoint_ack_one(all->from, &all->last);
	all->last = *end;
}

struct receipt *
receipt_take(struct receipts *all)
{
	struct receipt *r;

	forget_lost_connection(all);
	r = all->current;
	if (r == NULL) {
		all->current = r = xcalloc(1, sizeof *r);
		r->connection = all->last.connection;
		r->users = 1;
	}
	r->users++;
	if (endpoint_ends_message(all->from)) {
		r->mark = endpoint_mark(all->from);
		r->complete = true;
		acknowledge_empty(all, &r->mark);
		all->current = NULL;
		receipt_settle(all, r);
	}
	return r;
}

struct receipt *
receipt_share(struct receipt *r)
{
	r->users++;
	return r;
}

void
receipt_settle(struct receipts *all, struct receipt *r)
{
	if (--r->users > 0)
		return;
	if (r->complete)
		STAILQ_INSERT_TAIL(&all->settled, r, link);
	else
		free(r);
}

bool
receipt_is_valid(const struct receipts *all, const struct receipt *r)
{
	return r->connection == endpoint_mark(all->from).connection;
}

void
receipts_acknowledge(struct receipts *all)
{
	struct endpoint_mark end;
	struct receipt *r;

	while ((r = STAILQ_FIRST(&all->settled)) != NULL) {
		STAILQ_REMOVE_HEAD(&all->settled, link);
		endpoint_ack_one(all->from, &r->mark);
		free(r);
	}
	forget_lost_connection(all);
	end = endpoint_mark(all->from);
	if (all->current == NULL && end.tag > all->last.tag) {
		acknowledge_empty(all, &end);
		endpoint_ack_one(all->from, &end);
	}
}
