/*
 * serve: shared by the handlers of sink --serve: the sender of a request, that
 * is, the viewer of its bearer token. The token is in the Authorization header
 * or, for a GET, in the cookie of a browser that has logged in. Another site's
 * page can make a browser send a cookie, so a cookie is accepted only for GET.
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
struct live_events;
struct revocation;
struct serve_metrics;
struct server_counts;
struct teams;
struct terms_book;
struct work_queue;

/* The context of each handler. Everything is borrowed, and constant while
 * requests are served. */
struct serve {
	const struct jwt_rules *tokens;
	const struct conf *conf;
	const struct teams *teams;          /* of all tenants */
	const struct terms_book *terms;     /* the same */
	const struct server_counts *counts; /* counters of its requests */
	struct revocation *revocation;
	struct audit *audit;
	const struct db *db;      /* its threads connect with the same
				   * settings */
	struct work_queue *queue; /* for work that queries the database */
	struct live_events *live;
	struct serve_metrics *metrics;
	const struct board_files *board;
	int64_t timeout_ms; /* for each statement */
};

/* Returns false if the answer is complete: 401, or 503 while it is unknown
 * which tokens are revoked. */
bool serve_find_viewer(const struct serve *s, const struct web_request *r,
    struct viewer *v, struct web_answer *a) __attribute__((warn_unused_result));

/* For later work: the first stores the viewer with the answer, the second finds
 * it there without the token. It returns false if the token was revoked; the
 * answer is then complete. */
void serve_keep_viewer(const struct viewer *v, struct web_answer *a);
bool serve_find_kept_viewer(const struct serve *s, const struct web_request *r,
    struct viewer *v, struct web_answer *a) __attribute__((warn_unused_result));

/* For an answer that stays open: true while the token of the stored viewer is
 * valid. */
bool serve_token_is_good(const void *context, const struct web_answer *a);

/* POST /login, a form with a token, which a browser then keeps in a cookie; and
 * POST /logout, which removes it. Forms on other sites' pages are refused if
 * the browser reports their origin. */

/* Maximum length of the form: browsers do not keep longer cookies. */
#define LOGIN_BODY_MAX ((size_t)4000)

/* Their context is a struct serve. */
web_handler login_answer, logout_answer;

/* Closes the connection of a thread of the queue, which ends. */
void serve_end_thread(void);

/* Writes the audit entry of the answer, which has that number of rows, if it
 * needs one. Returns false if it cannot be written; the answer then reports
 * this instead. */
bool serve_write_down(const struct serve *s, const struct viewer *v,
    const struct web_request *r, struct web_answer *a, size_t rows);

/* Returns the handler of a request, whose context is a struct serve. Never
 * NULL: unknown paths go to the API. A handler runs in a thread of the server,
 * so it must not block: database queries go to the queue (web_answer.later). It
 * must check the sender itself. */
web_handler *serve_route(const struct web_request *r)
    __attribute__((warn_unused_result));

/* The pages of the live board: a fixed list of files, read once at start. They
 * contain no data; authorised viewers fetch that from the API.
 *
 * Each is sent with headers that let a page load scripts, styles and data only
 * from this server, none of them inline, and that prevent other pages from
 * embedding it. */

/* Reads them from the folder. Returns NULL and *why if one cannot be read.
 * Owned. */
struct board_files *board_files_open(const char *folder, struct buf *why)
    __attribute__((warn_unused_result));
void board_files_close(struct board_files *b); /* NULL is allowed */

/* The handler; its context is a struct serve. */
web_handler board_files_answer;

/* GET /api/v1/now/stream: the answers of /api/v1/now for the listener's role as
 * Server-Sent Events, one at once and one after each change. If the tables
 * cannot be read, an event `problem` explains this once; the next answer ends
 * it.
 *
 * One thread with its own connection checks up to 40 times a second whether
 * rows of a tenant with listeners have changed, and creates the answers for the
 * roles of these listeners; each operator is a separate role. It does
 * nothing while there are no listeners.
 *
 * A stream ends within seconds after its token was revoked or has expired. */

/* Makes a connection like db, which is borrowed. timeout_ms: for each
 * statement. Owned. */
struct live_events *live_events_open(const struct db *db, int64_t timeout_ms)
    __attribute__((warn_unused_result));

/* There must be no listeners left. NULL is allowed. */
void live_events_close(struct live_events *l);

/* The handler; its context is a struct serve. */
web_handler live_events_answer;

/* Selects each stream whose state is in the database: its name, the host and
 * the time of its newest flush; then STREAM_STATE_SQL selects the size of all
 * states. */
#define STREAMS_SQL                                                            \
	"SELECT stream, host, stored_at, host_since FROM (SELECT stream, "     \
	"host, stored_at, host_since, ROW_NUMBER() OVER (PARTITION BY "        \
	"stream ORDER BY stored_at DESC) AS k FROM stream_heads) n WHERE "     \
	"k = 1 "                                                               \
	"ORDER BY stream"
#define STREAM_STATE_SQL                                                       \
	"SELECT data_length FROM information_schema.tables "                   \
	"WHERE table_schema = DATABASE() AND table_name = 'stream_state'"

/* GET /metrics of sink --serve: its requests, and the age of each tenant's
 * rows. Prometheus gives up after ten seconds, so these requests do not wait
 * behind those of people, and use a connection that gives up earlier if the
 * database hangs. */

/* Uses its own connection like db, which is borrowed. Owned. */
struct serve_metrics *serve_metrics_open(const struct db *db)
    __attribute__((warn_unused_result));

/* There must be no running requests. NULL is allowed. */
void serve_metrics_close(struct serve_metrics *m);

/* The handler; its context is a struct serve. Clients on other machines get
 * 404, because there is no token to identify them. */
web_handler serve_metrics_answer;

/* Writes how many targets were kept and missed lately, from the stored sums, of
 * each tenant in these rows that has targets. */
void target_metrics_write(struct buf *to, struct db *db,
    const struct terms_book *terms, struct db_rows *tenants);

#endif
