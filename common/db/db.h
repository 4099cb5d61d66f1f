/*
 * db: a client of MariaDB and MySQL: statements with values, result rows,
 * transactions that are repeated as a whole, bulk statements, and the meaning
 * of each error. Only db*.c include mysql.h.
 *
 * Every session uses utf8mb4, strict SQL, UTC and READ COMMITTED, waits for a
 * lock at most half of [mysql] timeout and at most 10 s, and is never
 * reconnected by the library. Connections to other machines use verified TLS,
 * unless [mysql] plaintext says otherwise.
 *
 * After anything but OUTCOME_DONE: db_why() is one line without secrets,
 * db_cause() the kind of failure, db_code() its exit code. OUTCOME_LATER: the
 * server is away or busy, or two transactions conflict; the same data may
 * succeed later. OUTCOME_NEVER: the data, the schema or the rights are wrong.
 *
 * Use: db_open(); then db_transaction() for whatever must happen as a whole.
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
	DB_CONFLICT, /* a deadlock, or a lock that was waited for in vain */
	DB_LOST,     /* the connection broke; in a COMMIT: it may be done */
	DB_AWAY,     /* not there, full, read-only, going down */
	DB_DATA,     /* a value that its column does not take */
	DB_DENIED,   /* the user, the password, or a right that is missing */
	DB_SCHEMA,   /* no such database, table or column */
	DB_CONFIG,   /* TLS that does not verify, and the like */
	DB_BUG,      /* a statement that no server accepts */
};

/* Reads [mysql] and makes a connection object; connects only when it is first
 * used. NULL, *why and *code when the configuration is invalid. Owned. The
 * conf is borrowed and must outlive it. */
struct db *db_open(const struct conf *conf, struct buf *why,
    enum exit_code *code) __attribute__((warn_unused_result));

/* A second connection object for the same database, for another thread.
 * Owned. */
struct db *db_another(const struct db *db) __attribute__((warn_unused_result));

/* Before the first use: connecting, a statement and the wait for a lock take at
 * most so long, each, also where [mysql] timeout or db_allow() says longer. */
void db_limit(struct db *db, int64_t ms);

/* Before the first use: the answer to a statement is waited for until the
 * server itself ends one that takes so long, also where [mysql] timeout says
 * less; a lock is waited for a second less, if that is any. */
void db_allow(struct db *db, int64_t ms);

/* Before the first use: what is asked on each new connection before anything
 * else. NEVER with *why refuses the database as it is configured; what is not
 * DONE is what connecting comes to. Other connections of db_another() ask it,
 * too. */
void db_greet(
    struct db *db, enum outcome (*greeting)(struct db *db, struct buf *why));

/* Every thread but the main one calls these before its first and after its last
 * use of db. One thread at a time uses a connection. */
void db_thread_begin(void);
void db_thread_end(void);

/* Ends the connection (an open transaction is rolled back). NULL is fine. */
void db_close(struct db *db);

/* Connects now unless connected, to the first host of the URL that lets us; one
 * whose connection broke comes last. Each is tried once. */
enum outcome db_connect(struct db *db) __attribute__((warn_unused_result));
bool db_connected(const struct db *db);

/* The same before a first statement, outside of transactions: a session that
 * rested for a second is asked whether it is there, since the server ends those
 * that rest for long, and one that is gone is started again. */
enum outcome db_wake(struct db *db) __attribute__((warn_unused_result));

const char *db_why(const struct db *db);
enum db_cause db_cause(const struct db *db);
enum exit_code db_code(const struct db *db);
unsigned db_errno(const struct db *db); /* the server's number, 0: none */

/* "mysql://user@host:port/name": fit for messages. Borrowed. */
const char *db_name(const struct db *db);

