/*
 * db_impl: shared by the files of common/db and private to them. These files
 * are one module and call each other. mysql.h is not included here, so that
 * only files that call it need it.
 */
#ifndef COMMON_DB_DB_IMPL_H
#define COMMON_DB_DB_IMPL_H

#include "common/conf/url.h"
#include "common/db/db.h"

struct st_mysql;

enum { DB_DOING = 64 };

struct db {
	struct st_mysql *my; /* NULL: not connected */
	const struct conf *conf;
	struct url url;
	size_t host;         /* index of the current or next host of url */
	bool pass_over;      /* the host failed: try another one next */
	char *socket;        /* owned, or NULL */
	const char *ca_file; /* NULL: the system's authorities */
	bool tls;
	bool bulk_off;
	int64_t connect_ms, timeout_ms, lock_ms, wait_timeout_ms;
	int64_t allowed_ms; /* by db_allow(); 0: no more than timeout_ms */
	unsigned lock_s;    /* how long the session waits for a lock */
	int64_t give_up_ms; /* end of the current transaction's wait; 0:
			     * never */
	uint64_t retries;   /* number of retried transactions */
	bool checks_schema, waits_for_tables;

	struct buf why;
	enum db_cause cause;
	unsigned number;

	struct db_server server;
	struct buf version, cipher; /* texts to which server points */
	struct buf sql;             /* the current statement */
	char doing[DB_DOING];       /* its beginning, without values */
	int64_t used_ms;            /* when it was sent (clock_mono_ms()) */
	bool in_trans;              /* we have a transaction open there */
};

/* The server's error number for a deadlock. */
enum { DB_DEADLOCK = 1213 };

/* Stores the first words of a statement for messages about waits. */
void db_doing(struct db *db, const char *sql);

/* Ends the connection if there is one. */
void db_disconnect(struct db *db);

/* Records the error of the last call on the connection (why, cause and number),
 * closes the connection if it is broken, and returns the outcome. */
enum outcome db_failed(struct db *db);

/* The same for a reason that is not from the server. */
enum outcome db_refuse(struct db *db, enum db_cause cause, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for an error given by number, SQLSTATE and text. */
enum outcome db_note(
    struct db *db, unsigned number, const char *state, const char *text);

/* Call after a statement that the server answered with OK: returns LATER with
 * DB_CONFLICT if our transaction is no longer open. When a Galera node rolls a
 * transaction back in favour of another node's, it answers OK to a statement
 * with arrays, and to the COMMIT after it. */
enum outcome db_still_in_trans(struct db *db);

/* Sends one text statement; returns DONE without reading the result, if any.
 * Without a connection this call and the next ones return LATER with
 * DB_LOST. */
enum outcome db_send(struct db *db, const char *sql, size_t len);

#endif
