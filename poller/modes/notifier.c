/*
 * notifier: poller --notify. Reads notice records and tells the receivers of
 * [notify NAME] (poller/notify/receiver.h).
 *
 * Notices of one rule and scope go to a receiver as one message: the first is
 * sent immediately, the others of the same minute ([notify] every) together
 * after it. A record is acknowledged when every receiver has its notice, or has
 * refused it; then it is also a dead letter. After a crash it is delivered
 * again, and its notice is sent again under the same id. While the process
 * runs, it remembers for a day what it has sent, because the aggregator may
 * publish a notice twice.
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
#include "poller/notify/receiver.h"

enum {
	/* Records read but not acknowledged. */
	WINDOW = 20000,
	/* Notices in one message. */
	MOST = 1000,
	/* Notices that fire together arrive within this time. */
	GATHER_MS = 200,
	ROWS_MS = 60000,
	REMEMBER_MS = 24 * 3600 * 1000,
	IDLE_MS = 1000,
	BUSY_MS = 20,
	PAUSE_MS = 500,
	STOP_LEFT_MS = 3000,
};

/* A record that was read. */
struct item {
	STAILQ_ENTRY(item) link;
	struct endpoint_mark mark;
	struct told_notice notice;
	char *line, *where; /* for a dead letter */
	size_t pending;     /* receivers that are not told yet */
};

STAILQ_HEAD(items, item);

/* Notices for one receiver that belong together. */
struct group {
	STAILQ_ENTRY(group) link;
	struct receiver *receiver;
	struct item **items;
	size_t n, cap;
	size_t sent;           /* the first ones, in the message under way or to
				* be tried again; 0: none */
	struct told_notice of; /* owned: what belongs here */
	int64_t due_ms;        /* when the next message may be sent */
	int64_t told_ms;       /* when the last one was sent; 0: never */
};

STAILQ_HEAD(groups, group);

struct notifier {
	struct poller *poller;
	const struct conf *conf;
	struct endpoint *from, *to; /* to: NULL if there are no rows */
	struct deadletter dead;
	struct http *http;
	struct receivers receivers;
	struct items items;
	struct groups groups;
	size_t in_hand;
	/* Id, state and receiver of what was sent, today and the day before. */
	struct strmap told[2];
	int64_t told_since_ms;
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

/* ---- what was sent ---- */

static void
told_key(struct buf *key, const struct receiver *r, const struct told_notice *n)
{
	buf_setf(key, "%s %s %d", n->id, r->name, n->over != CLOCK_NONE);
}

static bool
was_told(
    struct notifier *a, const struct receiver *r, const struct told_notice *n)
{
	told_key(&a->why, r, n);
	return strmap_get(&a->told[0], buf_str(&a->why), a->why.len) != NULL ||
	       strmap_get(&a->told[1], buf_str(&a->why), a->why.len) != NULL;
}

static void
remember(
    struct notifier *a, const struct receiver *r, const struct told_notice *n)
{
	int64_t now = clock_mono_ms();

