/*
 * listen: poller --listen. Opens service and intake, lets the server handle
 * requests by the routes, and waits for the signal to stop.
 */
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/endpoint/endpoint.h"
#include "common/http/server.h"
#include "common/os/file.h"
#include "common/os/notify.h"
#include "common/os/stop.h"
#include "poller/intake/hook.h"
#include "poller/intake/hook_coverage.h"
#include "poller/intake/idempotency.h"
#include "poller/intake/listener_context.h"
#include "poller/intake/request_intake.h"
#include "poller/intake/route.h"
#include "poller/modes/modes.h"

#define CHECK_MS 200

/* How often the configuration is looked at for changes. */
#define REFRESH_MS 2000

/* How often a body that is too long is logged. */
#define WARN_AGAIN_MS (10 * MINUTE_MS)

struct listener {
	const struct poller *poller;
	struct server server;
	char *default_state;         /* a folder */
	struct request_store *store; /* NULL: not open */
	struct listener_context *context;
	struct intake *intake;
	uint64_t published; /* number of lines, set at the end */
	uint64_t stamp;     /* of the files that were read last */
	int64_t refresh_ms; /* when they are looked at again, monotonic */
	int64_t day;        /* day on which the store was last compacted */
	enum exit_code code;
	struct buf why;
};

static int64_t
listen_setting(const struct listener *l, const char *key)
{
	return conf_int(l->poller->common.conf, "listen", key);
}

/* Stores requests in the configured state, otherwise in the default one.
 * Returns -1 with the code and why. */
static int
open_store(struct listener *l)
{
	const char *state = poller_named_state(l->poller);

	if (state == NULL)
		state = l->default_state = state_folder("listener", &l->why);
	if (state == NULL) {
		l->code = PROG_CONFIG;
		buf_adds(&l->why, "; requests are stored before they are "
				  "published: choose a folder with --state");
		return -1;
	}
	l->store = request_store_open(state,
	    (uint64_t)listen_setting(l, "spool"),
	    (size_t)listen_setting(l, "idempotency_keys"), &l->code, &l->why);
	return l->store != NULL ? 0 : -1;
}

static int
open_intake(struct listener *l)
{
	const struct intake_options opt = {
		.to = poller_to(l->poller),
		.conf = l->poller->common.conf,
		.store = l->store,
	};

	l->intake = intake_open(&opt, &l->code, &l->why);
	l->context->intake = l->intake;
	l->context->coverage = hook_coverage_open(
	    l->poller->common.conf, l->store, clock_now_ms());
	l->context->counts = &l->server.counts;
	return l->intake != NULL ? 0 : -1;
}

/* A server_storer. */
static void
store_request(const void *context, struct pending_request *p)
{
	const struct listener_context *in = context;

	intake_put(in->intake, p);
}

#define UNKNOWN_PROXY                                                          \
	"X-Forwarded-For came from an address that is not in [listen] proxies"

/* Handles requests that the server itself refuses. Refusals that a change in
 * the configuration would avoid are also logged, because senders of webhooks
 * may not read the answer. */
static void
refuse_request(int status, struct web_answer *a)
{
	static atomic_llong due;

	if ((status == 403 || status == 413) && log_is_due(&due, WARN_AGAIN_MS))
		log_warn(
		    "%s", status == 403
			      ? "a request was refused: " UNKNOWN_PROXY
			      : "a request was longer than [listen] max_body; "
				"if it was a webhook with a long e-mail, raise "
				"max_body and the proxy's limit");
	route_detail(a, status,
	    status == 403 ? "Forbidden: " UNKNOWN_PROXY
			  : http_status_text(status));
}

static int
open_listener(struct listener *l)
{
	const struct poller *p = l->poller;

	l->stamp = conf_stamp(p->common.conf); /* before secrets are read */
	/* Checking the configuration does not touch the state. */
	if (!p->common.only_check && open_store(l) != 0)
		return -1;
	l->context =
	    listener_context_open(p->common.conf, l->store, &l->code, &l->why);
	if (l->context == NULL ||
	    server_configure(&l->server, &l->code, &l->why) != 0)
		return -1;
	if (p->common.only_check)
		return 0;
	if (server_bind(&l->server, &l->code, &l->why) != 0 ||
	    open_intake(l) != 0)
		return -1;
	l->server.context = l->context;
	return server_start(&l->server, &l->code, &l->why);
}

