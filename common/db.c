/*
 * db: connecting, transactions and what errors mean; see db.h. Statements are
 * in db_query.c, bulk statements in db_bulk.c.
 *
 * TLS: libmariadb falls back to plaintext in silence with every option but
 * MYSQL_OPT_SSL_VERIFY_SERVER_CERT, so that one is set whenever TLS is wanted,
 * and the cipher is looked at after connecting.
 */
#include "common/db.h"

#include <errmsg.h>
#include <mysql.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/conf.h"
#include "common/db_impl.h"
#include "common/log.h"
#include "common/parse.h"
#include "common/retry.h"
#include "common/secret.h"
#include "common/stop.h"
#include "common/url.h"
#include "common/xalloc.h"

enum {
	DEFAULT_PORT = 3306,
	/* Longest wait for a connection and for a lock, whatever [mysql]
	 * timeout says. */
	CONNECT_MS = 10000,
	LOCK_MS = 10000,
	/* How long the server keeps a session that says nothing: a process
	 * that was stopped in mid-transaction must not hold locks for hours. */
	IDLE_S = 120,
	/* Conflicts are tried again soon, that often, before they are treated
	 * like a server that is busy. */
	CONFLICT_TRIES = 10,
	CONFLICT_BASE_MS = 10,
	CONFLICT_CAP_MS = 200,
	AWAY_BASE_MS = 200,
	AWAY_CAP_MS = 10000,
	WAIT_PIECE_MS = 1000,
};

static const char SYSTEM_CAS[] = "/etc/ssl/certs/ca-certificates.crt";

/* One row an error number; numbers of MariaDB and MySQL agree where both have
 * them. What is not listed is DB_BUG, but for SQLSTATE class 22 (data). */
