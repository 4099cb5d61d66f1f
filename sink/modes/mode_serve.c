/*
 * mode_serve: sink --serve: serves the API over HTTP.
 *
 * The server's threads only read requests and check tokens; database queries
 * run in the threads of a work queue, each with its own connection. The main
 * thread keeps the list of revoked tokens up to date.
 */
#include <malloc.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/http/server.h"
#include "common/http/work_queue.h"
#include "common/os/notify.h"
#include "common/os/stop.h"
#include "sink/access/audit.h"
#include "sink/access/revocation.h"
#include "sink/access/scope.h"
#include "sink/api/question.h"
#include "sink/modes/modes.h"
#include "sink/resources/resource.h"
#include "sink/serve/serve.h"

#define SERVE "serve"
#define CHECK_MS 200

/* Only a login has a body. */
#define BODY_MAX LOGIN_BODY_MAX
#define BODIES_MAX ((size_t)1024 * 1024)

/* Free memory that is kept for later answers. */
#define KEPT_BYTES (8 * 1024 * 1024)

/* Maximum number of requests that wait for a database connection. */
#define WAITING_MAX 1000

struct api_server {
	const struct conf *conf;
	const struct terms_book *terms;
	struct server server;
	struct jwt_conf tokens;
	struct teams teams;
	struct serve serve; /* the context of the handlers */
	struct board_files *board;
	struct db *connection; /* closed; what threads connect like */
	enum exit_code code;
	struct buf why;
};

/* A web_handler; runs in a thread of the server. */
static void
begin_answer(
    const void *context, const struct web_request *r, struct web_answer *a)
{
	serve_route(r)(context, r, a);
}

static int
configure(struct api_server *s)
{
	if (sink_read_tokens(&s->tokens, s->conf, &s->code, &s->why) != 0 ||
	    server_configure(&s->server, &s->code, &s->why) != 0 ||
	    teams_read(&s->teams, s->conf, &s->why) != 0)
		return -1;
	s->serve.teams = &s->teams;
	s->serve.conf = s->conf;
	s->serve.terms = s->terms;
	return 0;
}

static int
open_audit(struct api_server *s)
{
	s->serve.audit =
	    audit_open(conf_text(s->conf, SERVE, "audit"), &s->why, &s->code);
	return s->serve.audit != NULL ? 0 : -1;
}

/* Reads the files that are installed with the program and served unchanged. */
static int
read_files(struct api_server *s)
{
	char *folder = prog_data("board", "sink/board");

	s->board = board_files_open(folder, &s->why);
	s->serve.board = s->board;
	s->code = PROG_NOINPUT;
	free(folder);
	(void)resource_openapi_text();
	return s->board != NULL ? 0 : -1;
}

static int
prepare_database(struct api_server *s, struct db *db)
{
	s->serve.revocation = revocation_open();
	/* The board can show that the database refuses the user. */
	if (revocation_refresh(s->serve.revocation, db) != OUTCOME_NEVER ||
	    db_cause(db) == DB_DENIED)
		return 0;
	s->code = db_code(db);
	buf_setf(&s->why, "%s", db_why(db));
	return -1;
}

static int
start_serving(struct api_server *s, const struct db *db)
{
	unsigned n = (unsigned)conf_int(s->conf, SERVE, "queries");

	if (read_files(s) != 0 ||
	    server_bind(&s->server, &s->code, &s->why) != 0)
		return -1;
	s->serve.tokens = &s->tokens.rules;
	s->serve.counts = &s->server.counts;
	s->serve.timeout_ms = conf_int(s->conf, SERVE, "query_timeout");
	s->serve.live = live_events_open(db, s->serve.timeout_ms);
	s->serve.metrics = serve_metrics_open(db);
	/* The other one may change host while threads copy it. */
	s->connection = db_another(db);
	s->serve.db = s->connection;
	s->serve.queue = work_queue_open(
	    n, WAITING_MAX, BODY_MAX * WAITING_MAX, serve_end_thread);
	return server_start(&s->server, &s->code, &s->why);
}

static void
stop_serving(struct api_server *s)
{
	server_end_requests(&s->server);
	work_queue_close(s->serve.queue);
	db_close(s->connection);
	serve_metrics_close(s->serve.metrics);
	live_events_close(s->serve.live);
	server_close(&s->server);
	board_files_close(s->board);
	revocation_close(s->serve.revocation);
	audit_close(s->serve.audit);
	jwt_conf_release(&s->tokens);
	teams_release(&s->teams);
	buf_release(&s->why);
}

static void
init_server(struct api_server *s, const struct sink *o)
{
	*s = (struct api_server){ .conf = o->common.conf,
		.terms = o->terms,
		.server = { .conf = o->common.conf,
		    .section = SERVE,
		    .address = o->address,
		    .port_file = o->port_file,
		    .handle = begin_answer,
		    .refuse = problem_of_server,
		    .context = &s->serve,
		    .max_body = BODY_MAX,
		    .max_bodies = BODIES_MAX,
		    .socket = -1 },
		.code = PROG_CONFIG };
}

/* Only checks the configuration. */
static enum exit_code
check_settings(const struct sink *o)
{
	struct api_server s;

	init_server(&s, o);
	if (configure(&s) == 0)
		s.code = PROG_OK;
	else
		log_error("%s", buf_str(&s.why));
	stop_serving(&s);
	return s.code;
}

static enum exit_code
serve(struct sink *o, struct db **db)
{
	struct api_server s;

	init_server(&s, o);
	s.serve.terms = o->terms;
	/* Any thread may serve any connection: if each thread had its own
	 * arena, each arena would keep as much memory as it ever used. */
	(void)mallopt(M_ARENA_MAX, 1);
	/* The memory of an answer is soon needed again; if it were returned to
	 * the system each time, each answer would need new pages. */
	(void)mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
	(void)mallopt(M_MMAP_THRESHOLD, KEPT_BYTES);
	db_wait_for_tables(*db);
	sink_answer_within(*db, conf_int(s.conf, SERVE, "query_timeout"));
	if (configure(&s) != 0 || open_audit(&s) != 0 ||
	    prepare_database(&s, *db) != 0 || start_serving(&s, *db) != 0) {
		log_error("%s", buf_str(&s.why));
	} else {
		daemon_init();
		s.code = PROG_OK;
		server_log_address(&s.server);
		notify_ready();
		while (!stop_asked()) {
			(void)revocation_refresh(s.serve.revocation, *db);
			(void)stop_sleep(CHECK_MS);
		}
		notify_stopping();
	}
	stop_serving(&s);
	return s.code;
}

static const struct option_row rows[] = {
	OPTION_TEXT(0, "port-file", "FILE", struct sink, port_file,
	    "write the port to this file when ready"),
};

static enum exit_code
run_serve(void *options)
{
	struct sink *s = options;
	enum exit_code code = sink_with_schema(s, serve);

	return code == PROG_OK && s->common.only_check ? check_settings(s)
						       : code;
}

const struct option_mode sink_mode_serve = {
	.choice = OPTION_TEXT(0, "serve", "ADDRESS", struct sink, address,
	    "serve the API and the board over HTTP"),
	.about = "Serves the API and the board over HTTP, see "
		 "messaging-api(7).\nADDRESS is 127.0.0.1:8081 or [::1]:8081; "
		 "port 0 chooses a free port.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.run = run_serve,
};
