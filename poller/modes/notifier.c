/*
 * notifier: poller --notify. Reads notice records and sends them to the
 * receivers of [notify NAME] (poller/notify/receiver.h).
 *
 * Notices of one rule and scope go to a receiver as one message: the first is
 * sent immediately, the others of the same minute ([notify] every) together
 * after it.
 *
 * A record in the queue is for one receiver, so that a receiver that fails
 * delays no other, and that another start repeats nothing for the others: a
 * record for several receivers is replaced by a copy for each, at the end of
 * the queue, before anything is sent. A record is acknowledged when its
 * receiver has the notice, or it is a dead letter. After a crash it is
 * delivered again, and its notice is sent again under the same id. While the
 * process runs, it remembers for a day what it has sent, because the aggregator
 * may publish a notice twice.
 *
 * A notice that is over before it was sent is not sent, and neither is its end,
 * unless another run of the program may have sent the notice.
 *
 * With -t, rows of the table notice_deliveries have the status of each
 * receiver: once a minute, and when it changes.
 */
#define _DEFAULT_SOURCE /* sys/queue.h */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/prog.h"
#include "common/base/xalloc.h"
#include "common/containers/strmap.h"
#include "common/endpoint/endpoint.h"
#include "common/json/jsonw.h"
#include "common/monitoring/prometheus.h"
#include "common/os/notify.h"
#include "common/os/stop.h"
#include "common/records/record.h"
#include "common/stage/deadletter.h"
#include "poller/modes/modes.h"
#include "poller/notify/message.h"
#include "poller/notify/receipts.h"
#include "poller/notify/receiver.h"
#include "poller/notify/recent.h"

enum {
	/* Open notices of a receiver, and of all: the broker delivers at most
	 * 65,535 messages that are not acknowledged. */
	RECEIVER_MOST = 20000,
	ALL_MOST = 60000,
	/* Notices in one message. */
	MESSAGE_MOST = 1000,
	/* Notices that fire together arrive within this time. */
	GATHER_MS = 200,
	ROWS_MS = 60000,
	IDLE_MS = 1000,
	BUSY_MS = 20,
	PAUSE_MS = 500,
	STOP_LEFT_MS = 3000,
};

/* A notice for one receiver that is not settled. */
struct item {
	struct receipt *receipt;
	struct group *group;
	struct notice notice;
	char *line, *where; /* for a dead letter */
	bool tried;         /* perhaps the receiver has it */
};

/* Notices for one receiver that belong together. */
struct group {
	STAILQ_ENTRY(group) link;
	struct receiver *receiver;
	struct item **items;
	size_t n, cap;
	size_t sent;      /* the first ones, in the message under way or to be
			   * tried again; 0: none */
	struct notice of; /* owned: what belongs here */
	int64_t due_ms;   /* when the next message may be sent */
	int64_t sent_ms;  /* when the last one was sent; 0: never */
};

STAILQ_HEAD(groups, group);

struct notifier {
	struct poller *poller;
	const struct conf *conf;
	struct endpoint *from, *to; /* to: NULL if there are no rows */
	struct endpoint *copies;    /* to the input; NULL: none are needed */
	bool copies_open;           /* some are not confirmed */
	struct receipts receipts;
	struct deadletter dead;
	struct http *http;
	struct receivers receivers;
	struct groups groups;
	struct strmap open; /* fact_key() -> item */
	struct recent facts;
	int64_t began_at; /* when the program was started */
	uint64_t lines, messages, failures;
	struct daemon_metrics *metrics; /* NULL: none */
	struct record record;
	struct flat flat;
	struct buf why;
	int64_t rows_ms; /* monotonic: when rows were last written; 0: never */
	bool rows_due;
	bool waits; /* reads a queue for ever */
	bool ended, failed;
};

static void
fail_notifier(struct notifier *a, enum exit_code code, const char *why)
{
	a->failed = true;
	if (code != PROG_OK)
		log_error("%s", why);
	poller_failed(a->poller, code);
}

/* ---- what is known of a notice ---- */

enum fact {
	FACT_FIRED,   /* the receiver has the notice */
	FACT_OVER,    /* it also knows that it is over */
	FACT_SKIPPED, /* the receiver does not get the notice, since it is
		       * over */
	FACT_ENDED,   /* of all receivers: the notice is over */
};

