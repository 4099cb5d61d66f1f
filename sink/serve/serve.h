/*
 * serve: what the handlers of sink --serve share, and who a request is from:
 * the viewer of its bearer token, which stands in the header Authorization or,
 * of a GET, in the cookie of a browser that has logged in. A page of somebody
 * else can make a browser send a cookie, so a cookie never answers anything but
 * GET.
 */
#ifndef SINK_SERVE_SERVE_H
#define SINK_SERVE_SERVE_H

#include "common/base/buf.h"
#include "common/db/db.h"
#include "common/http/web.h"
#include "common/tokens/jwt.h"
#include "sink/access/viewer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct audit;
struct board_files;
struct conf;
struct db_pool;
struct live_events;
struct revocation;
struct serve_metrics;
struct server_counts;
struct teams;
struct work_queue;

/* The context of each handler. All borrowed, constant while requests come. */
struct serve {
	const struct jwt_rules *tokens;
	const struct conf *conf;
	const struct teams *teams;          /* of all tenants */
	const struct server_counts *counts; /* of its requests */
	struct revocation *revocation;
	struct audit *audit;
	struct db_pool *pool;
	struct work_queue *queue; /* of what asks the database */
	struct live_events *live;
	struct serve_metrics *metrics;
	const struct board_files *board;
	int64_t timeout_ms; /* of a statement */
};

/* False: the answer is made, 401, or 503 while it is not known which tokens
 * were revoked. */
bool serve_find_viewer(const struct serve *s, const struct web_request *r,
    struct viewer *v, struct web_answer *a) __attribute__((warn_unused_result));

/* For what is done later: keeps the viewer with the answer, and finds it there
 * without the token. False: that was revoked, and the answer is made. */
void serve_keep_viewer(const struct viewer *v, struct web_answer *a);
bool serve_find_kept_viewer(const struct serve *s, const struct web_request *r,
    struct viewer *v, struct web_answer *a) __attribute__((warn_unused_result));

/* Of an answer that goes on: whether the token of the viewer that was kept
 * still counts. */
bool serve_token_is_good(const void *context, const struct web_answer *a);

/* Connections to the database for threads that need one each for the length of
 * a request. There are as many as threads, so nobody waits. */

/* n connections like db, which is borrowed; none is connected yet. Owned. */
struct db_pool *db_pool_open(const struct db *db, size_t n)
    __attribute__((warn_unused_result));

/* All must have been given back. NULL is fine. */
void db_pool_close(struct db_pool *p);

/* The cookie that a login gives a browser: session=TOKEN, which no script can
 * read (HttpOnly) and which no other site's page sends along (SameSite=Strict).
 *
 * It is never sent without TLS (Secure) unless the browser says that the form
 * of the login stood on a page of its own machine without TLS (header Origin,
 * http://localhost and the like): the browser alone knows how it reached us,
 * through whichever proxies. */

#define SESSION_COOKIE "session"

/* The token in the request's cookie, to *token. False: there is none. */
bool session_cookie(const struct web_request *r, struct buf *token)
    __attribute__((warn_unused_result));

/* POST /login, a form with a token, which a browser then keeps in a cookie; and
 * POST /logout, which removes it. A form on another site's page is refused
 * where the browser reports it. */

/* The longest form: browsers keep no longer cookie. */
#define LOGIN_BODY_MAX ((size_t)4000)

/* Their context is a struct serve. */
web_handler login_answer, logout_answer;

/* Requests to the API (sink/resources/resource.h) over HTTP: who asks is found
 * out in the thread of the server, the tables are asked in a thread of the
 * queue, and what the audit wants is written before the answer goes out. */

/* Its context is a struct serve. */
web_handler serve_api_answer;

/* What the audit wants of the answer, which has so many rows. False: it cannot
 * be written, and the answer says so instead. */
bool serve_write_down(const struct serve *s, const struct viewer *v,
    const struct web_request *r, struct web_answer *a, size_t rows);

/* The paths of sink --serve that are no resources of the API. A handler runs in
 * a thread of the server, so it must not wait: what asks the database goes to
 * the queue (web_answer.later). It finds out itself who asks. */

/* The handler of a request, whose context is a struct serve. Never NULL: what
 * the table does not have is answered by the API. */
web_handler *serve_route(const struct web_request *r)
    __attribute__((warn_unused_result));

/* The pages of the live board: a fixed list of files, read once at the start,
 * and a module with what the board shares with the programs. They hold no data:
 * that is fetched from the API, by who may.
 *
 * Each is sent with headers that let a page load scripts, styles and data from
 * this server only, none of them inline, and be shown in no other page. */

/* Reads them from the folder. NULL and *why: one cannot be read. Owned. */
struct board_files *board_files_open(const char *folder, struct buf *why)
    __attribute__((warn_unused_result));
void board_files_close(struct board_files *b); /* NULL is fine */

/* The handler; its context is a struct serve. */
web_handler board_files_answer;

/* GET /api/v1/now/stream: the answers of /api/v1/now to the listener's role as
 * Server-Sent Events, one at once and one after each change. When the tables
 * cannot be read, an event `problem` says why, once; the next answer ends it.
 *
 * One thread, with a connection of its own, looks at the tables up to forty
 * times a second for each tenant that somebody listens to, and makes the
 * answers for those roles that somebody has; each agent is a role of their own.
 * While nobody listens it does nothing.
 *
 * A stream ends within seconds after its token was revoked or has expired. */

/* A connection like db, which is borrowed. timeout_ms: of a statement. NULL and
 * *why: there is no thread. Owned. */
struct live_events *live_events_open(const struct db *db, int64_t timeout_ms,
    struct buf *why) __attribute__((warn_unused_result));

/* Nobody may listen any more. NULL is fine. */
void live_events_close(struct live_events *l);

/* The handler; its context is a struct serve. */
web_handler live_events_answer;

/* GET /metrics of sink --serve: its requests, and how fresh each tenant's rows
 * are, for Prometheus, which gives up after ten seconds: so they are not asked
 * for behind the requests of people, and by a connection that does not wait as
 * long for a database that hangs. */

/* With a connection of its own like db, which is borrowed. Owned. */
struct serve_metrics *serve_metrics_open(const struct db *db)
    __attribute__((warn_unused_result));

/* No request may be under way. NULL is fine. */
void serve_metrics_close(struct serve_metrics *m);

/* The handler; its context is a struct serve. Clients of other machines get
 * 404: there is no token to tell them apart. */
web_handler serve_metrics_answer;

#endif
