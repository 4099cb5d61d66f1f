/*
 * listen: poller --listen. Opens service and outbox, lets the server handle
 * requests by the routes, and waits for the signal to stop.
 */
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/http/http_status.h"
#include "common/http_server/service.h"
#include "common/os/daemon.h"
#include "common/os/notify.h"
#include "common/os/stop.h"
#include "poller/hooks/hook.h"
#include "poller/hooks/listener_context.h"
#include "poller/idempotency/idempotency.h"
#include "poller/modes/poller.h"
#include "poller/outbox/outbox.h"
#include "poller/routes/route.h"

#define CHECK_MS 200

/* How often it is said that a body was too long. */
#define WARN_AGAIN_MS (10 * MINUTE_MS)

struct listener {
	const struct poller *poller;
	struct service service;
	struct outbox_counts stored;
	struct listener_context *intake;
	struct outbox *outbox;
	bool damaged; /* spool or idempotency keys were found damaged */
	enum exit_code code;
	struct buf why;
};

static int64_t
listen_setting(const struct listener *l, const char *key)
{
	return conf_int(l->poller->common.conf, "listen", key);
}

static int
open_outbox(struct listener *l)
{
	const struct poller *p = l->poller;
	const char *state = poller_named_state(p);
	struct outbox_options opt = {
		.to = poller_to(p),
		.conf = p->common.conf,
		.counts = &l->stored,
		.wait_timeout_ms = listen_setting(l, "wait_timeout"),
	};
	char *dir;

	if (state != NULL) {
		dir = xasprintf("%s/spool", state);
		opt.spool = spool_open(dir, &spool_spool,
		    (uint64_t)listen_setting(l, "spool"), &l->code, &l->why);
		free(dir);
		if (opt.spool == NULL)
			return -1;
		dir = xasprintf("%s/dead", state);
		l->damaged |= spool_is_damaged(opt.spool);
		opt.dead_letter_files = dead_letter_files_open(
		    dir, conf_int(p->common.conf, "amqp", "dead_letters"));
		free(dir);
	}
	l->outbox = outbox_open(&opt, &l->code, &l->why);
	l->intake->outbox = l->outbox;
	l->intake->stored = &l->stored;
	l->intake->counts = &l->service.counts;
	return l->outbox != NULL ? 0 : -1;
}

/* A server_storer. */
static void
store_in_outbox(const void *context, struct pending_request *p)
{
	const struct listener_context *in = context;

	outbox_put(in->outbox, p);
}

#define UNKNOWN_PROXY                                                          \
	"X-Forwarded-For came from an address that is not in [listen] proxies"

/* What the server itself refuses. What a change of the configuration would let
 * in is also logged: senders of webhooks may not read the answer. */
static void
refuse_request(int status, struct web_answer *a)
{
	static atomic_llong due;
	int64_t now = clock_mono_ms();
	long long at = atomic_load(&due);

	if ((status == 403 || status == 413) && now >= at &&
	    atomic_compare_exchange_strong(&due, &at, now + WARN_AGAIN_MS))
		log_warn("%s",
		    status == 403
			? "a request was refused: " UNKNOWN_PROXY
			: "a request was longer than max_body of [listen]; if "
			  "it is a webhook with a long e-mail, raise max_body, "
			  "and the limit of the proxy");
	route_detail(a, status,
	    status == 403 ? "Forbidden: " UNKNOWN_PROXY
			  : http_status_text(status));
}

static int
start_service(struct listener *l)
{
	const struct server_callbacks callbacks = { .handle = route_answer,
		.store = store_in_outbox,
		.refuse = refuse_request,
		.context = l->intake };
	const struct service_bodies bodies = {
		.longest = (size_t)listen_setting(l, "max_body"),
		.memory = (size_t)listen_setting(l, "memory"),
		.min_rate = listen_setting(l, "min_rate"),
	};

	return service_start(
	    &l->service, &callbacks, &bodies, &l->code, &l->why);
}