/* Borrowed until the next call. r: NULL for all. */
static const char *
fact_key(struct notifier *a, const struct notice *n, const struct receiver *r,
    enum fact fact)
{
	buf_setf(
	    &a->why, "%d %s %s", (int)fact, r != NULL ? r->name : "", n->id);
	return buf_str(&a->why);
}

static void
learn(struct notifier *a, const struct notice *n, const struct receiver *r,
    enum fact fact)
{
	recent_add(&a->facts, fact_key(a, n, r, fact));
}

static bool
knows(struct notifier *a, const struct notice *n, const struct receiver *r,
    enum fact fact)
{
	return recent_has(&a->facts, fact_key(a, n, r, fact));
}

static bool
is_over(const struct notice *n)
{
	return n->over != CLOCK_NONE;
}

static enum fact
fact_of(const struct notice *n)
{
	return is_over(n) ? FACT_OVER : FACT_FIRED;
}

/* Returns whether an earlier notifier, or we before a lost connection, may have
 * sent the notice that was read. */
static bool
may_have_been_sent(const struct notifier *a, const struct notice *n)
{
	return endpoint_is_redelivered(a->from) || n->fired < a->began_at;
}

/* Returns whether the receiver needs nothing more about the notice that was
 * read. */
static bool
is_settled(struct notifier *a, const struct notice *n, const struct receiver *r)
{
	if (knows(a, n, r, fact_of(n)))
		return true;
	if (is_over(n))
		return knows(a, n, r, FACT_SKIPPED);
	if (!knows(a, n, NULL, FACT_ENDED))
		return false;
	if (!may_have_been_sent(a, n))
		learn(a, n, r, FACT_SKIPPED);
	return true;
}

/* ---- open notices ---- */

static struct group *
find_group(struct notifier *a, struct receiver *r, const struct record *record,
    const struct notice *n)
{
	struct group *g;

	for (g = STAILQ_FIRST(&a->groups); g != NULL; g = STAILQ_NEXT(g, link))
		if (g->receiver == r && notice_belongs(&g->of, n))
			return g;
	g = xcalloc(1, sizeof *g);
	g->receiver = r;
	notice_read(&g->of, record);
	STAILQ_INSERT_TAIL(&a->groups, g, link);
	return g;
}

static void
append_to_group(struct group *g, struct item *i)
{
	int64_t now = clock_mono_ms(), next_ms;

	if (g->n == 0) {
		g->due_ms = now + GATHER_MS;
		next_ms = g->sent_ms + g->receiver->every_ms;
		if (g->sent_ms > 0 && next_ms > g->due_ms)
			g->due_ms = next_ms;
	}
	XGROW(g->items, g->n, g->cap);
	g->items[g->n++] = i;
	i->group = g;
}

/* Takes over the receipt. */
static void
open_notice(struct notifier *a, struct receiver *r, const char *line,
    size_t len, struct receipt *receipt)
{
	struct item *i = xcalloc(1, sizeof *i);
	const char *key;

	notice_read(&i->notice, &a->record);
	i->line = xstrndup(line, len);
	i->where = xstrdup(endpoint_where(a->from));
	i->receipt = receipt;
	i->tried = may_have_been_sent(a, &i->notice);
	append_to_group(find_group(a, r, &a->record, &i->notice), i);
	key = fact_key(a, &i->notice, r, fact_of(&i->notice));
	*strmap_put(&a->open, key, strlen(key)) = i;
	r->open++;
}

static struct item *
find_open(struct notifier *a, const struct notice *n, const struct receiver *r,
    enum fact fact)
{
	const char *key = fact_key(a, n, r, fact);

	return strmap_get(&a->open, key, strlen(key));
}

static void
free_item(struct item *i)
{
	notice_release(&i->notice);
	free(i->line);
	free(i->where);
	free(i);
}

/* The first items of a group need nothing more. */
static void
close_items(struct notifier *a, struct group *g, size_t from, size_t n)
{
	struct receiver *r = g->receiver;
	struct item *i;
	const char *key;
	size_t j;

	for (j = from; j < from + n; j++) {
		i = g->items[j];
		key = fact_key(a, &i->notice, r, fact_of(&i->notice));
		(void)strmap_delete(&a->open, key, strlen(key));
		receipt_settle(&a->receipts, i->receipt);
		free_item(i);
		r->open--;
	}
	g->n -= n;
	memmove(g->items + from, g->items + from + n,
	    (g->n - from) * sizeof *g->items);
	if (from < g->sent)
		g->sent -= n < g->sent - from ? n : g->sent - from;
}