static void
log_counts(const struct listener *l)
{
	const struct server_counts *t = &l->server.counts;

	log_info("listened",
	    "connections=%llu turned_away=%llu requests=%llu accepted=%llu "
	    "malformed=%llu too_large=%llu too_many=%llu refused=%llu "
	    "later=%llu failed=%llu slow=%llu records=%llu dead=%llu "
	    "published=%llu",
	    server_counted(&t->connections), server_counted(&t->turned_away),
	    server_counted(&t->requests), server_counted(&t->accepted),
	    server_counted(&t->malformed), server_counted(&t->too_large),
	    server_counted(&t->too_many), server_counted(&t->refused),
	    server_counted(&t->later), server_counted(&t->failed),
	    server_counted(&t->slow), server_counted(&t->records),
	    server_counted(&t->dead), (unsigned long long)l->published);
}

/* In this order: accepted requests are answered, then their records are
 * published, or stay in the store. */
static void
close_listener(struct listener *l)
{
	server_end_requests(&l->server);
	if (l->intake != NULL)
		l->published = intake_close(l->intake);
	server_close(&l->server);
	if (l->context != NULL)
		hook_coverage_close(l->context->coverage);
	listener_context_close(l->context);
	request_store_close(l->store);
	free(l->default_state);
}

/* Called once a day, and at start. */
static void
compact_store(struct listener *l)
{
	int64_t day = clock_now_ms() / DAY_MS;
	struct buf why = BUF_INIT;

	if (day == l->day)
		return;
	l->day = day;
	if (request_store_compact(l->store, &why) != 0)
		log_error("%s", buf_str(&why));
	buf_release(&why);
}

/* Reads the configuration again if its files have changed, so that a tenant's
 * first webhook is accepted as soon as its secret is there. If a file changes
 * while it is read, its stamp differs next time. */
static void
refresh(struct listener *l)
{
	const struct option_common *common = &l->poller->common;
	int64_t now = clock_mono_ms();
	struct buf why = BUF_INIT;
	struct conf *conf;
	uint64_t stamp;

	if (now < l->refresh_ms)
		return;
	l->refresh_ms = now + REFRESH_MS;
	stamp = conf_stamp(l->context->conf);
	if (stamp == l->stamp)
		return;
	l->stamp = stamp;
	conf = conf_load(common->config, &why);
	if (conf == NULL)
		log_error("%s; the listener keeps the configuration that it "
			  "has",
		    buf_str(&why));
	else
		log_info("configuration_read", "webhooks_opened=%zu",
		    listener_context_refresh(l->context, conf));
	buf_release(&why);
}

/* Serves until a signal, or until the reader of the records is gone. */
static void
serve_until_stopped(struct listener *l)
{
	l->code = PROG_OK;
	server_log_address(&l->server);
	notify_ready();
	while (!stop_asked() && !intake_has_ended(l->intake, &l->code)) {
		idempotency_expire(l->context->keys, clock_now_ms());
		compact_store(l);
		refresh(l);
		hook_coverage_state(
		    l->context->coverage, l->intake, clock_now_ms());
		(void)stop_sleep(CHECK_MS);
	}
	/* Also applies if the signal arrived at the same time. */
	(void)intake_has_ended(l->intake, &l->code);
	notify_stopping();
	if (l->code == PROG_OK && !stop_asked()) {
		log_error("the program that reads the records has ended");
		l->code = PROG_IO;
	}
}

static enum exit_code
listen_on(struct poller *p)
{
	struct listener l = { .poller = p,
		.server = { .conf = p->common.conf,
		    .section = "listen",
		    .address = p->address,
		    .port_file = p->port_file,
		    .handle = route_answer,
		    .store = store_request,
		    .refuse = refuse_request,
		    .socket = -1 } };
	bool open;

	l.server.max_body = (size_t)listen_setting(&l, "max_body");
	l.server.max_bodies = (size_t)listen_setting(&l, "memory");
	/* Any thread may serve any connection: with one arena for each thread,
	 * each would keep as much memory as it ever used. */
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
	POLLER_STATE("the state folder, with requests to publish"),
	OPTION_TEXT(0, "port-file", "FILE", struct poller, port_file,
	    "write the port to this file when ready"),
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
	    "receive webhooks, messages and events over HTTP"),
	.about = "Receives webhooks, messages and events over HTTP, and writes "
		 "them as records.\nADDRESS is 127.0.0.1:8080 or [::1]:8080; "
		 "port 0 chooses a free port.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.run = run_listen_mode,
};
