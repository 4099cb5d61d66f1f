/*
 * db: a client for MariaDB and MySQL: statements with values, result rows,
 * transactions that are repeated as a whole, bulk statements, and the meaning
 * of each error. Only db*.c include mysql.h.
 *
 * Every session uses utf8mb4, strict SQL, UTC and READ COMMITTED, waits for a
 * lock at most half of [mysql] timeout and at most 10 s, and is never
 * reconnected by the library. Connections to other machines use verified TLS,
 * unless [mysql] plaintext is set.
 *
 * After anything but OUTCOME_DONE: db_why() is one line without secrets,
 * db_cause() the kind of failure, db_code() its exit code. OUTCOME_LATER: the
 * server is unreachable or busy, or two transactions conflict; the same data
 * may succeed later. OUTCOME_NEVER: the data, the schema or the privileges are
 * wrong.
 *
 * Use db_open(), then db_transaction() for everything that must be atomic.
 */
#ifndef COMMON_DB_DB_H
#define COMMON_DB_DB_H

#include "common/base/buf.h"
#include "common/base/prog.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf;
struct db;      /* one connection, opaque */
struct db_rows; /* the result of one query, opaque */
struct db_bulk; /* one statement for many rows, opaque */

enum db_cause {
	DB_FINE,
	DB_CONFLICT, /* a deadlock, or a lock time-out */
	DB_LOST,     /* the connection broke; a COMMIT may have succeeded */
	DB_AWAY,     /* unreachable, full, read-only, shutting down */
	DB_DATA,     /* a value that does not fit its column */
	DB_DENIED,   /* wrong user or password, or a missing privilege */
	DB_SCHEMA,   /* no such database, table or column */
	DB_CONFIG,   /* the server's setup, for example TLS that does not
		      * verify */
	DB_BUG,      /* a statement that no server would accept */
};

/* Reads [mysql] and makes a connection object, which connects on its first use.
 * Returns NULL, *why and *code if the configuration is invalid. Owned. conf is
 * borrowed and must outlive it. */
struct db *db_open(const struct conf *conf, struct buf *why,
    enum exit_code *code) __attribute__((warn_unused_result));

/* Creates another connection object for the same database, for another thread.
 * Owned. */
struct db *db_another(const struct db *db) __attribute__((warn_unused_result));

/* Call before the first use: connecting, each statement and each wait for a
 * lock take at most this long, even if [mysql] timeout or db_allow() allow
 * more. */
void db_limit(struct db *db, int64_t ms);

/* Call before the first use: a statement may take this long before the server
 * ends it, even if [mysql] timeout is shorter. The wait for a lock is a second
 * shorter, if possible. */
void db_allow(struct db *db, int64_t ms);

/* Call before the first use: connecting to a database with another schema than
 * that of this program (schema_number.h) is refused, also by connections made
 * by db_another(). Users who may not read the number are not refused. */
void db_check_schema(struct db *db);

/* Call before the first use in a daemon: a missing table or database is DB_AWAY
 * instead of DB_SCHEMA, also for connections made by db_another(). Tables are
 * missing for a while when a backup is restored, or before the first
 * migration. */
void db_wait_for_tables(struct db *db);

/* Every thread except the main one must call these before its first and after
 * its last use of db. A connection is used by one thread at a time. */
void db_thread_begin(void);
void db_thread_end(void);

/* Closes the connection; an open transaction is rolled back. NULL is
 * allowed. */
void db_close(struct db *db);

/* Connects unless connected, to the first host of the URL that accepts the
 * connection; each is tried once. A host whose connection broke is tried
 * last. */
enum outcome db_connect(struct db *db) __attribute__((warn_unused_result));
bool db_connected(const struct db *db);

/* The same before a first statement, outside of transactions. A session that
 * was idle for a second is checked, because the server ends idle sessions, and
 * is replaced if it is gone. LATER if the only server hangs: a new session is
 * not tried. */
enum outcome db_wake(struct db *db) __attribute__((warn_unused_result));

const char *db_why(const struct db *db);
enum db_cause db_cause(const struct db *db);

/* A sentence for users of a server whose database cannot be used. It contains
 * no names of servers, users and tables. */
const char *db_outage(const struct db *db);
enum exit_code db_code(const struct db *db);
unsigned db_errno(const struct db *db); /* the server's error number, 0: none */