/* The notice is over: a receiver that does not have it yet no longer needs
 * it. */
static void
withdraw(struct notifier *a, const struct notice *n, const struct receiver *r)
{
	struct item *i = find_open(a, n, r, FACT_FIRED);
	struct group *g = i != NULL ? i->group : NULL;
	size_t at = 0;

	if (i == NULL)
		return;
	while (g->items[at] != i)
		at++;
	if (at < g->sent && r->state != RECEIVER_IDLE)
		return; /* being sent now */
	if (!i->tried)
		learn(a, n, r, FACT_SKIPPED);
	close_items(a, g, at, 1);
}

static void
note_end(struct notifier *a, const struct notice *n)
{
	const struct receiver *r = a->receivers.list;

	learn(a, n, NULL, FACT_ENDED);
	for (; r < a->receivers.list + a->receivers.n; r++)
		withdraw(a, n, r);
}

/* The aggregator may publish a notice twice, and the broker delivers it again
 * after a lost connection. Returns whether the receiver waits for the notice
 * already; takes over the receipt then. */
static bool
is_open_already(struct notifier *a, const struct notice *n,
    const struct receiver *r, struct receipt *receipt)
{
	struct item *i = find_open(a, n, r, fact_of(n));
	struct receipt *other = receipt;

	if (i == NULL)
		return false;
	if (!receipt_is_valid(&a->receipts, i->receipt)) {
		other = i->receipt;
		i->receipt = receipt;
	}
	receipt_settle(&a->receipts, other);
	return true;
}

/* ---- records ---- */

/* Waits for the queue of dead letters. */
static void
add_dead(struct notifier *a, const char *where, const char *line, size_t len,
    const char *why)
{
	enum outcome o;

	do
		o = deadletter_add(&a->dead, where, line, len, why);
	while (o == OUTCOME_LATER && !stop_sleep(PAUSE_MS));
	if (o == OUTCOME_DONE)
		return;
	a->failed = true;
	if (o == OUTCOME_NEVER)
		poller_failed(a->poller, a->dead.code);
}

/* Returns whether all copies are safe. Does not wait for ever. */
static bool
confirm_copies(struct notifier *a)
{
	enum outcome o;

	if (!a->copies_open)
		return true;
	o = endpoint_flush(a->copies);
	a->copies_open = o != OUTCOME_DONE;
	if (o == OUTCOME_NEVER || (o == OUTCOME_LATER && !a->waits))
		fail_notifier(a,
		    o == OUTCOME_NEVER ? endpoint_code(a->copies)
				       : PROG_TEMPFAIL,
		    endpoint_why(a->copies));
	return o == OUTCOME_DONE;
}

/* Writes the record with the member `receiver`; line ends with a brace. */
static void
write_copy(
    struct notifier *a, const struct receiver *r, const char *line, size_t len)
{
	struct buf *copy = &a->why;

	while (line[len - 1] != '}')
		len--;
	buf_clear(copy);
	buf_add(copy, line, len - 1);
	jsonw_str(copy, "receiver", r->name);
	jsonw_close(copy);
	endpoint_break(a->copies);
	if (endpoint_write(a->copies, copy->data, copy->len) != 0)
		fail_notifier(
		    a, endpoint_code(a->copies), endpoint_why(a->copies));
	a->copies_open = true;
}

static bool
needs(struct notifier *a, const struct notice *n, const struct receiver *r)
{
	const struct text only = a->record.receiver;

	return (only.p == NULL || text_is(only, r->name)) &&
	       receiver_wants(r, a->conf, n) && !is_settled(a, n, r);
}

static void
take_notice(
    struct notifier *a, const char *line, size_t len, struct receipt *receipt)
{
	struct receiver *r, *end = a->receivers.list + a->receivers.n;
	struct notice n;
	size_t needed = 0;

