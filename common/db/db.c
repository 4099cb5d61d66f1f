/*
 * db: a connection, its session and its transactions; see db.h. Statements are
 * in db_query.c, bulk statements in db_bulk.c, and the meaning of errors in
 * db_cause.c.
 *
 * TLS: with every option but MYSQL_OPT_SSL_VERIFY_SERVER_CERT, libmariadb
 * silently falls back to plaintext. Therefore that option is set whenever TLS
 * is needed, and the cipher is checked after connecting.
 *
 * Transactions are repeated until they succeed or [mysql] wait_timeout has
 * elapsed, which covers every wait: an unreachable server, a lock, repeated
 * deadlocks. A session never waits for a lock longer than the remaining time. A
 * running statement may take longer, up to [mysql] timeout. With wait_forever a
 * warning follows after NOTICE_MS, once for all connections of the process, so
 * the first wait for a lock ends then.
 */
#include "common/db/db.h"

#include <errmsg.h>
#include <errno.h>
#include <mysql.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/conf/conf.h"
#include "common/conf/url.h"
#include "common/db/db_impl.h"
#include "common/db/schema_number.h"
#include "common/os/file.h"
#include "common/os/notify.h"
#include "common/os/retry.h"
#include "common/os/stop.h"

enum {
	/* Maximum wait for a connection and for a lock, regardless of [mysql]
	 * timeout. */
	CONNECT_MS = 10000,
	LOCK_MS = 10000,
	/* How long after the limit the server may take to report that it has
	 * ended a statement. */
	ENDING_MS = 1000,
	/* How much earlier than a statement the wait for a lock times out, so
	 * that the error names the lock. Servers count in seconds. */
	LOCK_ADVANCE_MS = 1000,
	/* How long the server keeps an idle session: a process that was stopped
	 * inside a transaction must not block others for hours. */
	IDLE_S = 120,
	/* The server may have closed a connection that was idle for longer than
	 * this, so check it before use. */
	RESTED_MS = 1000,
	RETRY_BASE_MS = 10,
	RETRY_CAP_MS = 10000,
	/* Conflicts are retried quickly this many times before they are treated
	 * like a busy server. */
	CONFLICT_TRIES = 10,
	CONFLICT_CAP_MS = 200,
	NOTICE_MS = 3000,
};

static const char SYSTEM_CAS[] = "/etc/ssl/certs/ca-certificates.crt";

/* ---- the object and its settings ---- */

void
db_disconnect(struct db *db)
{
	if (db->my != NULL)
		mysql_close(db->my);
	db->my = NULL;
	db->in_trans = false;
}

/* Splits the URL into the fields of db. */
static int
read_url(struct db *db, const char *text, struct buf *why)
{
	struct url *u = &db->url;
	struct buf reason = BUF_INIT;
	int rc = -1;

	if (url_parse(u, text, &reason) != 0 ||
	    url_read_query(u, "socket", &db->socket, &reason) != 0)
		buf_setf(why, "[mysql] url: %s", buf_str(&reason));
	else if (strcmp(u->scheme, "mysql") != 0 &&
		 strcmp(u->scheme, "mariadb") != 0)
		buf_setf(why, "[mysql] url must begin with mysql://; write "
			      "mysql://USER:PASSWORD@HOST/DATABASE");
	else if (u->path == NULL || u->path[0] == '\0')
		buf_setf(why, "[mysql] url names no database; write "
			      "mysql://USER:PASSWORD@HOST/DATABASE");
	else
		rc = 0;
	buf_release(&reason);
	return rc;
}

static const struct url_host *
host_of(const struct db *db)
{
	return &db->url.hosts[db->host];
}

/* localhost without a port means the server's Unix socket, as in all
 * clients. */
static bool
over_socket(const struct db *db)
{
	const struct url_host *h = host_of(db);

	return db->socket != NULL ||
	       (strcmp(h->name, "localhost") == 0 && h->port == 0);
}