static const struct {
	unsigned number;
	enum db_cause cause;
} causes[] = {
	{ 0, DB_FINE },

	{ 1213, DB_CONFLICT }, /* deadlock */
	{ 1205, DB_CONFLICT }, /* lock wait: the transaction is still open */
	{ 1020, DB_CONFLICT }, /* record has changed since last read */
	{ 1317, DB_CONFLICT }, /* query was interrupted */
	{ 1969, DB_CONFLICT }, /* max_statement_time */
	{ 3024, DB_CONFLICT }, /* max_execution_time */
	{ 1412, DB_CONFLICT }, /* table definition has changed */

	{ CR_SERVER_GONE_ERROR, DB_LOST }, { CR_SERVER_LOST, DB_LOST },
	{ CR_SERVER_LOST_EXTENDED, DB_LOST },
	{ CR_COMMANDS_OUT_OF_SYNC, DB_LOST }, { CR_MALFORMED_PACKET, DB_LOST },
	{ 1927, DB_LOST }, /* connection was killed */
	{ 4031, DB_LOST }, /* disconnected by the server, idle */
	{ 1158, DB_LOST }, /* 1158-1161: network errors the server saw */
	{ 1159, DB_LOST }, { 1160, DB_LOST }, { 1161, DB_LOST },
	{ 1180, DB_LOST }, /* error during COMMIT: nobody knows */

	{ CR_CONNECTION_ERROR, DB_AWAY }, { CR_CONN_HOST_ERROR, DB_AWAY },
	{ CR_UNKNOWN_HOST, DB_AWAY }, { CR_IPSOCK_ERROR, DB_AWAY },
	{ CR_SERVER_HANDSHAKE_ERR, DB_AWAY },
	{ 1040, DB_AWAY }, /* too many connections */
	{ 1203, DB_AWAY }, /* ... of this user */
	{ 1226, DB_AWAY }, /* ... resources of this user */
	{ 1129, DB_AWAY }, /* host blocked after connection errors */
	{ 1053, DB_AWAY }, /* shutdown in progress */
	{ 1290, DB_AWAY }, /* read_only */
	{ 1836, DB_AWAY }, { 1792, DB_AWAY },
	{ 1114, DB_AWAY },                    /* table is full */
	{ 1021, DB_AWAY },                    /* disk full */
	{ 1026, DB_AWAY },                    /* error writing a file */
	{ 1030, DB_AWAY },                    /* error of the storage engine */
	{ 1034, DB_AWAY }, { 1037, DB_AWAY }, /* out of memory */
	{ 1038, DB_AWAY }, { 1041, DB_AWAY },
	{ 1135, DB_AWAY }, /* cannot create a thread */
	{ 1206, DB_AWAY }, /* lock table full */
	{ 1637, DB_AWAY }, /* too many transactions */
	{ 1877, DB_AWAY }, /* operation waits for a replica */
	{ 3100, DB_AWAY }, /* a hook refused the COMMIT (replication) */

	{ 1406, DB_DATA },                    /* too long */
	{ 1366, DB_DATA },                    /* incorrect value */
	{ 1264, DB_DATA },                    /* out of range */
	{ 1265, DB_DATA },                    /* truncated */
	{ 1292, DB_DATA }, { 1300, DB_DATA }, /* invalid characters */
	{ 1048, DB_DATA },                    /* NULL where none may be */
	{ 1118, DB_DATA },                    /* row too large */
	{ 1367, DB_DATA }, { 1411, DB_DATA },
	{ 1526, DB_DATA }, /* no partition for it */
	{ 1452, DB_DATA }, /* foreign key, check, trigger's refusal */
	{ 3819, DB_DATA }, { 4025, DB_DATA }, { 1644, DB_DATA },
	{ 1153, DB_DATA }, /* packet too large: statements are bounded, so
			      it is one row */
	{ CR_NET_PACKET_TOO_LARGE, DB_DATA },

	{ 1044, DB_DENIED }, { 1045, DB_DENIED },
	{ 1130, DB_DENIED }, /* this host may not connect */
	{ 1142, DB_DENIED }, { 1143, DB_DENIED }, { 1227, DB_DENIED },
	{ 1370, DB_DENIED }, { 1698, DB_DENIED },
	{ 1820, DB_DENIED },                      /* the password has expired */
	{ 1862, DB_DENIED }, { 3118, DB_DENIED }, /* the account is locked */
	{ 4151, DB_DENIED },

	{ 1049, DB_SCHEMA }, /* no such database */
	{ 1146, DB_SCHEMA }, /* no such table */
	{ 1054, DB_SCHEMA }, /* no such column */
	{ 1051, DB_SCHEMA },
	{ 1356, DB_SCHEMA }, /* a view that refers to what is gone */
	{ 1364, DB_SCHEMA }, /* a column without default that is not ours */
	{ 1062, DB_SCHEMA }, /* a unique key that is not ours */

	{ CR_SSL_CONNECTION_ERROR, DB_CONFIG },
	{ CR_AUTH_PLUGIN_CANNOT_LOAD, DB_CONFIG },
	{ 1665, DB_CONFIG }, /* binlog_format=STATEMENT, READ COMMITTED */
	{ 3159, DB_CONFIG }, /* require_secure_transport */
};

enum db_cause
db_classify(unsigned number)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(causes); i++)
		if (causes[i].number == number)
			return causes[i].cause;
	return DB_BUG;
}

enum outcome
db_outcome(enum db_cause cause)
{
	switch (cause) {
	case DB_FINE:
		return OUTCOME_DONE;
	case DB_CONFLICT:
	case DB_LOST:
	case DB_AWAY:
		return OUTCOME_LATER;
	case DB_DATA:
	case DB_DENIED:
	case DB_SCHEMA:
	case DB_CONFIG:
	case DB_BUG:
		return OUTCOME_NEVER;
	}
	return OUTCOME_NEVER;
}

/* What a person can do about it. */
static const char *
way_out(enum db_cause cause, unsigned number)
{
	switch (cause) {
	case DB_AWAY:
		if (number == 1290 || number == 1836 || number == 1792)
			return "make the server writable";
		if (number == 1114 || number == 1021)
			return "give it disk space";
		return "is it running, and is [mysql] url right?";
	case DB_DENIED:
		return "check user, password and grants";
	case DB_SCHEMA:
		if (number == 1049)
			return "create the database first";
		return "run `sink --migrate`";
	case DB_CONFIG:
		return number == CR_SSL_CONNECTION_ERROR
			   ? "check [mysql] ca_file and the server's "
			     "certificate"
			   : "change the server's settings";
	case DB_FINE:
	case DB_CONFLICT:
	case DB_LOST:
	case DB_DATA:
	case DB_BUG:
		break;
	}
	return NULL;
}