	notice_read(&n, &a->record);
	if (is_over(&n))
		note_end(a, &n);
	for (r = a->receivers.list; r < end; r++)
		needed += needs(a, &n, r);
	for (r = a->receivers.list; r < end; r++) {
		if (!needs(a, &n, r))
			continue;
		(void)receipt_share(receipt);
		if (needed > 1 && a->copies != NULL) {
			write_copy(a, r, line, len);
			receipt_settle(&a->receipts, receipt);
		} else if (!is_open_already(a, &n, r, receipt)) {
			open_notice(a, r, line, len, receipt);
		}
	}
	notice_release(&n);
}

static void
take_line(struct notifier *a, char *line, size_t len)
{
	struct receipt *receipt = receipt_take(&a->receipts);
	char *copy = xstrndup(line, len); /* parsing changes the line */

	a->lines++;
	if (record_parse(&a->record, &a->flat, line, len, &a->why) != 0)
		add_dead(
		    a, endpoint_where(a->from), copy, len, buf_str(&a->why));
	else if (a->record.type == RECORD_NOTICE)
		take_notice(a, copy, len, receipt);
	receipt_settle(&a->receipts, receipt);
	free(copy);
}

static void
take_long_line(struct notifier *a)
{
	struct receipt *receipt = receipt_take(&a->receipts);

	a->lines++;
	add_dead(
	    a, endpoint_where(a->from), NULL, 0, endpoint_refusal(a->from));
	receipt_settle(&a->receipts, receipt);
}

/* The maximum number of open notices of a receiver. */
static size_t
most_open(const struct notifier *a)
{
	size_t share = ALL_MOST / a->receivers.n;

	return share < RECEIVER_MOST ? share : RECEIVER_MOST;
}

static bool
is_full(const struct notifier *a)
{
	size_t i;

	for (i = 0; i < a->receivers.n; i++)
		if (a->receivers.list[i].open >= most_open(a))
			return true;
	return false;
}

static bool
may_read(const struct notifier *a)
{
	return !a->ended && !a->failed && !stop_asked() && !is_full(a);
}

/* Reads what is available; waits up to wait_ms for the first record. */
static void
take_input(struct notifier *a, int wait_ms)
{
	enum endpoint_status status;
	char *line;
	size_t len;

	if (a->ended || is_full(a))
		(void)stop_sleep(wait_ms);
	/* A run that ends must find the copies in the queue. */
	while (may_read(a) && (a->waits || confirm_copies(a))) {
		status = endpoint_read(a->from, &line, &len, wait_ms);
		if (status == ENDPOINT_WAIT)
			return;
		if (status == ENDPOINT_RECORD) {
			take_line(a, line, len);
		} else if (status == ENDPOINT_TOOLONG) {
			take_long_line(a);
		} else {
			a->ended = true;
			poller_report_input(a->poller, a->from, status,
			    "the notices before it were sent");
		}
		wait_ms = 0;
	}
}

/* ---- messages ---- */

static void
make_message(struct notifier *a, const struct group *g, struct message *m)
{
	const struct notice **v = xcalloc(g->sent, sizeof *v);
	size_t i;

	for (i = 0; i < g->sent; i++)
		v[i] = &g->items[i]->notice;
	message_make(m, a->conf, v, g->sent, g->receiver->recipient);
	free(v);
}

/* Chooses the notices of the next message; one that is tried again keeps its
 * notices, except those that are over. */
static void
choose_notices(struct group *g)
{
	if (g->sent == 0)
		g->sent = g->n < MESSAGE_MOST ? g->n : MESSAGE_MOST;
}

static void
send_group(struct notifier *a, struct group *g)
{
	struct message m;
	size_t i;

	choose_notices(g);
	for (i = 0; i < g->sent; i++)
		g->items[i]->tried = true;
	make_message(a, g, &m);
	receiver_send(g->receiver, a->http, &m);
	message_release(&m);
}

static void
end_message(struct notifier *a, struct group *g)
{
	close_items(a, g, 0, g->sent);
	g->sent_ms = clock_mono_ms();
	g->due_ms = g->sent_ms + g->receiver->every_ms;
}

static void
end_delivered(struct notifier *a, struct group *g)
{
	const struct notice *n;
	size_t i;

	for (i = 0; i < g->sent; i++) {
		n = &g->items[i]->notice;
		learn(a, n, g->receiver, fact_of(n));
	}
	end_message(a, g);
}

/* What became of these notices is not remembered, so that a replay of the dead
 * letters sends them. */
