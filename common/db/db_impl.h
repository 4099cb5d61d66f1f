/*
 * db_impl: what the files of common/db share; private to them. They are one
 * module in several files and call each other. mysql.h is not included here,
 * so that only files that call it need it.
 */
#ifndef COMMON_DB_DB_IMPL_H
#define COMMON_DB_DB_IMPL_H

#include "common/conf/url.h"
#include "common/db/db.h"

struct st_mysql;

enum {
	DB_DOING = 64,
	/* The server may have closed a connection that rested for longer, in
	 * ms: that is to be found before anything depends on it. */
	DB_RESTED_MS = 1000,
};

struct db {
	struct st_mysql *my; /* NULL: not connected */
	struct url url;
	size_t host;            /* of url: the present or next one */
	bool pass_over;         /* it failed; the next attempt is another's */
	char *socket, *ca_file; /* owned, or NULL */
	bool tls;
	bool bulk_off;
	int64_t connect_ms, timeout_ms, lock_ms, wait_timeout_ms;
	int64_t allowed_ms; /* by db_allow(); 0: no more than timeout_ms */
	int64_t answer_ms;  /* an answer on this connection may take that */
	unsigned lock_s;    /* what the session waits for a lock */
	int64_t give_up_ms; /* of the transaction under way; 0: never */
	uint64_t retries;   /* of transactions, so far */
	enum outcome (*greeting)(struct db *db, struct buf *why); /* or NULL */

	struct buf why;
	enum db_cause cause;
	unsigned number;

	struct db_server server;
	struct buf version, cipher; /* what server points to */
	struct buf account;         /* whose rights count, as in SQL */
	struct buf sql;             /* of the statement under way */
	char doing[DB_DOING];       /* its beginning, without values */
	int64_t used_ms;            /* when it was sent; clock_mono_ms() */
	bool begun;                 /* the server confirmed START TRANSACTION */
	bool in_trans;              /* a transaction of ours is open there */
};

/* The server's error number of a deadlock. */
enum { DB_DEADLOCK = 1213 };

/* Whole seconds, at least one: what libmariadb and the server take. */
unsigned db_seconds_of(int64_t ms);

/* A statement begins: remembers its first words, for messages about waits. */
void db_doing(struct db *db, const char *sql);

/* Ends the connection, if there is one. */
void db_disconnect(struct db *db);

/* Records the error of the last call on the connection in why, cause and
 * number, closes the connection if it is broken, and returns the outcome. */
enum outcome db_failed(struct db *db);

/* The same for a reason that the server did not give. */
enum outcome db_refuse(struct db *db, enum db_cause cause, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for an error given by number, SQLSTATE and text. */
enum outcome db_note(
    struct db *db, unsigned number, const char *state, const char *text);

/* After a statement that the server answered with OK: LATER with DB_CONFLICT if
 * a transaction of ours is not open any more. When a node of a Galera cluster
 * rolls a transaction back in favour of another node's, it answers OK to a
 * statement with arrays, and to the COMMIT after it. */
enum outcome db_still_in_trans(struct db *db);

/* Sends one text statement; DONE with the result, if any, unread. Without a
 * connection this and the next ones are LATER, with DB_LOST. */
enum outcome db_send(struct db *db, const char *sql, size_t len);

#endif