	if (now - a->told_since_ms > REMEMBER_MS) {
		strmap_release(&a->told[1], NULL);
		a->told[1] = a->told[0];
		a->told[0] = (struct strmap)STRMAP_INIT;
		a->told_since_ms = now;
	}
	told_key(&a->why, r, n);
	*strmap_put(&a->told[0], buf_str(&a->why), a->why.len) = a;
}

/* ---- records ---- */

static struct item *
add_item(struct notifier *a)
{
	struct item *i = xcalloc(1, sizeof *i);

	i->mark = endpoint_mark(a->from);
	a->lines++;
	a->in_hand++;
	STAILQ_INSERT_TAIL(&a->items, i, link);
	return i;
}

static void
drop_item(struct notifier *a, struct item *i)
{
	STAILQ_REMOVE_HEAD(&a->items, link);
	a->in_hand--;
	told_notice_release(&i->notice);
	free(i->line);
	free(i->where);
	free(i);
}

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

static struct group *
find_group(struct notifier *a, struct receiver *r, const struct record *record,
    const struct told_notice *n)
{
	struct group *g;

	for (g = STAILQ_FIRST(&a->groups); g != NULL; g = STAILQ_NEXT(g, link))
		if (g->receiver == r && told_notice_belongs(&g->of, n))
			return g;
	g = xcalloc(1, sizeof *g);
	g->receiver = r;
	told_notice_read(&g->of, record);
	STAILQ_INSERT_TAIL(&a->groups, g, link);
	return g;
}

static void
add_to_group(struct group *g, struct item *i)
{
	int64_t now = clock_mono_ms(), next_ms;

	if (g->n == 0) {
		g->due_ms = now + GATHER_MS;
		next_ms = g->told_ms + g->receiver->every_ms;
		if (g->told_ms > 0 && next_ms > g->due_ms)
			g->due_ms = next_ms;
	}
	XGROW(g->items, g->n, g->cap);
	g->items[g->n++] = i;
	i->pending++;
}

static void
take_notice(struct notifier *a, struct item *i, const char *line, size_t len)
{
	struct receivers *all = &a->receivers;
	size_t j;

	told_notice_read(&i->notice, &a->record);
	i->line = xstrndup(line, len);
	i->where = xstrdup(endpoint_where(a->from));
	for (j = 0; j < all->n; j++)
		if (receiver_wants(&all->list[j], a->conf, &i->notice) &&
		    !was_told(a, &all->list[j], &i->notice))
			add_to_group(find_group(a, &all->list[j], &a->record,
					 &i->notice),
			    i);
}

static void
take_line(struct notifier *a, char *line, size_t len)
{
	char *copy = xstrndup(line, len); /* parsing changes the line */
	struct item *i;

	if (record_parse(&a->record, &a->flat, line, len, &a->why) != 0) {
		add_dead(
		    a, endpoint_where(a->from), copy, len, buf_str(&a->why));
		(void)add_item(a);
	} else {
		i = add_item(a);
		if (a->record.type == RECORD_NOTICE)
			take_notice(a, i, copy, len);
	}
	free(copy);
}

/* Reads what is available; waits up to wait_ms for the first record. */
static void
take_input(struct notifier *a, int wait_ms)
{
	enum endpoint_status status;
	char *line;
	size_t len;

	if (a->ended || a->in_hand >= WINDOW)
		(void)stop_sleep(wait_ms);
	while (
	    !a->ended && !a->failed && !stop_asked() && a->in_hand < WINDOW) {
		status = endpoint_read(a->from, &line, &len, wait_ms);
		if (status == ENDPOINT_WAIT)
			return;
		if (status == ENDPOINT_RECORD) {
			take_line(a, line, len);
		} else if (status == ENDPOINT_TOOLONG) {
			add_dead(a, endpoint_where(a->from), NULL, 0,
			    endpoint_refusal(a->from));
			(void)add_item(a);
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
	const struct told_notice **v = xcalloc(g->sent, sizeof *v);
	size_t i;

	for (i = 0; i < g->sent; i++)
		v[i] = &g->items[i]->notice;
	message_make(m, a->conf, v, g->sent, g->receiver->recipient);
	free(v);
}

/* A message that is tried again has the same notices. */
static void
send_group(struct notifier *a, struct group *g)
{
	struct message m;

	if (g->sent == 0)
		g->sent = g->n < MOST ? g->n : MOST;
	make_message(a, g, &m);
	receiver_send(g->receiver, a->http, &m);
	message_release(&m);
}

/* Removes the notices of the last message. Refused ones are not remembered, so
 * that a replay of the dead letters sends them. */
static void
end_message(struct notifier *a, struct group *g, bool refused)
{
	size_t i;

	for (i = 0; i < g->sent; i++) {
		if (!refused)
			remember(a, g->receiver, &g->items[i]->notice);
		g->items[i]->pending--;
	}
	g->n -= g->sent;
	memmove(g->items, g->items + g->sent, g->n * sizeof *g->items);
	g->sent = 0;
	g->told_ms = clock_mono_ms();
	g->due_ms = g->told_ms + g->receiver->every_ms;
}

static void
refuse_message(struct notifier *a, struct group *g)
{
	char *why = xasprintf("receiver '%s': %s", g->receiver->name,
	    buf_str(&g->receiver->error));
	size_t i;

	for (i = 0; i < g->sent && !a->failed; i++)
		add_dead(a, g->items[i]->where, g->items[i]->line,
		    strlen(g->items[i]->line), why);
	free(why);
	if (!a->failed)
		end_message(a, g, true);
}

/* Returns whether even the newest notice of the message is too old to be tried
 * again. */
static bool
is_given_up(const struct group *g)
{
	const struct told_notice *n = &g->items[g->sent - 1]->notice;
	int64_t at = n->over != CLOCK_NONE ? n->over : n->fired;

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

	a->messages += r->state == RECEIVER_TOLD;
	a->failures += r->state != RECEIVER_TOLD;
	if (r->state == RECEIVER_TOLD) {
		end_message(a, g, false);
	} else if (r->state == RECEIVER_NEVER || is_given_up(g)) {
		refuse_message(a, g);
	} else if (!a->waits) {
		poller_failed(a->poller, PROG_TEMPFAIL);
	}
	receiver_done(r);
	a->rows_due |=
	    was_failing != (r->failing_since != CLOCK_NONE) || !a->waits;
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
look_at_receivers(struct notifier *a, int64_t wait_ms)
{
	struct http_answer *answer;
	struct receiver *r = a->receivers.list;

	http_wait(a->http, wait_ms);
	while ((answer = http_next(a->http)) != NULL) {
		receiver_take(answer->ctx, answer);
		http_answer_free(answer);
	}
	for (; r < a->receivers.list + a->receivers.n; r++) {
		receiver_look(r);
		if (r->state != RECEIVER_IDLE && r->state != RECEIVER_BUSY)
			end_attempt(a, r);
	}
}

/* ---- rows ---- */

static int
write_row(struct notifier *a, const char *tenant, const struct receiver *r)
{
	struct buf *b = &a->why;
	bool told = r->told_at != CLOCK_NONE;

	buf_clear(b);
	jsonw_open_record(b, "row", tenant);
	jsonw_str(b, "table", "notice_deliveries");
	jsonw_str(b, "receiver", r->name);
	jsonw_time(b, "last_ok_at", r->told_at);
	jsonw_text(b, "last_id", text_or_absent(told ? r->last_id : NULL));
	jsonw_time(b, "failing_since", r->failing_since);
	jsonw_text(b, "error",
	    text_or_absent(
		r->failing_since != CLOCK_NONE ? buf_str(&r->error) : NULL));
	jsonw_time(b, "as_of", clock_now_ms());
	jsonw_close(b);
	return endpoint_write(a->to, b->data, b->len);
}

/* Unconfirmed rows are sent again with the next ones. */
static void
write_rows(struct notifier *a, bool at_once)
{
	size_t i, j;

	if (a->to == NULL || (!at_once && !a->rows_due && a->rows_ms > 0 &&
				 clock_mono_ms() - a->rows_ms < ROWS_MS))
		return;
	a->rows_due = false;
	a->rows_ms = clock_mono_ms();
	for (i = 0; i < conf_tenants(a->conf); i++)
		for (j = 0; j < a->receivers.n; j++)
			if (write_row(a, conf_tenant(a->conf, i),
				&a->receivers.list[j]) != 0) {
				fail_notifier(a, endpoint_code(a->to),
				    endpoint_why(a->to));
				return;
			}
	if (endpoint_flush(a->to) == OUTCOME_NEVER)
		fail_notifier(a, endpoint_code(a->to), endpoint_why(a->to));
}

/* ---- the run ---- */

/* Commit point: acknowledges the first records that need nothing more. */
static void
acknowledge(struct notifier *a)
{
	struct endpoint_mark mark = { 0, 0, 0 }; /* nothing */
	enum outcome o = deadletter_flush(&a->dead);
	struct item *i;

	if (o == OUTCOME_NEVER) {
		a->failed = true;
		poller_failed(a->poller, a->dead.code);
	}
	if (o != OUTCOME_DONE || a->failed)
		return;
	while ((i = STAILQ_FIRST(&a->items)) != NULL && i->pending == 0) {
		mark = i->mark;
		drop_item(a, i);
	}
	if (STAILQ_EMPTY(&a->items)) /* including messages without lines */
		mark = endpoint_mark(a->from);
	endpoint_ack_to(a->from, &mark);
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

/* A run that ends reads no more once a receiver that fails leaves no room. */
static bool
reads_on(const struct notifier *a)
{
	return !a->ended && (a->waits || a->in_hand < WINDOW || has_untried(a));
}

static bool
goes_on(const struct notifier *a)
{
	if (a->failed)
		return false;
	/* Messages under way may not end in time; they are sent again. */
	if (stop_asked())
		return any_busy(a) && stop_left_ms() > STOP_LEFT_MS;
	return reads_on(a) || any_busy(a) || has_untried(a);
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
			look_at_receivers(a, wait < BUSY_MS ? wait : BUSY_MS);
		} else {
			take_input(a, (int)wait);
		}
		acknowledge(a);
		deadletter_pump(&a->dead);
		endpoint_pump(a->from);
		if (a->to != NULL)
			endpoint_pump(a->to);
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
	prometheus_sample(to, open, labels, a->in_hand);
}

static void
show_group(struct notifier *a, struct group *g, struct buf *out)
{
	struct message m;

	g->sent = g->n < MOST ? g->n : MOST;
	make_message(a, g, &m);
	if (receiver_show(g->receiver, &m, out, &a->why) != 0)
		fail_notifier(a, PROG_CONFIG, buf_str(&a->why));
	message_release(&m);
	end_message(a, g, true);
}

/* Shows the messages instead of sending them. */
static void
show_messages(struct notifier *a)
{
	struct buf out = BUF_INIT;
	struct group *g;

	while (!a->ended && !a->failed && !stop_asked() && a->in_hand < WINDOW)
		take_input(a, IDLE_MS);
	for (g = STAILQ_FIRST(&a->groups); g != NULL; g = STAILQ_NEXT(g, link))
		while (g->n > 0 && !a->failed)
			show_group(a, g, &out);
	(void)fwrite(buf_str(&out), 1, out.len, stdout);
	poller_failed(a->poller, prog_flush());
	buf_release(&out);
}

static void
poll_receiver(struct notifier *a, struct receiver *r)
{
	struct http_answer *answer;

	http_wait(a->http, BUSY_MS);
	while ((answer = http_next(a->http)) != NULL) {
		receiver_take(answer->ctx, answer);
		http_answer_free(answer);
	}
	receiver_look(r);
}

/* Sends a test to each receiver, and prints what became of it. */
static void
send_tests(struct notifier *a)
{
	char id[] = "test", rule[] = "test", kind[] = "waiting", none[] = "";
	char tenant[] = "test";
	int64_t now = clock_now_ms();
	const struct told_notice n = { .id = id,
		.tenant = tenant,
		.rule = rule,
		.kind = kind,
		.scope = none,
		.begin = now,
		.fired = now,
		.over = CLOCK_NONE,
		.value = 1,
		.target = 1 };
	const struct told_notice *list[] = { &n };
	struct receiver *r = a->receivers.list;
	struct message m;

	for (; r < a->receivers.list + a->receivers.n; r++) {
		message_make(&m, a->conf, list, 1, r->recipient);
		receiver_send(r, a->http, &m);
		while (r->state == RECEIVER_BUSY && !stop_asked())
			poll_receiver(a, r);
		message_release(&m);
		if (r->state == RECEIVER_TOLD) {
			printf("%s: sent\n", r->name);
			continue;
		}
		printf("%s: %s\n", r->name, buf_str(&r->error));
		poller_failed(a->poller, PROG_UNAVAILABLE);
	}
	poller_failed(a->poller, prog_flush());
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
	if (p->dry_run)
		return 0;
	deadletter_open(&a->dead, a->from, &opt);
	if (p->to == NULL)
		return 0;
	a->to = poller_open_output(p, "-", &opt);
	return a->to != NULL ? 0 : -1;
}

static void
release_notifier(struct notifier *a)
{
	struct group *g;

	daemon_metrics_close(a->metrics);
	http_free(a->http);
	while ((g = STAILQ_FIRST(&a->groups)) != NULL) {
		STAILQ_REMOVE_HEAD(&a->groups, link);
		told_notice_release(&g->of);
		free(g->items);
		free(g);
	}
	while (!STAILQ_EMPTY(&a->items))
		drop_item(a, STAILQ_FIRST(&a->items));
	receivers_release(&a->receivers);
	strmap_release(&a->told[0], NULL);
	strmap_release(&a->told[1], NULL);
	flat_release(&a->flat);
	buf_release(&a->why);
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
	struct notifier a = { .poller = p,
		.conf = p->common.conf,
		.told_since_ms = clock_mono_ms() };

	STAILQ_INIT(&a.items);
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