static void
end_dead(struct notifier *a, struct group *g, const char *reason)
{
	char *why = xasprintf("receiver '%s': %s%s", g->receiver->name, reason,
	    buf_str(&g->receiver->error));
	size_t i;

	for (i = 0; i < g->sent && !a->failed; i++)
		add_dead(a, g->items[i]->where, g->items[i]->line,
		    strlen(g->items[i]->line), why);
	free(why);
	if (!a->failed)
		end_message(a, g);
}

/* Returns whether even the newest notice of the message is too old to be tried
 * again. */
static bool
is_too_old(const struct group *g)
{
	const struct notice *n = &g->items[g->sent - 1]->notice;
	int64_t at = is_over(n) ? n->over : n->fired;

	return clock_now_ms() - at >= g->receiver->give_up_ms;
}

static struct group *
group_under_way(const struct notifier *a, const struct receiver *r)
{
	struct group *g;

	for (g = STAILQ_FIRST(&a->groups); g != NULL; g = STAILQ_NEXT(g, link))
		if (g->receiver == r && g->sent > 0)
			return g;
	return NULL;
}

static void
end_attempt(struct notifier *a, struct receiver *r)
{
	struct group *g = group_under_way(a, r);
	bool was_failing = r->failing_since != CLOCK_NONE;

	a->messages += r->state == RECEIVER_DELIVERED;
	a->failures += r->state != RECEIVER_DELIVERED;
	if (r->state == RECEIVER_DELIVERED)
		end_delivered(a, g);
	else if (r->state == RECEIVER_REJECTED || is_too_old(g))
		end_dead(a, g, "");
	else if (!a->waits)
		poller_failed(a->poller, PROG_TEMPFAIL);
	receiver_finish(r);
	a->rows_due |=
	    was_failing != (r->failing_since != CLOCK_NONE) || !a->waits;
}

static struct group *
largest_group(const struct notifier *a, const struct receiver *r)
{
	struct group *g, *largest = NULL;

	for (g = STAILQ_FIRST(&a->groups); g != NULL; g = STAILQ_NEXT(g, link))
		if (g->receiver == r && (largest == NULL || g->n > largest->n))
			largest = g;
	return largest;
}

/* A receiver that fails and has too many notices must not stop the others: the
 * oldest of its largest group become dead letters. */
static void
make_room(struct notifier *a)
{
	struct receiver *r = a->receivers.list;
	struct group *g;

	for (; r < a->receivers.list + a->receivers.n; r++) {
		if (r->open < most_open(a) || r->state != RECEIVER_IDLE ||
		    r->failing_since == CLOCK_NONE)
			continue;
		g = largest_group(a, r);
		if (g == NULL)
			continue;
		choose_notices(g);
		end_dead(a, g, "too many notices are waiting for it: ");
	}
}

/* Returns the group whose turn it is, or NULL. */
static struct group *
next_group(const struct notifier *a, const struct receiver *r)
{
	struct group *g, *next = group_under_way(a, r);

	if (next != NULL)
		return next;
	for (g = STAILQ_FIRST(&a->groups); g != NULL; g = STAILQ_NEXT(g, link))
		if (g->receiver == r && g->n > 0 &&
		    (next == NULL || g->due_ms < next->due_ms))
			next = g;
	return next;
}

/* Sends what is due. Returns the milliseconds until more is, at most
 * IDLE_MS. */
static int64_t
send_due(struct notifier *a)
{
	int64_t now = clock_mono_ms(), wait = IDLE_MS, due;
	struct receiver *r = a->receivers.list;
	struct group *g;

	for (; r < a->receivers.list + a->receivers.n; r++) {
		g = r->state == RECEIVER_IDLE ? next_group(a, r) : NULL;
		if (g == NULL || stop_asked())
			continue;
		/* A run that ends does not wait for more, and leaves a receiver
		 * that fails to the next run. */
		due = a->ended ? 0 : g->due_ms;
		if (!a->waits && r->failing_since != CLOCK_NONE)
			continue;
		due = due > r->next_ms ? due : r->next_ms;
		if (due <= now)
			send_group(a, g);
		else if (due - now < wait)
			wait = due - now;
	}
	return wait;
}

static bool
any_busy(const struct notifier *a)
{
	size_t i;

	for (i = 0; i < a->receivers.n; i++)
		if (a->receivers.list[i].state != RECEIVER_IDLE)
			return true;
	return false;
}

