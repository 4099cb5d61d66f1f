/*
 * db_impl: what the files of db share and nobody else sees.
 * mysql.h is not included here, so that only those that call it need it.
 */
#ifndef COMMON_DB_DB_IMPL_H
#define COMMON_DB_DB_IMPL_H

#include "common/db/db.h"

struct st_mysql;

enum { DB_DOING = 64 };

struct db {
	struct st_mysql *my; /* NULL: not connected */
	char *host, *user, *password, *schema, *socket, *ca_file; /* owned */
	unsigned port;
	bool tls;
	bool bulk_off;
	int64_t connect_ms, timeout_ms, lock_ms, wait_timeout_ms;
	unsigned lock_s;    /* what the session waits for a lock */
	int64_t give_up_ms; /* of the transaction under way; 0: never */

	char *name;
	struct buf why;
	enum db_cause cause;
	unsigned number;

	struct db_server server;
	struct buf version, cipher; /* what server points to */
	struct buf sql;             /* of the statement under way */
	char doing[DB_DOING];       /* its beginning, without values */
};

/* The server's number for it. */
enum { DB_DEADLOCK = 1213 };

/* Whole seconds, at least one: what libmariadb and the server take. */
unsigned db_seconds_of(int64_t ms);

/* Notes what is sent, for who has to wait for it. */
void db_doing(struct db *db, const char *sql);

/* Ends the connection, if there is one. */
void db_disconnect(struct db *db);

/* Notes that the last call on the connection failed, doing what ("cannot
 * ..."), closes the connection if it is broken, and says what to answer. */
enum outcome db_failed(struct db *db);

/* The same for a reason that is ours, not the server's. */
enum outcome db_refuse(struct db *db, enum db_cause cause, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Notes a failure by its number, SQLSTATE and text. */
enum outcome db_note(
    struct db *db, unsigned number, const char *state, const char *text);

/* Sends one text statement; DONE with the result, if any, unread. */
enum outcome db_send(struct db *db, const char *sql, size_t len);

#endif