static void
disconnect(struct db *db)
{
	if (db->my != NULL)
		mysql_close(db->my);
	db->my = NULL;
}

enum outcome
db_note(struct db *db, unsigned number, const char *state, const char *text)
{
	const char *way;

	db->number = number;
	db->cause = db_classify(number);
	if (db->cause == DB_BUG && strncmp(state, "22", 2) == 0)
		db->cause = DB_DATA;
	/* Once TLS worked, its failures are the network's. */
	if (number == CR_SSL_CONNECTION_ERROR && db->server.connects > 0)
		db->cause = DB_AWAY;
	buf_setf(&db->why, "database %s: %s (%u)", db->name, text, number);
	way = way_out(db->cause, number);
	if (way != NULL)
		buf_addf(&db->why, "; %s", way);
	if (db->cause == DB_LOST || number == 1053)
		disconnect(db);
	return db_outcome(db->cause);
}

enum outcome
db_failed(struct db *db)
{
	char text[512];

	snprintf(text, sizeof text, "%s", mysql_error(db->my));
	return db_note(db, mysql_errno(db->my), mysql_sqlstate(db->my), text);
}

enum outcome
db_refuse(struct db *db, enum db_cause cause, const char *fmt, ...)
{
	va_list ap;

	db->number = 0;
	db->cause = cause;
	buf_setf(&db->why, "database %s: ", db->name);
	va_start(ap, fmt);
	buf_addv(&db->why, fmt, ap);
	va_end(ap);
	return db_outcome(cause);
}

/* Takes the URL apart into db. */
static int
read_url(struct db *db, const char *text, struct buf *why)
{
	struct url u;
	struct buf shown = BUF_INIT;
	int rc = -1;

	if (url_parse(&u, text, why) != 0) {
		buf_setf(&shown, "[mysql] url: %s", buf_str(why));
		buf_setf(why, "%s", buf_str(&shown));
		buf_release(&shown);
		return -1;
	}
	if (u.scheme == NULL || (strcmp(u.scheme, "mysql") != 0 &&
				    strcmp(u.scheme, "mariadb") != 0)) {
		buf_setf(why, "[mysql] url must begin with mysql://; write "
			      "mysql://USER:PASSWORD@HOST/DATABASE");
		goto out;
	}
	if (u.path == NULL || u.path[0] == '\0') {
		buf_setf(why, "[mysql] url names no database; write "
			      "mysql://USER:PASSWORD@HOST/DATABASE");
		goto out;
	}
	db->socket = url_query(&u, "socket");
	db->host = xstrdup(u.host != NULL ? u.host : "localhost");
	db->user = u.user != NULL ? xstrdup(u.user) : NULL;
	db->password = u.password != NULL ? xstrdup(u.password) : NULL;
	db->schema = xstrdup(u.path);
	db->port = u.port > 0 ? (unsigned)u.port : 0;
	url_redact(&shown, text);
	db->name = xstrdup(buf_str(&shown));
	rc = 0;
out:
	buf_release(&shown);
	url_release(&u);
	return rc;
}

/* localhost without a port is the server's socket, as every client has it. */
static bool
over_socket(const struct db *db)
{
	return db->socket != NULL ||
	       (strcmp(db->host, "localhost") == 0 && db->port == 0);
}