static void
take_responses(struct notifier *a, int64_t wait_ms)
{
	struct http_answer *answer;

	http_wait(a->http, wait_ms);
	while ((answer = http_next(a->http)) != NULL) {
		receiver_take_response(answer->ctx, answer);
		http_answer_free(answer);
	}
}

static void
check_receivers(struct notifier *a, int64_t wait_ms)
{
	struct receiver *r = a->receivers.list;

	take_responses(a, wait_ms);
	for (; r < a->receivers.list + a->receivers.n; r++) {
		receiver_check_mail(r);
		if (r->state != RECEIVER_IDLE && r->state != RECEIVER_BUSY)
			end_attempt(a, r);
	}
}

/* ---- rows ---- */

static int
write_row(struct notifier *a, const char *tenant, const struct receiver *r)
{
	struct buf *b = &a->why;
	bool delivered = r->delivered_at != CLOCK_NONE;

	buf_clear(b);
	jsonw_open_record(b, "row", tenant);
	jsonw_str(b, "table", "notice_deliveries");
	jsonw_str(b, "receiver", r->name);
	jsonw_time(b, "last_ok_at", r->delivered_at);
	jsonw_text(b, "last_id", text_or_absent(delivered ? r->last_id : NULL));
	jsonw_time(b, "failing_since", r->failing_since);
	jsonw_text(b, "error",
	    text_or_absent(
		r->failing_since != CLOCK_NONE ? buf_str(&r->error) : NULL));
	jsonw_time(b, "as_of", clock_now_ms());
	jsonw_close(b);
	return endpoint_write(a->to, b->data, b->len);
}

/* Writes a row for each receiver of the tenant's notices. */
static int
write_rows_of(struct notifier *a, const char *tenant)
{
	const struct receiver *r = a->receivers.list;

	for (; r < a->receivers.list + a->receivers.n; r++)
		if (receiver_serves(r, a->conf, tenant) &&
		    write_row(a, tenant, r) != 0)
			return -1;
	return 0;
}

/* Unconfirmed rows are sent again with the next ones. */
static void
write_rows(struct notifier *a, bool now)
{
	int rc = 0;
	size_t i;

	if (a->to == NULL || (!now && !a->rows_due && a->rows_ms > 0 &&
				 clock_mono_ms() - a->rows_ms < ROWS_MS))
		return;
	a->rows_due = false;
	a->rows_ms = clock_mono_ms();
	for (i = 0; i < conf_tenants(a->conf) && rc == 0; i++)
		rc = write_rows_of(a, conf_tenant(a->conf, i));
	if (rc != 0 || endpoint_flush(a->to) == OUTCOME_NEVER)
		fail_notifier(a, endpoint_code(a->to), endpoint_why(a->to));
}

/* ---- the run ---- */

/* Commit point: acknowledges what is settled, once all that was written is
 * safe. */
static void
acknowledge(struct notifier *a)
{
	enum outcome o = deadletter_flush(&a->dead);

	if (o == OUTCOME_NEVER) {
		a->failed = true;
		poller_failed(a->poller, a->dead.code);
	}
	if (o == OUTCOME_DONE && confirm_copies(a) && !a->failed)
		receipts_acknowledge(&a->receipts);
}

/* Returns whether a run that ends has something left to try. */
static bool
has_untried(const struct notifier *a)
{
	const struct group *g;

	for (g = STAILQ_FIRST(&a->groups); g != NULL; g = STAILQ_NEXT(g, link))
		if (g->n > 0 && g->receiver->failing_since == CLOCK_NONE)
			return true;
	return false;
}

static bool
goes_on(const struct notifier *a)
{
	if (a->failed)
		return false;
	/* Messages under way may not end in time; they are sent again. */
	if (stop_asked())
		return any_busy(a) && stop_left_ms() > STOP_LEFT_MS;
	return !a->ended || any_busy(a) || has_untried(a);
}