static int64_t
at_most(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Returns whole seconds, at least one, as libmariadb and the server need. */
static unsigned
seconds_of(int64_t ms)
{
	return ms < 1000 ? 1 : (unsigned)((ms + 999) / 1000);
}

/* True if all servers are on this machine. */
static bool
is_here(const struct db *db)
{
	bool here = true;
	size_t i;

	for (i = 0; i < db->url.n_hosts; i++)
		here = here && url_is_loopback(db->url.hosts[i].name);
	return here || over_socket(db);
}

static void
read_conf(struct db *db)
{
	const struct conf *conf = db->conf;

	db->ca_file = conf_text(conf, "mysql", "ca_file");
	db->tls = !over_socket(db) &&
		  (db->ca_file != NULL ||
		      (!is_here(db) && !conf_bool(conf, "mysql", "plaintext")));
	db->timeout_ms = conf_int(conf, "mysql", "timeout");
	db->connect_ms = at_most(CONNECT_MS, db->timeout_ms);
	db->lock_ms = at_most(LOCK_MS, db->timeout_ms / 2);
	db->lock_s = seconds_of(db->lock_ms);
	db->wait_timeout_ms = conf_int(conf, "mysql", "wait_timeout");
	db->bulk_off = strcmp(conf_text(conf, "mysql", "bulk"), "off") == 0;
}

struct db *
db_open(const struct conf *conf, struct buf *why, enum exit_code *code)
{
	const char *url = conf_text(conf, "mysql", "url");
	struct db *db;

	*code = PROG_CONFIG;
	if (url == NULL) {
		buf_setf(why, "no database is configured; set [mysql] url or "
			      "MYSQL_URL");
		conf_add_source(conf, why);
		return NULL;
	}
	db = xcalloc(1, sizeof *db);
	db->conf = conf;
	if (read_url(db, url, why) != 0) {
		db_close(db);
		return NULL;
	}
	if (mysql_library_init(0, NULL, NULL) != 0) {
		buf_setf(why, "cannot set up libmariadb: out of memory");
		*code = PROG_TEMPFAIL;
		db_close(db);
		return NULL;
	}
	read_conf(db);
	if (!db->tls && !is_here(db))
		log_warn("the connection to database %s is not encrypted, "
			 "because [mysql] plaintext allows it",
		    db_name(db));
	return db;
}

struct db *
db_another(const struct db *db)
{
	struct db *d = xcalloc(1, sizeof *d);

	d->conf = db->conf;
	/* It has been read before. */
	(void)read_url(d, conf_text(d->conf, "mysql", "url"), NULL);
	read_conf(d);
	d->host = db->host;
	d->connect_ms = db->connect_ms;
	d->timeout_ms = db->timeout_ms;
	d->allowed_ms = db->allowed_ms;
	d->lock_ms = db->lock_ms;
	d->lock_s = db->lock_s;
	d->wait_timeout_ms = db->wait_timeout_ms;
	d->checks_schema = db->checks_schema;
	d->waits_for_tables = db->waits_for_tables;
	return d;
}

void
db_limit(struct db *db, int64_t ms)
{
	db->timeout_ms = at_most(db->timeout_ms, ms);
	db->allowed_ms = at_most(db->allowed_ms, ms);
	db->connect_ms = at_most(db->connect_ms, ms);
	db->lock_ms = at_most(db->lock_ms, ms);
	db->lock_s = seconds_of(db->lock_ms);
}

void
db_hurry(struct db *db, int64_t ms)
{
	db->wait_timeout_ms = at_most(db->wait_timeout_ms, ms);
	db->connect_ms = at_most(db->connect_ms, ms);
}

void
db_allow(struct db *db, int64_t ms)
{
	db->allowed_ms = ms + ENDING_MS;
	if (ms > LOCK_ADVANCE_MS)
		db->lock_ms = at_most(db->lock_ms, ms - LOCK_ADVANCE_MS);
	db->lock_s = seconds_of(db->lock_ms);
}

void
db_check_schema(struct db *db)
{
	db->checks_schema = true;
}

void
db_wait_for_tables(struct db *db)
{
	db->waits_for_tables = true;
}

void
db_thread_begin(void)
{
	if (mysql_thread_init() != 0)
		prog_die(
		    PROG_TEMPFAIL, "cannot set up libmariadb: out of memory");
}

void
db_thread_end(void)
{
	mysql_thread_end();
}

void
db_close(struct db *db)
{
	if (db == NULL)
		return;
	db_disconnect(db);
	url_release(&db->url);
	free(db->socket);
	buf_release(&db->why);
	buf_release(&db->version);
	buf_release(&db->cipher);
	buf_release(&db->sql);
	free(db);
}

/* ---- connecting ---- */

/* Returns the remaining part of wait_timeout in ms, during a transaction.
 * INT64_MAX: no limit. */
static int64_t
wait_left(const struct db *db)
{
	int64_t left;

	if (db->give_up_ms == 0)
		return INT64_MAX;
	left = db->give_up_ms - clock_mono_ms();
	return left > 0 ? left : 0;
}

static const char *
authorities(const struct db *db)
{
	return db->ca_file != NULL ? db->ca_file : SYSTEM_CAS;
}

static void
set_connect_options(struct db *db, MYSQL *my)
{
	unsigned connect_s = seconds_of(at_most(db->connect_ms, wait_left(db)));
	unsigned timeout_s = seconds_of(
	    db->timeout_ms > db->allowed_ms ? db->timeout_ms : db->allowed_ms);
	unsigned off = 0;
	unsigned protocol = MYSQL_PROTOCOL_TCP;
	my_bool yes = 1, no = 0;

	mysql_options(my, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	mysql_options(my, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
	mysql_options(my, MYSQL_OPT_READ_TIMEOUT, &timeout_s);
	mysql_options(my, MYSQL_OPT_WRITE_TIMEOUT, &timeout_s);
	mysql_options(my, MYSQL_OPT_LOCAL_INFILE, &off);
	mysql_options(my, MYSQL_OPT_RECONNECT, &no);
	mysql_options4(
	    my, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", prog_name());
	if (!over_socket(db))
		mysql_options(my, MYSQL_OPT_PROTOCOL, &protocol);
	if (!db->tls)
		return;
	mysql_ssl_set(my, NULL, NULL, authorities(db), NULL, NULL);
	mysql_options(my, MYSQL_OPT_SSL_ENFORCE, &yes);
	mysql_options(my, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
	mysql_options(my, MARIADB_OPT_TLS_VERSION, "TLSv1.2,TLSv1.3");
}

/* Sets up the session, regardless of the server's defaults: texts are UTF-8, a
 * statement outside a transaction is committed, a commit does not begin another
 * transaction, statements read, change and compare all rows that they name, and
 * tables can be altered. */
static enum outcome
set_session(struct db *db)
{
	struct buf sql = BUF_INIT;
	enum outcome o;

	/* The server may have ignored (skip_character_set_client_handshake) or
	 * changed (init_connect) the requested settings. */
	if (mysql_set_character_set(db->my, "utf8mb4") != 0)
		return db_failed(db);
	buf_addf(&sql,
	    "SET SESSION collation_connection = utf8mb4_bin,"
	    " autocommit = 1, completion_type = 'NO_CHAIN',"
	    " sql_select_limit = 18446744073709551615, sql_big_selects = 1,"
	    " sql_safe_updates = 0, group_concat_max_len = 65535,"
	    " div_precision_increment = 4, max_sort_length = 1024,"
	    " /*M! alter_algorithm = 'DEFAULT',*/"
	    " sql_mode = 'STRICT_ALL_TABLES,"
	    "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION',"
	    " time_zone = '+00:00', innodb_lock_wait_timeout = %u,"
	    " lock_wait_timeout = %u, wait_timeout = %d",
	    db->lock_s, db->lock_s, IDLE_S);
	o = db_send(db, sql.data, sql.len);
	buf_release(&sql);
	if (o == OUTCOME_DONE)
		o = db_exec(db,
		    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
		    NULL, 0, NULL);
	return o;
}

static enum outcome
learn_server(struct db *db)
{
	struct db_server *s = &db->server;
	struct db_rows *rows;
	unsigned long caps = 0;
	enum outcome o;

	o = db_query(db,
	    "SELECT @@version, @@max_allowed_packet, "
	    "@@innodb_flush_log_at_trx_commit",
	    NULL, 0, &rows);
	if (o != OUTCOME_DONE)
		return o;
	if (db_next(rows)) {
		buf_setf(&db->version, "%s", db_get(rows, 0));
		s->max_packet = (size_t)db_get_int(rows, 1);
		s->flush_at_commit = db_get_int(rows, 2);
	}
	db_rows_free(rows);
	s->version = buf_str(&db->version);
	s->mariadb = mariadb_connection(db->my);
	mariadb_get_infov(
	    db->my, MARIADB_CONNECTION_EXTENDED_SERVER_CAPABILITIES, &caps);
	s->bulk = !db->bulk_off && s->mariadb &&
		  (caps & (MARIADB_CLIENT_STMT_BULK_OPERATIONS >> 32)) != 0;
	s->socket = over_socket(db);
	return OUTCOME_DONE;
}

/* The option that requests TLS is not enough: only the cipher shows whether the
 * connection uses it. */
static enum outcome
check_tls(struct db *db)
{
	const char *cipher = mysql_get_ssl_cipher(db->my);

	buf_setf(&db->cipher, "%s", cipher != NULL ? cipher : "");
	db->server.cipher = cipher != NULL ? buf_str(&db->cipher) : NULL;
	if (!db->tls || cipher != NULL)
		return OUTCOME_DONE;
	return db_refuse(db, DB_CONFIG,
	    "the connection is not encrypted; enable TLS in the server, or set "
	    "[mysql] plaintext = yes");
}

/* libmariadb would only report that TLS failed. */
static enum outcome
check_authorities(struct db *db)
{
	bool named;

	if (!db->tls || file_readable(authorities(db)) == 0)
		return OUTCOME_DONE;
	named = syserr_code(errno, PROG_CONFIG) == PROG_CONFIG;
	return db_refuse(db, named ? DB_CONFIG : DB_AWAY,
	    "cannot read [mysql] ca_file '%s': %s; %s", authorities(db),
	    log_errno(errno), syserr_way_out(errno));
}

static enum outcome
check_schema(struct db *db)
{
	const char *objection;
	int64_t number;
	enum outcome o = schema_number(db, &number);

	if (o != OUTCOME_DONE)
		return o == OUTCOME_NEVER && db->cause == DB_DENIED
			   ? OUTCOME_DONE
			   : o;
	objection = schema_objection(number);
	if (objection == NULL)
		return OUTCOME_DONE;
	return db_refuse(
	    db, number == 0 ? DB_SCHEMA : DB_CONFIG, "%s", objection);
}

/* Connects and logs in, with TLS if it is required. */
static enum outcome
log_into_server(struct db *db)
{
	const struct url_host *h = host_of(db);
	MYSQL *my = mysql_init(NULL);

	if (my == NULL)
		prog_die(PROG_TEMPFAIL, "out of memory");
	set_connect_options(db, my);
	db->my = my;
	/* The library accepts a socket only with this host. */
	if (mysql_real_connect(my, over_socket(db) ? "localhost" : h->name,
		db->url.user, db->url.password, db->url.path, (unsigned)h->port,
		db->socket, 0) == NULL)
		return db_failed(db);
	return check_tls(db);
}

static enum outcome
connect_to_host(struct db *db)
{
	enum outcome o = check_authorities(db);

	if (o != OUTCOME_DONE)
		return o;
	o = log_into_server(db);
	if (o == OUTCOME_DONE)
		o = set_session(db);
	if (o == OUTCOME_DONE)
		o = learn_server(db);
	if (o == OUTCOME_DONE && db->checks_schema)
		o = check_schema(db);
	if (o != OUTCOME_DONE)
		db_disconnect(db);
	return o;
}

enum outcome
db_connect(struct db *db)
{
	size_t n = db->url.n_hosts, tried = 0;
	bool later = false;
	enum outcome o;

	if (db->my != NULL)
		return OUTCOME_DONE;
	do {
		notify_alive();
		if (tried > 0)
			log_info(
			    "next_host", "reason=\"%s\"", buf_str(&db->why));
		if (db->pass_over)
			db->host = (db->host + 1) % n;
		o = connect_to_host(db);
		db->pass_over = o != OUTCOME_DONE;
		later |= o == OUTCOME_LATER;
	} while (o != OUTCOME_DONE && ++tried < n && !stop_asked());
	if (o != OUTCOME_DONE && n > 1)
		buf_addf(&db->why, "; none of the %zu hosts can be used", n);
	/* A host that refuses us may be the only one that is up. */
	if (o != OUTCOME_DONE && later)
		db->cause = DB_AWAY;
	if (o != OUTCOME_DONE)
		return later ? OUTCOME_LATER : o;
	db->server.connects++;
	db->cause = DB_FINE;
	log_debug("database_connected", "name=%s version=%s bulk=%s tls=%s",
	    db_name(db), db->server.version, db->server.bulk ? "yes" : "no",
	    db->server.cipher != NULL ? db->server.cipher : "no");
	return OUTCOME_DONE;
}

enum outcome
db_wake(struct db *db)
{
	int64_t ms = clock_mono_ms();
	enum outcome o;

	if (db->my == NULL || ms - db->used_ms < RESTED_MS ||
	    mysql_ping(db->my) == 0)
		return db_connect(db);
	/* If the server did not close the session but hangs, it is not asked a
	 * second time, and another host is tried first. */
	if (clock_mono_ms() - ms >= RESTED_MS) {
		o = db_failed(db);
		if (db->url.n_hosts == 1)
			return o;
	}
	db_disconnect(db);
	return db_connect(db);
}

bool
db_connected(const struct db *db)
{
	return db->my != NULL;
}

const char *
db_name(const struct db *db)
{
	return host_of(db)->shown;
}

const struct db_server *
db_server(const struct db *db)
{
	return &db->server;
}

/* ---- transactions ---- */

/* A connection of this process has warned about its wait. */
static atomic_bool warned;

/* How long a transaction has waited so far. */
struct wait {
	struct retry retry;
	int64_t since_ms;
	bool wait_forever;
	bool warned; /* in this transaction */
};

enum outcome
db_begin(struct db *db)
{
	static const char sql[] = "START TRANSACTION";
	enum outcome o = db_send(db, sql, strlen(sql));

	db->in_trans = o == OUTCOME_DONE;
	return o;
}

enum outcome
db_still_in_trans(struct db *db)
{
	unsigned status = 0;

	if (!db->in_trans)
		return OUTCOME_DONE;
	mariadb_get_infov(db->my, MARIADB_CONNECTION_SERVER_STATUS, &status);
	if ((status & SERVER_STATUS_IN_TRANS) != 0)
		return OUTCOME_DONE;
	return db_note(db, DB_DEADLOCK, "40001",
	    "the server ended the transaction without an error");
}

void
db_no_trans(struct db *db)
{
	db->in_trans = false;
}

enum outcome
db_begin_reading(struct db *db)
{
	static const char sql[] =
	    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";
	enum outcome o = db_send(db, sql, strlen(sql));

	return o == OUTCOME_DONE ? db_begin(db) : o;
}

enum outcome
db_commit(struct db *db)
{
	db->in_trans = false;
	return db_send(db, "COMMIT", strlen("COMMIT"));
}

void
db_rollback(struct db *db)
{
	db->in_trans = false;
	/* A failed rollback leaves the connection in an unknown state; if it is
	 * closed, the server rolls back by itself. */
	if (db->my != NULL && mysql_rollback(db->my) != 0)
		db_disconnect(db);
}

uint64_t
db_retries(const struct db *db)
{
	return db->retries;
}

/* Sets how long the next attempt may wait for a lock. */
static enum outcome
limit_locks(struct db *db, const struct wait *w)
{
	int64_t ms = db->lock_ms, left = wait_left(db);
	struct db_value s[2];
	enum outcome o;

	if (w->wait_forever && !w->warned && ms > NOTICE_MS)
		ms = NOTICE_MS;
	s[0] = s[1] = db_int(seconds_of(left < ms ? left : ms));
	if (s[0].num == db->lock_s)
		return OUTCOME_DONE;
	o = db_exec(db,
	    "SET SESSION innodb_lock_wait_timeout = ?, lock_wait_timeout = ?",
	    s, 2, NULL);
	if (o == OUTCOME_DONE)
		db->lock_s = (unsigned)s[0].num;
	return o;
}

/* Waits before the next attempt. Returns false if it is time to give up. */
static bool
wait_again(struct db *db, struct wait *w)
{
	bool conflict =
	    db->cause == DB_CONFLICT && w->retry.attempt < CONFLICT_TRIES;
	int64_t left = wait_left(db), ms;

	/* When a deadlock is reported, it is already resolved, so the next
	 * attempt need not wait. */
	if (left == 0 && (w->retry.attempt > 0 || db->number != DB_DEADLOCK))
		return false;
	db->retries++;
	w->retry.cap_ms = conflict ? CONFLICT_CAP_MS : RETRY_CAP_MS;
	ms = retry_next(&w->retry, -1);
	if (ms > left)
		ms = left;
	if (w->wait_forever && !w->warned &&
	    (!conflict || clock_mono_ms() - w->since_ms >= NOTICE_MS)) {
		w->warned = true;
		if (!atomic_exchange(&warned, true))
			log_warn("%s; waiting for it", buf_str(&db->why));
	}
	log_debug(conflict ? "transaction_conflict" : "database_wait",
	    "errno=%u wait_ms=%lld why=\"%s\"", db->number, (long long)ms,
	    buf_str(&db->why));
	return !stop_sleep(ms);
}

static enum outcome
attempt(struct db *db, const struct wait *w,
    enum outcome (*work)(struct db *db, void *ctx), void *ctx)
{
	enum outcome o;

	db->in_trans = false;
	/* The server closes idle sessions, which is not an outage. */
	o = db_wake(db);
	if (o == OUTCOME_DONE)
		o = limit_locks(db, w);
	if (o == OUTCOME_DONE)
		o = db_begin(db);
	if (o == OUTCOME_DONE)
		o = work(db, ctx);
	/* Commit point: from here on, the work may be committed, whatever
	 * COMMIT returns, so it must be idempotent. */
	if (o == OUTCOME_DONE)
		o = db_commit(db);
	if (o == OUTCOME_DONE)
		db->cause = DB_FINE;
	else
		db_rollback(db);
	return o;
}

enum outcome
db_transaction(struct db *db, enum outcome (*work)(struct db *db, void *ctx),
    void *ctx, bool wait_forever)
{
	struct wait w = {
		.retry = RETRY_INIT(RETRY_BASE_MS, RETRY_CAP_MS, -1),
		.since_ms = clock_mono_ms(),
		.wait_forever = wait_forever,
	};
	enum outcome o;

	db->give_up_ms = wait_forever ? 0 : w.since_ms + db->wait_timeout_ms;
	do
		o = attempt(db, &w, work, ctx);
	while (o == OUTCOME_LATER && wait_again(db, &w));
	db->give_up_ms = 0;
	if (w.warned)
		atomic_store(&warned, false);
	return o;
}