static int64_t
at_most(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void
read_conf(struct db *db, const struct conf *conf)
{
	const char *ca = conf_text(conf, "mysql", "ca_file");
	bool here = over_socket(db) || url_is_loopback(db->host);

	db->ca_file = ca != NULL ? xstrdup(ca) : NULL;
	db->tls =
	    !over_socket(db) &&
	    (ca != NULL || (!here && !conf_bool(conf, "mysql", "plaintext")));
	if (!here && !db->tls)
		log_warn("database %s is spoken to without TLS, as [mysql] "
			 "plaintext says; passwords and data can be read on "
			 "the way",
		    db->name);
	db->timeout_ms = conf_int(conf, "mysql", "timeout");
	db->connect_ms = at_most(CONNECT_MS, db->timeout_ms);
	db->lock_ms = at_most(LOCK_MS, db->timeout_ms / 2);
	db->patience_ms = conf_int(conf, "mysql", "patience");
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
		return NULL;
	}
	db = xcalloc(1, sizeof *db);
	if (read_url(db, url, why) != 0) {
		db_close(db);
		return NULL;
	}
	if (mysql_library_init(0, NULL, NULL) != 0) {
		buf_setf(why, "cannot set up libmariadb");
		*code = PROG_SOFTWARE;
		db_close(db);
		return NULL;
	}
	read_conf(db, conf);
	return db;
}

void
db_close(struct db *db)
{
	if (db == NULL)
		return;
	disconnect(db);
	free(db->host);
	free(db->user);
	secret_free(db->password);
	free(db->schema);
	free(db->socket);
	free(db->ca_file);
	free(db->name);
	buf_release(&db->why);
	buf_release(&db->version);
	buf_release(&db->cipher);
	buf_release(&db->sql);
	free(db);
}

/* Whole seconds, at least one: what libmariadb takes. */
static unsigned
seconds(int64_t ms)
{
	return ms < 1000 ? 1 : (unsigned)((ms + 999) / 1000);
}