/* Returns "mysql://user@host:port/name" for messages. Borrowed. */
const char *db_name(const struct db *db);

/* A value in a statement. Texts are borrowed until the call ends. */
enum db_type {
	DB_NULL,
	DB_TEXT,
	DB_INT,
	DB_TIME, /* ms since 1970 -> DATETIME(3) in UTC */
};

struct db_value {
	enum db_type type;
	const char *text;
	size_t len;
	int64_t num;
};

/* CLOCK_NONE, RECORD_NO_NUMBER (both INT64_MIN) and NULL text become NULL. */
struct db_value db_text(const char *p, size_t len);
struct db_value db_str(const char *s);
struct db_value db_int(int64_t n);
struct db_value db_time(int64_t ms);

/* True if a DATETIME can store that time; times before the year 1000 may not
 * fit. */
bool db_takes_time(int64_t ms);

/* Runs one statement without a result; each `?` in sql stands for one of the
 * args, in order. *affected, which may be NULL, is the number of rows that the
 * server counted. */
enum outcome db_exec(struct db *db, const char *sql,
    const struct db_value *args, size_t n, uint64_t *affected)
    __attribute__((warn_unused_result));

/* Runs one statement with a result, which is copied into memory as a whole, so
 * use LIMIT. *rows is owned (db_rows_free), and NULL unless DONE; it has no
 * columns after a statement without a result. */
enum outcome db_query(struct db *db, const char *sql,
    const struct db_value *args, size_t n, struct db_rows **rows)
    __attribute__((warn_unused_result));

/* The same for one number: the first cell, or 0 if there is no row or the cell
 * is NULL. With "SELECT 1 ... LIMIT 1", shows whether there is a row. */
enum outcome db_query_count(struct db *db, const char *sql,
    const struct db_value *args, size_t n, uint64_t *count)
    __attribute__((warn_unused_result));

/* The same for a result that may be long: only the first rows, up to the row at
 * which their text exceeds `bytes`. */
struct db_bound {
	size_t rows, bytes;
};
enum outcome db_query_first(struct db *db, const char *sql,
    const struct db_value *args, size_t n, struct db_bound most,
    struct db_rows **rows) __attribute__((warn_unused_result));

/* Appends "SELECT " with a limit: the server itself ends the statement after
 * ms, which is DB_CONFLICT. Needs a connection. */
void db_select_within(const struct db *db, struct buf *sql, int64_t ms);

/* Appends a value as an escaped SQL literal, for lists of any length ("... IN
 * (", db_quote, ", ", ...). Needs a connection. */
void db_quote(struct db *db, struct buf *sql, struct db_value v);

/* Moves to the next row; call it before the first one. Returns false at the
 * end, when the last row stays current. */
bool db_next(struct db_rows *r);
size_t db_rows_count(const struct db_rows *r);
size_t db_columns(const struct db_rows *r);
const char *db_column_name(const struct db_rows *r, size_t i); /* borrowed */
bool db_column_is_number(const struct db_rows *r, size_t i);
bool db_rows_cut(const struct db_rows *r); /* True if the bound truncated the
					    * result. */
void db_rows_free(struct db_rows *r);

/* Moves before the first row. */
void db_rewind(struct db_rows *r);

/* Reorders the rows: the i-th becomes the one that was order[i], from 0. Moves
 * before the first row. */
void db_rows_arrange(struct db_rows *r, const size_t *order);

/* Return column i (from 0) of the current row. Texts end with NUL and are
 * borrowed until db_rows_free(); NULL for NULL. Numbers: INT64_MIN for NULL.
 * db_get_time reads a DATETIME as ms since 1970. */
const char *db_get(const struct db_rows *r, size_t i);
size_t db_get_len(const struct db_rows *r, size_t i);
int64_t db_get_int(const struct db_rows *r, size_t i);
int64_t db_get_time(const struct db_rows *r, size_t i);