/* A value of a statement. Text is borrowed until the call ends. */
enum db_type {
	DB_NULL,
	DB_TEXT,
	DB_INT,
	DB_TIME,    /* ms since 1970 -> DATETIME(3) in UTC */
	DB_SECONDS, /* ms -> DECIMAL(15,3) seconds */
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
struct db_value db_seconds(int64_t ms);

/* Whether a DATETIME takes that time: those before the year 1000 it may not. */
bool db_takes_time(int64_t ms);

/* One statement without a result; `?` in sql stands for the args, in order.
 * *affected: the rows that the server counted; may be NULL. */
enum outcome db_exec(struct db *db, const char *sql,
    const struct db_value *args, size_t n, uint64_t *affected)
    __attribute__((warn_unused_result));

/* One statement with a result, which is copied into memory as a whole: bound
 * it with LIMIT. *rows is owned (db_rows_free), NULL unless DONE; it has no
 * columns after a statement without a result. */
enum outcome db_query(struct db *db, const char *sql,
    const struct db_value *args, size_t n, struct db_rows **rows)
    __attribute__((warn_unused_result));

/* The same of one number: the first cell, 0 where there is no row or NULL. With
 * "SELECT 1 ... LIMIT 1" whether there is a row. */
enum outcome db_query_count(struct db *db, const char *sql,
    const struct db_value *args, size_t n, uint64_t *count)
    __attribute__((warn_unused_result));

/* The same, of a result that may be long: only its first rows, up to the one by
 * which their text passes `bytes`. */
struct db_bound {
	size_t rows, bytes;
};
enum outcome db_query_first(struct db *db, const char *sql,
    const struct db_value *args, size_t n, struct db_bound most,
    struct db_rows **rows) __attribute__((warn_unused_result));

/* How long the answer to a statement is waited for, in ms. A client that goes
 * leaves the server at work, with its locks. Needs a connection. */
int64_t db_timeout_ms(const struct db *db);

/* Appends "SELECT " with a limit: after so many ms the server itself ends the
 * statement, which is DB_CONFLICT. Needs a connection. */
void db_select_within(const struct db *db, struct buf *sql, int64_t ms);

/* Appends a value as an SQL literal, escaped: for lists whose length varies
 * ("... IN (", db_quote, ", ", ...). Needs a connection. */
void db_quote(struct db *db, struct buf *sql, struct db_value v);

/* Steps to the next row (call before the first); false at the end, where the
 * last row stays the present one. */
bool db_next(struct db_rows *r);
size_t db_rows_count(const struct db_rows *r);
size_t db_columns(const struct db_rows *r);
const char *db_column_name(const struct db_rows *r, size_t i); /* borrowed */
bool db_column_is_number(const struct db_rows *r, size_t i);
bool db_rows_cut(const struct db_rows *r); /* by a bound: there were more */
void db_rows_free(struct db_rows *r);

/* Steps before the first row. */
void db_rewind(struct db_rows *r);

/* Puts the rows into another order, in which the i-th is the one that was
 * order[i], from 0; and steps before the first. */
void db_rows_arrange(struct db_rows *r, const size_t *order);

/* Column i (from 0) of the present row. Text is NUL-ended and borrowed until
 * db_rows_free(); NULL for NULL. Numbers: INT64_MIN for NULL; db_get_time
 * reads a DATETIME as ms since 1970. */
const char *db_get(const struct db_rows *r, size_t i);
size_t db_get_len(const struct db_rows *r, size_t i);
int64_t db_get_int(const struct db_rows *r, size_t i);
int64_t db_get_time(const struct db_rows *r, size_t i);

/* Runs work as one transaction: connects if need be, BEGIN, work, COMMIT.
 *
 * When work or COMMIT returns LATER, everything is rolled back and repeated
 * from BEGIN, after a pause (short after a conflict), on a new connection if
 * the old one is gone. So work must start over each time it is called, and
 * must be idempotent: a connection lost during COMMIT may have committed. When
 * work returns NEVER, it is rolled back and NEVER is returned at once.
 *
 * Gives up with LATER after [mysql] wait_timeout (never when wait_forever),
 * whatever the time was spent on: locks, conflicts, a server that is away; or
 * as soon as the program is asked to stop. A statement at work may take longer,
 * as [mysql] timeout says. With wait_forever one warning says what is waited
 * for. */
enum outcome db_transaction(struct db *db,
    enum outcome (*work)(struct db *db, void *ctx), void *ctx,
    bool wait_forever) __attribute__((warn_unused_result));

/* Waits at most that long for a server that is away, whatever wait_timeout
 * says: somebody is watching, or the next run tries again. */
void db_hurry(struct db *db, int64_t ms);

/* What is left of wait_timeout, in ms, inside db_transaction(), for work that
 * waits for something else. INT64_MAX: no limit. */
int64_t db_wait_left(const struct db *db);

/* How often a transaction of this connection was tried again so far. */
uint64_t db_retries(const struct db *db);

/* How long this session waits for the metadata lock of a table, for ALTER TABLE
 * and the like, in seconds; other sessions queue behind it meanwhile. 0: as
 * usual. */
enum outcome db_wait_for_tables(struct db *db, unsigned wait_s)
    __attribute__((warn_unused_result));

/* The steps of a transaction one by one. What begins it may be sent only with
 * its first statement, which then returns a failure to begin.
 * db_begin_reading(): all that is read is of one moment, and nothing can be
 * written; db_end_reading() ends it, without waiting for the server's answer.
 * After a lock time-out the transaction is still open: a caller that
 * gives up must roll back. LATER with DB_LOST from db_commit(): it may be
 * committed. db_rollback() never fails: it closes the connection if need be. */
enum outcome db_begin(struct db *db) __attribute__((warn_unused_result));
enum outcome db_begin_reading(struct db *db)
    __attribute__((warn_unused_result));
void db_end_reading(struct db *db);
enum outcome db_commit(struct db *db) __attribute__((warn_unused_result));
void db_rollback(struct db *db);

/* Within db_transaction(), before work that makes or alters tables, which
 * commits what was done and goes on without a transaction. */
void db_no_trans(struct db *db);

/*
 * Bulk: one statement for many rows of values. On MariaDB one message carries
 * arrays of values (STMT_ATTR_ARRAY_SIZE); on a server without that, or with
 * [mysql] bulk = off, the row part is repeated in a text statement. Either
 * way a statement stays below half of the server's max_allowed_packet, or has
 * one row, so a run may take several: use it inside a transaction.
 *
 *   b = db_bulk_new(db, "INSERT INTO t (a, b) VALUES ", "(?, ?)",
 *           " ON DUPLICATE KEY UPDATE b = VALUES(b)", 2);
 *   for each row: db_bulk_add(b, values)     (text borrowed until the run)
 *   db_bulk_run(b, 0, db_bulk_rows(b)); db_bulk_clear(b);
 *
 * A delete reads "DELETE FROM t WHERE (a, b) IN (", "(?, ?)", ")"; parts are
 * joined with ", ". A column keeps one type in all rows, NULL aside. The
 * object survives reconnects; rows stay until cleared, so that a transaction
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

/* Properties of the server, valid once connected. Borrowed. */
struct db_server {
	const char *version;     /* "10.11.19-MariaDB" */
	bool mariadb;            /* else MySQL */
	bool bulk;               /* array binding is used */
	const char *cipher;      /* NULL: plaintext */
	bool socket;             /* over a Unix socket */
	size_t max_packet;       /* max_allowed_packet */
	int64_t flush_at_commit; /* innodb_flush_log_at_trx_commit */
	uint64_t connects;       /* how often connected so far */
};
const struct db_server *db_server(const struct db *db);

/* Appends the statement, for an administrator, that gives our user rights,
 * "SELECT, INSERT", on a table of ours; "*": on all. */
void db_grant(
    const struct db *db, const char *rights, const char *table, struct buf *to);

/* The server's error number of a lock that another session keeps for long. */
enum { DB_LOCKED = 1205 };

enum outcome db_outcome(enum db_cause cause);

#endif