static void
set_options(struct db *db, MYSQL *my)
{
	unsigned connect_s = seconds(db->connect_ms);
	unsigned timeout_s = seconds(db->timeout_ms), off = 0;
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
	mysql_ssl_set(my, NULL, NULL,
	    db->ca_file != NULL ? db->ca_file : SYSTEM_CAS, NULL, NULL);
	mysql_options(my, MYSQL_OPT_SSL_ENFORCE, &yes);
	mysql_options(my, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
	mysql_options(my, MARIADB_OPT_TLS_VERSION, "TLSv1.2,TLSv1.3");
}

/* What every session of ours is set to. */
static enum outcome
set_session(struct db *db)
{
	struct buf sql = BUF_INIT;
	enum outcome o;

	buf_addf(&sql,
	    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,"
	    "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION',"
	    " time_zone = '+00:00', innodb_lock_wait_timeout = %u,"
	    " lock_wait_timeout = %u, wait_timeout = %d",
	    seconds(db->lock_ms), seconds(db->lock_ms), IDLE_S);
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

/* The option that asks for TLS is not enough: look at what came of it. */
static enum outcome
check_tls(struct db *db)
{
	const char *cipher = mysql_get_ssl_cipher(db->my);

	buf_setf(&db->cipher, "%s", cipher != NULL ? cipher : "");
	db->server.cipher = cipher != NULL ? buf_str(&db->cipher) : NULL;
	if (!db->tls || cipher != NULL)
		return OUTCOME_DONE;
	return db_refuse(db, DB_CONFIG,
	    "the connection is not encrypted; switch TLS on in the server, "
	    "or set [mysql] plaintext = yes");
}

enum outcome
db_connect(struct db *db)
{
	enum outcome o;
	MYSQL *my;

	if (db->my != NULL)
		return OUTCOME_DONE;
	my = mysql_init(NULL);
	if (my == NULL)
		prog_die(PROG_TEMPFAIL, "out of memory");
	set_options(db, my);
	db->my = my;
	if (mysql_real_connect(my, db->host, db->user, db->password, db->schema,
		db->port, db->socket, 0) == NULL) {
		o = db_failed(db);
		disconnect(db);
		return o;
	}
	o = check_tls(db);
	if (o == OUTCOME_DONE)
		o = set_session(db);
	if (o == OUTCOME_DONE)
		o = learn_server(db);
	if (o != OUTCOME_DONE) {
		disconnect(db);
		return o;
	}
	db->server.connects++;
	db->cause = DB_FINE;
	log_debug("database_connected", "name=%s version=%s bulk=%s tls=%s",
	    db->name, db->server.version, db->server.bulk ? "yes" : "no",
	    db->server.cipher != NULL ? db->server.cipher : "no");
	return OUTCOME_DONE;
}

bool
db_connected(const struct db *db)
{
	return db->my != NULL;
}

const char *
db_why(const struct db *db)
{
	return buf_str(&db->why);
}

enum db_cause
db_cause(const struct db *db)
{
	return db->cause;
}

enum exit_code
db_code(const struct db *db)
{
	switch (db->cause) {
	case DB_FINE:
		return PROG_OK;
	case DB_CONFLICT:
	case DB_LOST:
	case DB_AWAY:
		return PROG_TEMPFAIL;
	case DB_DATA:
		return PROG_DATA;
	case DB_DENIED:
		return PROG_NOPERM;
	case DB_SCHEMA:
	case DB_CONFIG:
		return PROG_CONFIG;
	case DB_BUG:
		return PROG_SOFTWARE;
	}
	return PROG_SOFTWARE;
}

unsigned
db_errno(const struct db *db)
{
	return db->number;
}

const char *
db_name(const struct db *db)
{
	return db->name;
}

const struct db_server *
db_server(const struct db *db)
{
	return &db->server;
}

enum outcome
db_begin(struct db *db)
{
	return db_send(db, "START TRANSACTION", strlen("START TRANSACTION"));
}

enum outcome
db_commit(struct db *db)
{
	return db_send(db, "COMMIT", strlen("COMMIT"));
}

void
db_rollback(struct db *db)
{
	/* A failed rollback leaves a connection in an unknown state; without
	 * it the server rolls back by itself. */
	if (db->my != NULL && mysql_rollback(db->my) != 0)
		disconnect(db);
}

void
db_on_wait(struct db *db, void (*fn)(void *ctx), void *ctx)
{
	db->on_wait = fn;
	db->on_wait_ctx = ctx;
}

/* Sleeps, in pieces. False when asked to stop. */
static bool
pause_ms(struct db *db, int64_t ms)
{
	int64_t piece;

	for (; ms > 0; ms -= piece) {
		piece = at_most(ms, WAIT_PIECE_MS);
		if (stop_sleep(piece))
			return false;
		if (db->on_wait != NULL)
			db->on_wait(db->on_wait_ctx);
	}
	return !stop_asked();
}

/* Waits before the next attempt. False when it is time to give up. */
static bool
wait_again(
    struct db *db, struct retry *conflicts, struct retry *away, bool patient)
{
	struct retry *r = away;
	bool first = away->attempt == 0;
	int64_t ms;

	if (db->cause == DB_CONFLICT && conflicts->attempt < CONFLICT_TRIES)
		r = conflicts;
	ms = retry_next(r, -1);
	if (ms < 0)
		return false;
	if (r == conflicts)
		log_debug("transaction_conflict", "errno=%u wait_ms=%lld",
		    db->number, (long long)ms);
	else if (first && patient)
		log_warn("%s; waiting for it", buf_str(&db->why));
	else
		log_debug("database_wait", "wait_ms=%lld why=\"%s\"",
		    (long long)ms, buf_str(&db->why));
	return pause_ms(db, ms);
}

enum outcome
db_transaction(struct db *db, enum outcome (*work)(struct db *db, void *ctx),
    void *ctx, bool patient)
{
	struct retry conflicts =
	    RETRY_INIT(CONFLICT_BASE_MS, CONFLICT_CAP_MS, -1);
	struct retry away = RETRY_INIT(
	    AWAY_BASE_MS, AWAY_CAP_MS, patient ? -1 : db->patience_ms);
	enum outcome o;

	for (;;) {
		o = db_connect(db);
		if (o == OUTCOME_DONE)
			o = db_begin(db);
		if (o == OUTCOME_DONE)
			o = work(db, ctx);
		/* Commit point: from here on the work may be done, whatever
		 * the answer; so it is work that can be done twice. */
		if (o == OUTCOME_DONE)
			o = db_commit(db);
		if (o == OUTCOME_DONE) {
			db->cause = DB_FINE;
			return o;
		}
		db_rollback(db);
		if (o == OUTCOME_NEVER ||
		    !wait_again(db, &conflicts, &away, patient))
			return o;
	}
}