static void
run_notifier(struct notifier *a)
{
	int64_t wait;

	notify_ready();
	while (goes_on(a)) {
		notify_alive();
		write_rows(a, false);
		wait = send_due(a);
		if (any_busy(a)) {
			take_input(a, 0);
			check_receivers(a, wait < BUSY_MS ? wait : BUSY_MS);
		} else {
			take_input(a, (int)wait);
		}
		make_room(a);
		acknowledge(a);
		deadletter_pump(&a->dead);
		endpoint_pump(a->from);
		if (a->to != NULL)
			endpoint_pump(a->to);
		if (a->copies != NULL)
			endpoint_pump(a->copies);
		daemon_metrics_count(a->metrics, a->lines, a->dead.count);
	}
	notify_stopping();
	if (!a->failed)
		write_rows(a, true);
}

/* A daemon_metrics_writer. */
static void
add_notify_metrics(void *ctx, struct buf *to, const char *labels)
{
	static const char sent[] = "messaging_notify_messages_total",
			  open[] = "messaging_notify_open_notices";
	const struct notifier *a = ctx;

	prometheus_head(to, sent, PROMETHEUS_COUNTER,
	    "Messages about notices, by whether the receiver took them.");
	prometheus_result(to, sent, labels, "sent", a->messages);
	prometheus_result(to, sent, labels, "failed", a->failures);
	prometheus_head(to, open, PROMETHEUS_GAUGE,
	    "Notices that some receiver does not have yet.");
	prometheus_sample(to, open, labels, a->open.live);
}

static void
show_group(struct notifier *a, struct group *g, struct buf *out)
{
	struct message m;

	choose_notices(g);
	make_message(a, g, &m);
	if (receiver_show(g->receiver, &m, out, &a->why) != 0)
		fail_notifier(a, PROG_CONFIG, buf_str(&a->why));
	message_release(&m);
	end_message(a, g);
}

/* Shows the messages instead of sending them. */
static void
show_messages(struct notifier *a)
{
	struct buf out = BUF_INIT;
	struct group *g;

	while (!a->ended && !a->failed && !stop_asked() && !is_full(a))
		take_input(a, IDLE_MS);
	for (g = STAILQ_FIRST(&a->groups); g != NULL; g = STAILQ_NEXT(g, link))
		while (g->n > 0 && !a->failed)
			show_group(a, g, &out);
	(void)fwrite(buf_str(&out), 1, out.len, stdout);
	poller_failed(a->poller, prog_flush());
	buf_release(&out);
}

/* Sends a test to each receiver, and prints what became of it. Each test has
 * another id, because receivers may drop what they have already got. */
static void
send_tests(struct notifier *a)
{
	char rule[] = "test", kind[] = "test", tenant[] = "test", none[] = "";
	int64_t now = clock_now_ms();
	const struct notice n = { .id = xasprintf("test %lld", (long long)now),
		.tenant = tenant,
		.rule = rule,
		.kind = kind,
		.scope = none,
		.begin = now,
		.fired = now,
		.over = CLOCK_NONE,
		.value = 1,
		.target = 1 };
	const struct notice *list[] = { &n };
	struct receiver *r = a->receivers.list;
	struct message m;

	for (; r < a->receivers.list + a->receivers.n; r++) {
		message_make(&m, a->conf, list, 1, r->recipient);
		receiver_send(r, a->http, &m);
		while (r->state == RECEIVER_BUSY && !stop_asked()) {
			take_responses(a, BUSY_MS);
			receiver_check_mail(r);
		}
		message_release(&m);
		if (r->state == RECEIVER_DELIVERED) {
			printf("%s: sent\n", r->name);
			continue;
		}
		printf("%s: %s\n", r->name, buf_str(&r->error));
		poller_failed(a->poller, PROG_UNAVAILABLE);
	}
	free(n.id);
	poller_failed(a->poller, prog_flush());
}

/* Records for several receivers are written to the input again, if it is a
 * queue. */
static int
open_copies(struct notifier *a, struct endpoint_options opt)
{
	enum exit_code code = PROG_OK;

	if (a->receivers.n < 2 || !endpoint_is_queue(endpoint_name(a->from)))
		return 0;
	opt.lazy = true;
	opt.sole = false;
	a->copies =
	    endpoint_open_write(endpoint_name(a->from), &opt, &a->why, &code);
	if (a->copies != NULL)
		return 0;
	fail_notifier(a, code, buf_str(&a->why));
	return -1;
}