static int
open_listener(struct listener *l)
{
	const struct poller *p = l->poller;

	/* A check of the configuration leaves the state alone. */
	l->intake = listener_context_open(p->common.conf,
	    p->common.only_check ? NULL : poller_named_state(p), &l->code,
	    &l->why);
	if (l->intake == NULL ||
	    service_configure(&l->service, &l->code, &l->why) != 0)
		return -1;
	if (p->common.only_check)
		return 0;
	l->damaged = idempotency_is_damaged(l->intake->keys);
	if (service_bind(&l->service, &l->code, &l->why) != 0 ||
	    open_outbox(l) != 0)
		return -1;
	return start_service(l);
}

static unsigned long long
counter_value(const atomic_ullong *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

static void
log_counts(const struct listener *l)
{
	const struct server_counts *t = &l->service.counts;

	log_info("listened",
	    "connections=%llu turned_away=%llu requests=%llu accepted=%llu "
	    "malformed=%llu too_large=%llu too_many=%llu refused=%llu "
	    "later=%llu failed=%llu slow=%llu records=%llu dead=%llu "
	    "spooled=%llu drained=%llu",
	    counter_value(&t->connections), counter_value(&t->turned_away),
	    counter_value(&t->requests), counter_value(&t->accepted),
	    counter_value(&t->malformed), counter_value(&t->too_large),
	    counter_value(&t->too_many), counter_value(&t->refused),
	    counter_value(&t->later), counter_value(&t->failed),
	    counter_value(&t->slow), counter_value(&t->records),
	    counter_value(&t->dead), counter_value(&l->stored.spooled),
	    counter_value(&l->stored.drained));
}

/* In this order: accepted requests are answered, then their records are
 * published or spooled. */
static void
close_listener(struct listener *l)
{
	service_end_requests(&l->service);
	outbox_close(l->outbox);
	service_close(&l->service);
	listener_context_close(l->intake);
}

/* Until a signal, or until nobody reads the records. */
static void
serve_until_stopped(struct listener *l)
{
	l->code = PROG_OK;
	service_log_address(&l->service);
	notify_ready();
	while (!stop_asked() && !outbox_has_ended(l->outbox, &l->code)) {
		hooks_log_counts(l->intake->hooks, clock_mono_ms());
		idempotency_expire(l->intake->keys, clock_now_ms());
		(void)stop_sleep(CHECK_MS);
	}
	notify_stopping();
	if (l->code == PROG_OK && !stop_asked()) {
		log_error("nobody reads the records any more");
		l->code = PROG_IO;
	}
	if (l->code == PROG_OK && l->damaged)
		l->code = PROG_DATA;
}

static enum exit_code
listen_on(struct poller *p)
{
	struct listener l = { .poller = p,
		.service = { .conf = p->common.conf,
		    .section = "listen",
		    .address = p->address,
		    .port_file = p->port_file,
		    .socket = { .fd = -1 } } };
	bool open;

	/* Any thread may serve any connection: with an arena a thread, each
	 * would keep the largest amount of memory it ever used. */
	(void)mallopt(M_ARENA_MAX, 1);
	if (!p->common.only_check)
		daemon_init();
	open = open_listener(&l) == 0;
	if (!open)
		log_error("%s", buf_str(&l.why));
	if (open && !p->common.only_check)
		serve_until_stopped(&l);
	close_listener(&l);
	if (open && !p->common.only_check)
		log_counts(&l);
	buf_release(&l.why);
	return l.code;
}

static const struct option_row rows[] = {
	POLLER_TO,
	POLLER_STATE("takes what comes while the broker is away"),
	OPTION_TEXT(0, "port-file", "FILE", struct poller, port_file,
	    "write the port there as soon as requests are taken"),
	POLLER_TEXT,
};

static enum exit_code
run_listen_mode(void *options)
{
	struct poller *p = options;

	poller_resolve_text(p);
	return listen_on(p);
}

const struct option_mode poller_mode_listen = {
	.choice = OPTION_TEXT(0, "listen", "ADDRESS", struct poller, address,
	    "take webhooks, messages and events over HTTP"),
	.about =
	    "Takes webhooks, messages and events over HTTP, and writes them "
	    "as records.\nADDRESS is 127.0.0.1:8080, [::1]:8080 or "
	    "unix:PATH; port 0 is a free one.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.run = run_listen_mode,
};
