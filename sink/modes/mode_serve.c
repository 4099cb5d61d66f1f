/*
 * mode_serve: sink --serve: answers requests to the API over HTTP.
 *
 * The server's threads only read requests and check tokens; what asks the
 * database runs in the threads of a work queue, each with a connection.
 */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/http/jwt_conf.h"
#include "common/http_server/service.h"
#include "common/http_server/work_queue.h"
#include "common/os/daemon.h"
#include "common/os/stop.h"
#include "common/text/jsonw.h"
#include "sink/api/resource.h"
#include "sink/modes/modes.h"
#include "sink/serve/db_pool.h"

#define SERVE "serve"
#define BEARER "Bearer "
#define CHECK_MS 200

/* Requests to the API have no body. */
#define BODY_MAX ((size_t)1024)
#define BODIES_MAX ((size_t)1024 * 1024)
#define BODY_RATE 500

/* Requests that wait for a connection to the database. */
#define WAITING_MAX 1000

struct api_server {
	const struct conf *conf;
	struct service service;
	struct jwt_conf tokens;
	struct db_pool *pool;
	struct work_queue *queue;
	int64_t timeout_ms;
	enum exit_code code;
	struct buf why;
};

static void
refuse_token(struct web_answer *a, const char *challenge, const char *detail)
{
	a->status = 401;
	a->content_type = "application/problem+json";
	a->authenticate = challenge;
	buf_clear(&a->body);
	jsonw_open(&a->body);
	jsonw_str(&a->body, "type", "about:blank");
	jsonw_str(&a->body, "title", "Unauthorized");
	jsonw_int(&a->body, "status", 401);
	jsonw_str(&a->body, "detail", detail);
	jsonw_close(&a->body);
}

static bool
find_viewer(const struct api_server *s, const struct web_request *r,
    struct viewer *v, struct web_answer *a)
{
	const char *header = r->header(r, "Authorization");
	struct buf why = BUF_INIT;
	int rc;

	if (header == NULL ||
	    strncasecmp(header, BEARER, strlen(BEARER)) != 0) {
		refuse_token(
		    a, "Bearer", "send a token: Authorization: Bearer");
		return false;
	}
	header += strlen(BEARER);
	header += strspn(header, " ");
	rc = viewer_from_token(v, &s->tokens.rules, header, r->now_ms, &why);
	if (rc != 0) {
		log_info("token_refused", "peer=%s reason=\"%s\"", r->peer,
		    buf_str(&why));
		refuse_token(a, "Bearer error=\"invalid_token\"",
		    "the token is not valid");
	}
	buf_release(&why);
	return rc == 0;
}

/* In a thread of the work queue. */
static void
answer_from_tables(
    const void *context, const struct web_request *r, struct web_answer *a)
{
	const struct api_server *s = context;
	struct viewer v;
	struct db *db;

	if (!find_viewer(s, r, &v, a))
		return;
	db = db_pool_take(s->pool);
	resource_answer(&v, db, s->timeout_ms, r, a);
	db_pool_give(s->pool, db);
}

/* A web_handler, in a thread of the server. */
static void
begin_answer(
    const void *context, const struct web_request *r, struct web_answer *a)
{
	const struct api_server *s = context;
	struct viewer v;

	if (!find_viewer(s, r, &v, a))
		return;
	a->later = answer_from_tables;
	a->queue = s->queue;
}

static int
configure(struct api_server *s)
{
	if (jwt_conf_read(&s->tokens, s->conf, &s->code, &s->why) != 0 ||
	    service_configure(&s->service, &s->code, &s->why) != 0)
		return -1;
	if (s->tokens.rules.keys_n > 0)
		return 0;
	s->code = PROG_CONFIG;
	buf_setf(&s->why, "[listen] has no secret_key_file, so no token could "
			  "say who asks; make a key by: openssl rand -hex 32");
	return -1;
}

static int
start(struct api_server *s, const struct db *db)
{
	const struct server_callbacks callbacks = { .handle = begin_answer,
		.context = s };
	const struct service_bodies bodies = { BODY_MAX, BODIES_MAX,
		BODY_RATE };
	unsigned n = (unsigned)conf_int(s->conf, SERVE, "queries");

	if (service_bind(&s->service, &s->code, &s->why) != 0)
		return -1;
	s->pool = db_pool_open(db, n);
	s->queue = work_queue_open(
	    n, WAITING_MAX, BODY_MAX * WAITING_MAX, db_thread_end);
	return service_start(
	    &s->service, &callbacks, &bodies, &s->code, &s->why);
}

static enum exit_code
serve(struct sink *o, struct db **db)
{
	struct api_server s = { .conf = o->common.conf,
		.service = { .conf = o->common.conf,
		    .section = SERVE,
		    .address = o->address,
		    .port_file = o->port_file,
		    .socket = { .fd = -1 } },
		.timeout_ms = conf_int(o->common.conf, SERVE, "query_timeout"),
		.code = PROG_CONFIG };

	/* Any thread may serve any connection: with an arena a thread, each
	 * would keep the largest amount of memory it ever used. */
	(void)mallopt(M_ARENA_MAX, 1);
	if (configure(&s) != 0 || start(&s, *db) != 0) {
		log_error("%s", buf_str(&s.why));
	} else {
		daemon_init();
		s.code = PROG_OK;
		service_log_address(&s.service);
		while (!stop_asked())
			(void)stop_sleep(CHECK_MS);
	}
	service_end_requests(&s.service);
	work_queue_close(s.queue);
	service_close(&s.service);
	db_pool_close(s.pool);
	jwt_conf_release(&s.tokens);
	buf_release(&s.why);
	return s.code;
}

static const struct option_row rows[] = {
	OPTION_TEXT(0, "port-file", "FILE", struct sink, port_file,
	    "write the port there as soon as requests are taken"),
};

static enum exit_code
run_serve(void *options)
{
	return sink_with_db(options, serve);
}

const struct option_mode sink_mode_serve = {
	.choice = OPTION_TEXT(0, "serve", "ADDRESS", struct sink, address,
	    "answer requests to the API over HTTP"),
	.about = "Answers requests to the API, see messaging-api(7), over "
		 "HTTP.\nADDRESS is 127.0.0.1:8081, [::1]:8081 or unix:PATH; "
		 "port 0 is a free one.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.run = run_serve,
};
