/*
 * endpoint_amqp_ack: acknowledges messages of a queue, and drops them when the
 * link is lost; see endpoint_amqp_read.c for when.
 */
#include "common/endpoint/endpoint_amqp_reader.h"

/* A channel keeps acknowledgements back when 32 are under way to a quorum
 * queue, and forgets them when it is closed. */
#define ACKS_AT_ONCE 25

/* The link is gone, and with it every delivery that was not acknowledged. */
static void
drop_unacknowledged(struct amqp_reader *r)
{
	amqp_inflow_clear(&r->ready);
	/* The caller may still look at its line. */
	r->stale = r->now.in_hand;
	r->done.connection++;
	r->done.tag = r->done.messages = 0;
	r->acked = r->done;
	r->more = 0;
	r->mean = 0;
	r->said_empty = false;
}

int
endpoint_amqp_reader_lost(struct amqp_reader *r)
{
	drop_unacknowledged(r);
	endpoint_amqp_lost(&r->a);
	return -1;
}

struct endpoint_mark
endpoint_amqp_mark(const struct endpoint *e)
{
	return reader_of_const(e)->done;
}

void
endpoint_amqp_ack_to(struct endpoint *e, const struct endpoint_mark *mark)
{
	struct amqp_reader *r = amqp_reader_of(e);
	struct amqp_link *l = &r->a.link;

	if (l->conn == NULL || mark->connection != r->done.connection ||
	    mark->tag <= r->acked.tag)
		return;
	/* Commit point: the broker deletes what was returned. */
	if (amqp_link_check(l, "acknowledge",
		amqp_basic_ack(l->conn, AMQP_LINK_CHANNEL, mark->tag, 1)) !=
	    0) {
		(void)endpoint_amqp_reader_lost(r);
		return;
	}
	r->acked = *mark;
}

/* One message; 0, or -1 when the link is lost. */
static int
ack_alone(struct amqp_reader *r, uint64_t tag)
{
	struct amqp_link *l = &r->a.link;

	/* Commit point: the broker deletes this message. */
	if (amqp_link_check(l, "acknowledge",
		amqp_basic_ack(l->conn, AMQP_LINK_CHANNEL, tag, 0)) == 0)
		return 0;
	return endpoint_amqp_reader_lost(r);
}

/* Waits until the leader of a quorum queue has taken all requests so far. */
static bool
leader_has_all(struct amqp_reader *r)
{
	struct amqp_link *l = &r->a.link;

	return amqp_declare_probe(l, r->a.queue, true) == OUTCOME_DONE &&
	       amqp_declare_probe(l, r->a.queue, false) == OUTCOME_DONE;
}

static bool
wait_for_leader(struct amqp_reader *r)
{
	if (!leader_has_all(r))
		(void)endpoint_amqp_reader_lost(r);
	return r->a.link.conn != NULL;
}

bool
endpoint_amqp_ack_only(
    struct endpoint *e, const struct endpoint_mark *marks, size_t n)
{
	struct amqp_reader *r = amqp_reader_of(e);
	size_t i = 0, sent = 0;

	if (n == 0)
		return true;
	/* Without a gap one acknowledgement is enough. */
	while (i < n && marks[i].tag == r->acked.tag + i + 1)
		i++;
	if (i > 0)
		endpoint_amqp_ack_to(e, &marks[i - 1]);
	for (; i < n; i++) {
		if (marks[i].connection != r->done.connection ||
		    ack_alone(r, marks[i].tag) != 0 ||
		    (++sent % ACKS_AT_ONCE == 0 && !wait_for_leader(r)))
			return false;
	}
	return marks[0].connection == r->done.connection && wait_for_leader(r);
}

void
endpoint_amqp_ack_settle(struct amqp_reader *r)
{
	(void)leader_has_all(r);
}

void
endpoint_amqp_ack(struct endpoint *e)
{
	const struct endpoint_mark all = endpoint_amqp_mark(e);

	endpoint_amqp_ack_to(e, &all);
}