/* Runs work as one transaction: connects if necessary, BEGIN, work, COMMIT. If
 * work or COMMIT returns LATER, everything is rolled back and repeated from
 * BEGIN, after a pause (short after a conflict), on a new connection if the old
 * one is gone. Therefore work must start over each time it is called, and must
 * be idempotent: a connection lost during COMMIT may have committed. If work
 * returns NEVER, it is rolled back and NEVER is returned at once.
 *
 * Gives up with LATER after [mysql] wait_timeout (never with wait_forever),
 * whether it waits for locks, conflicts or an unreachable server, or as soon as
 * the program is asked to stop. A running statement may take longer, up to
 * [mysql] timeout. With wait_forever, one warning names the reason for
 * waiting. */
enum outcome db_transaction(struct db *db,
    enum outcome (*work)(struct db *db, void *ctx), void *ctx,
    bool wait_forever) __attribute__((warn_unused_result));

/* Waits at most this long for an unreachable server, regardless of
 * wait_timeout, because a person is waiting or the next run tries again. */
void db_hurry(struct db *db, int64_t ms);

/* Returns how many times transactions on this connection have been retried. */
uint64_t db_retries(const struct db *db);

/* Runs a statement that alters a table. Waits for its metadata lock at most
 * this many seconds, because other sessions queue behind it meanwhile. */
enum outcome db_alter(struct db *db, const char *sql, unsigned wait_s)
    __attribute__((warn_unused_result));

/* The steps of a transaction one by one. db_begin_reading(): everything is read
 * as of one moment, and nothing can be written; db_rollback() ends it.
 *
 * After a lock time-out, the transaction is still open: a caller that gives up
 * must roll back. LATER with DB_LOST from db_commit(): it may have committed.
 * db_rollback() never fails: it closes the connection if necessary. */
enum outcome db_begin(struct db *db) __attribute__((warn_unused_result));
enum outcome db_begin_reading(struct db *db)
    __attribute__((warn_unused_result));
enum outcome db_commit(struct db *db) __attribute__((warn_unused_result));
void db_rollback(struct db *db);

/* Call within db_transaction() before work that creates or alters tables, which
 * commits earlier work and continues without a transaction. */
void db_no_trans(struct db *db);

/*
 * Bulk: one statement for many rows of values. On MariaDB one message carries
 * arrays of values (STMT_ATTR_ARRAY_SIZE); on other servers, or with [mysql]
 * bulk = off, the row part is repeated in a text statement. In both cases, a
 * statement has less than half of the server's max_allowed_packet, or a single
 * row, so a run may need several statements: use it inside a transaction.
 *
 *   b = db_bulk_new(db, "INSERT INTO t (a, b) VALUES ", "(?, ?)",
 *           " ON DUPLICATE KEY UPDATE b = VALUES(b)", 2);
 *   for each row: db_bulk_add(b, values)     (text borrowed until the run)
 *   db_bulk_run(b, 0, db_bulk_rows(b)); db_bulk_clear(b);
 *
 * A delete is "DELETE FROM t WHERE (a, b) IN (", "(?, ?)", ")"; parts are
 * joined with ", ". A column has the same type in all rows, except for NULL.
 * The object survives reconnects, and rows stay until cleared, so a transaction
 * can be repeated, or run in part (first, n) to find the row that fails.
 */
struct db_bulk *db_bulk_new(struct db *db, const char *head, const char *row,
    const char *tail, size_t columns) __attribute__((warn_unused_result));
void db_bulk_add(struct db_bulk *b, const struct db_value *values);
size_t db_bulk_rows(const struct db_bulk *b);
enum outcome db_bulk_run(struct db_bulk *b, size_t first, size_t n)
    __attribute__((warn_unused_result));
void db_bulk_clear(struct db_bulk *b);
void db_bulk_free(struct db_bulk *b); /* before db_close() */

/* Properties of the server, valid while connected. Borrowed. */
struct db_server {
	const char *version;     /* "10.11.19-MariaDB" */
	bool mariadb;            /* false: MySQL */
	bool bulk;               /* array binding is used */
	const char *cipher;      /* NULL: plaintext */
	bool socket;             /* over a Unix socket */
	size_t max_packet;       /* max_allowed_packet */
	int64_t flush_at_commit; /* innodb_flush_log_at_trx_commit */
	uint64_t connects;       /* number of times it has connected */
};
const struct db_server *db_server(const struct db *db);

/* The server's error number for a lock time-out. */
enum { DB_LOCKED = 1205 };

enum outcome db_outcome(enum db_cause cause);

#endif