static int
open_ends(struct notifier *a)
{
	struct poller *p = a->poller;
	const char *from = p->from != NULL ? p->from : "-";
	struct endpoint_options opt = { .conf = p->common.conf };

	a->waits = endpoint_is_queue(from) && !p->dry_run && !p->until_empty;
	if (a->waits)
		daemon_init();
	opt.wait_forever = opt.append = a->waits;
	opt.sole = a->waits; /* two would divide the notices of a minute */
	opt.until_empty = !a->waits;
	opt.prefetch = ENDPOINT_NO_PREFETCH_LIMIT;
	a->from = poller_open_input(p, &opt);
	if (a->from == NULL)
		return -1;
	receipts_init(&a->receipts, a->from);
	if (p->dry_run)
		return 0;
	deadletter_open(&a->dead, a->from, &opt);
	if (open_copies(a, opt) != 0)
		return -1;
	if (p->to == NULL)
		return 0;
	a->to = poller_open_output(p, "-", &opt);
	return a->to != NULL ? 0 : -1;
}

static void
free_group(struct notifier *a, struct group *g)
{
	size_t i;

	for (i = 0; i < g->n; i++) {
		receipt_settle(&a->receipts, g->items[i]->receipt);
		free_item(g->items[i]);
	}
	notice_release(&g->of);
	free(g->items);
	free(g);
}

static void
release_notifier(struct notifier *a)
{
	struct group *g;

	daemon_metrics_close(a->metrics);
	http_free(a->http);
	while ((g = STAILQ_FIRST(&a->groups)) != NULL) {
		STAILQ_REMOVE_HEAD(&a->groups, link);
		free_group(a, g);
	}
	strmap_release(&a->open, NULL);
	recent_release(&a->facts);
	receipts_release(&a->receipts);
	receivers_release(&a->receivers);
	flat_release(&a->flat);
	buf_release(&a->why);
	endpoint_close(a->copies);
	endpoint_close(a->to);
	endpoint_close(a->from);
}

static void
carry_out(struct notifier *a)
{
	if (a->poller->test) {
		send_tests(a);
	} else if (open_ends(a) == 0) {
		if (a->waits)
			a->metrics = daemon_metrics_open(a->conf,
			    endpoint_amqp_name(endpoint_name(a->from)),
			    add_notify_metrics, a);
		if (a->poller->dry_run)
			show_messages(a);
		else
			run_notifier(a);
		if (!a->waits)
			poller_failed(a->poller, deadletter_code(&a->dead));
		deadletter_close(&a->dead);
	}
}

static enum exit_code
run_notify_mode(void *options)
{
	struct poller *p = options;
	struct notifier a = {
		.poller = p, .conf = p->common.conf, .began_at = clock_now_ms()
	};

	receipts_init(&a.receipts, NULL);
	STAILQ_INIT(&a.groups);
	a.http = http_new();
	if (receivers_open(&a.receivers, a.conf, &a.why) != 0)
		fail_notifier(&a, PROG_CONFIG, buf_str(&a.why));
	else if (!p->common.only_check)
		carry_out(&a);
	release_notifier(&a);
	return !a.waits || !stop_asked() ? p->code : PROG_OK;
}

static const struct option_row rows[] = {
	OPTION_TAKE('f', "from", "FROM", struct poller, from, endpoint_take,
	    "where notices come from: -, a file, queue:NAME"),
	OPTION_TAKE('t', "to", "TO", struct poller, to, endpoint_take,
	    "where rows about the receivers go: queue:rows"),
	OPTION_FLAG("dry-run", struct poller, dry_run,
	    "print the messages instead of sending them"),
	OPTION_FLAG("test", struct poller, test,
	    "send a test to each receiver, and end"),
	OPTION_FLAG("until-empty", struct poller, until_empty,
	    "end when the queue is empty"),
};

static int
check_mode(void *options)
{
	const struct poller *p = options;

	if (p->test && (p->from != NULL || p->to != NULL || p->dry_run))
		return prog_usage_error("--test reads and writes no records; "
					"remove -f, -t and --dry-run");
	if (p->to != NULL && p->dry_run)
		return prog_usage_error(
		    "--dry-run writes no records; remove -t");
	return poller_check_ends(options);
}

const struct option_mode poller_mode_notify = {
	.choice = OPTION_MODE("notify", "tell people about notices"),
	.about = "Sends notices that customers wait too long to chat tools, "
		 "webhooks and\nmail addresses.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.check = check_mode,
	.run = run_notify_mode,
};
