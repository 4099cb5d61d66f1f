/*
 * db_cause: the table of errors of the server and of libmariadb, with their
 * causes and messages; see db.h.
 */
#include <errmsg.h>
#include <errno.h>
#include <mysql.h>
#include <stdarg.h>
#include <string.h>

#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/db/db.h"
#include "common/db/db_impl.h"

/* Errors whose SQLSTATE does not show their cause: numbers of MariaDB and
 * MySQL, which agree if both have them, and of libmariadb. */
static const struct {
	unsigned number;
	enum db_cause cause;
} causes[] = {
	{ 0, DB_FINE },

	{ DB_DEADLOCK, DB_CONFLICT },
	{ DB_LOCKED, DB_CONFLICT }, /* lock wait timeout: the transaction is
				     * open */
	{ 1020, DB_CONFLICT },      /* record has changed since last read */
	{ 3024, DB_CONFLICT },      /* max_execution_time */
	{ 1412, DB_CONFLICT },      /* table definition has changed */
	{ 1615, DB_CONFLICT }, /* ... again and again, as it was prepared */
	{ 1689, DB_CONFLICT }, /* the wait for a lock was ended */
	{ 1964, DB_CONFLICT }, /* an earlier transaction could not commit */
	{ 3101, DB_CONFLICT }, /* rolled back at COMMIT: another server's
				* transaction was first (replication) */

	{ CR_SERVER_GONE_ERROR, DB_LOST },
	{ CR_SERVER_LOST, DB_LOST },
	{ CR_SERVER_LOST_EXTENDED, DB_LOST },
	{ CR_ERR_NET_READ, DB_LOST },
	{ CR_ERR_NET_WRITE, DB_LOST },
	{ CR_COMMANDS_OUT_OF_SYNC, DB_LOST },
	{ CR_MALFORMED_PACKET, DB_LOST },
	{ 1927, DB_LOST }, /* connection was killed */
	{ 1180, DB_LOST }, /* error during COMMIT: it may have succeeded */

	{ 1040, DB_AWAY }, /* too many connections */
	{ 1203, DB_AWAY }, /* ... of this user */
	{ 1226, DB_AWAY }, /* ... resources of this user */
	{ 1461, DB_AWAY }, /* too many prepared statements in total */
	{ 1053, DB_AWAY }, /* shutdown in progress */
	{ 1792, DB_AWAY }, /* read only */
	{ 1047, DB_AWAY }, /* a Galera node that is not part of the cluster */

	{ 1366, DB_DATA }, /* incorrect value */
	{ 1265, DB_DATA }, /* truncated */
	{ 1300, DB_DATA }, /* invalid characters */
	{ 1118, DB_DATA }, /* row too large */
	{ 1411, DB_DATA },
	{ 1526, DB_DATA }, /* no partition for the row */
	{ 3819, DB_DATA }, /* refused by a CHECK or a trigger */
	{ 1644, DB_DATA },
	{ 1153, DB_DATA }, /* packet too large: statements are bounded, so it is
			    * a single row */
	{ CR_NET_PACKET_TOO_LARGE, DB_DATA },

	{ 1044, DB_DENIED },
	{ 1130, DB_DENIED }, /* this host may not connect */
	{ 1142, DB_DENIED },
	{ 1143, DB_DENIED },
	{ 1227, DB_DENIED },
	{ 1370, DB_DENIED },
	{ 1820, DB_DENIED }, /* the password has expired */
	{ 1862, DB_DENIED },
	{ 3118, DB_DENIED }, /* the account is locked */
	{ 4150, DB_DENIED },
	{ 4151, DB_DENIED },

	{ 1049, DB_SCHEMA }, /* no such database */
	{ 1356, DB_SCHEMA }, /* a view that refers to a missing table */
	{ 1288, DB_SCHEMA }, /* a view instead of a table: UPDATE */
	{ 1471, DB_SCHEMA }, /* and INSERT */
	{ 1364, DB_SCHEMA }, /* a foreign column without a default */
	{ 1451, DB_SCHEMA }, /* a foreign key that is not ours */
	{ 1062, DB_SCHEMA }, /* a unique key that is not ours */

	{ 1505, DB_BUG }, /* a table without partitions */
	{ 1507, DB_BUG }, /* no such partition: see sink --check */

	{ CR_SSL_CONNECTION_ERROR, DB_CONFIG },
	{ CR_AUTH_PLUGIN_CANNOT_LOAD, DB_CONFIG },
	{ 1665, DB_CONFIG }, /* binlog_format=STATEMENT, READ COMMITTED */
	{ 3159, DB_CONFIG }, /* require_secure_transport */
	{ 1071, DB_CONFIG }, /* innodb_default_row_format: keys of 767 bytes */
	{ 1709, DB_CONFIG },
	{ 1197, DB_CONFIG }, /* max_binlog_cache_size */
	{ 1705, DB_CONFIG }, /* max_binlog_stmt_cache_size */
	{ 1119, DB_CONFIG }, /* thread_stack */
	{ 1436, DB_CONFIG },
	{ 1286, DB_CONFIG }, /* no InnoDB, or enforce_storage_engine */
	{ 4182, DB_CONFIG },
};

/* Causes by the start of the SQLSTATE. */
static const struct {
	const char *state;
	enum db_cause cause;
} classes[] = {
	{ "08", DB_LOST },     /* network errors that the server noticed */
	{ "22", DB_DATA },     /* a value */
	{ "23", DB_DATA },     /* a constraint */
	{ "28", DB_DENIED },   /* user or password */
	{ "40", DB_CONFLICT }, /* rolled back */
	{ "70", DB_CONFLICT }, /* killed by a user, or by its time limit */
	{ "42S", DB_SCHEMA },  /* no such table or column */
	{ "HY", DB_AWAY },     /* the server's own: disk, memory, files */
};

/* Returns the cause of an error number of the server or the client library. */
static enum db_cause
classify(unsigned number, const char *state)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(causes); i++)
		if (causes[i].number == number)
			return causes[i].cause;
	for (i = 0; i < ARRAY_LEN(classes); i++)
		if (strncmp(
			state, classes[i].state, strlen(classes[i].state)) == 0)
			return classes[i].cause;
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

/* The advice if a server is unreachable or busy. */
static const char *
way_back(unsigned number)
{
	switch (number) {
	case 1036:
	case 1290:
	case 1836:
	case 1792:
	case 1874:
		return "make the server writable";
	case 1114:
	case 1021:
	case 1878:
	case 3019:
		return "free disk space on the server";
	case CR_OUT_OF_MEMORY:
		return syserr_way_out(ENOMEM);
	case CR_SOCKET_CREATE_ERROR:
		return syserr_way_out(EMFILE);
	case 1040:
	case 1203:
	case 1226:
		return "close some connections, or allow more";
	case 1461:
		return "raise max_prepared_stmt_count";
	default:
		return number > 1000 && number < CR_MIN_ERROR
			   ? "see the server's error log"
			   : "is it running, and is [mysql] url correct?";
	}
}

/* The advice if a server's setup is unsuitable. */
static const char *
way_to_set_up(unsigned number)
{
	switch (number) {
	case CR_SSL_CONNECTION_ERROR:
		return "check [mysql] ca_file and the server's certificate";
	case 1071:
	case 1709:
		return "set innodb_default_row_format = dynamic";
	case 1119:
	case 1436:
		return "raise thread_stack";
	case 1197:
		return "raise max_binlog_cache_size";
	case 1705:
		return "raise max_binlog_stmt_cache_size";
	default:
		return "change the server's settings";
	}
}

/* Returns advice for the user. */
static const char *
way_out(enum db_cause cause, unsigned number)
{
	switch (cause) {
	case DB_AWAY:
		return way_back(number);
	case DB_DENIED:
		return "check user, password and grants, see "
		       "grants.sql.example";
	case DB_SCHEMA:
		if (number == 1049)
			return "create the database first";
		if (number == 1451)
			return "drop this foreign key, which this program did "
			       "not create";
		return "run `sink --migrate`";
	case DB_CONFIG:
		return way_to_set_up(number);
	case DB_CONFLICT:
		return number == DB_LOCKED ? "another connection holds the "
					     "lock; see SHOW FULL PROCESSLIST"
					   : NULL;
	case DB_FINE:
	case DB_LOST:
	case DB_DATA:
	case DB_BUG:
		break;
	}
	return NULL;
}

enum outcome
db_note(struct db *db, unsigned number, const char *state, const char *text)
{
	const char *way;

	db->number = number;
	db->cause = classify(number, state);
	/* After a connection with TLS has succeeded, later failures are due to
	 * the network. */
	if (number == CR_SSL_CONNECTION_ERROR && db->server.connects > 0)
		db->cause = DB_AWAY;
	buf_setf(&db->why, "database %s: %s (%u)", db_name(db), text, number);
	if (number == DB_LOCKED)
		buf_addf(&db->why, " at '%s'", db->doing);
	way = way_out(db->cause, number);
	if (way != NULL)
		buf_addf(&db->why, "; %s", way);
	if (db->cause == DB_SCHEMA && db->waits_for_tables)
		db->cause = DB_AWAY;
	/* A host that has left its cluster, or is read-only, is passed over.
	 * Even with a single host name, the next connection may lead to another
	 * node. */
	if (db->cause == DB_LOST || number == 1053 || number == 1047 ||
	    (db->url.n_hosts > 1 && (number == 1290 || number == 1836))) {
		db->pass_over = true;
		db_disconnect(db);
	}
	return db_outcome(db->cause);
}

enum outcome
db_failed(struct db *db)
{
	return db_note(db, mysql_errno(db->my), mysql_sqlstate(db->my),
	    mysql_error(db->my));
}

enum outcome
db_refuse(struct db *db, enum db_cause cause, const char *fmt, ...)
{
	va_list ap;

	db->number = 0;
	if (cause == DB_SCHEMA && db->waits_for_tables)
		cause = DB_AWAY;
	db->cause = cause;
	buf_setf(&db->why, "database %s: ", db_name(db));
	va_start(ap, fmt);
	buf_addv(&db->why, fmt, ap);
	va_end(ap);
	return db_outcome(cause);
}

const char *
db_why(const struct db *db)
{
	return buf_str(&db->why);
}

const char *
db_outage(const struct db *db)
{
	return db->cause == DB_DENIED
		   ? "the database refuses this server: the user or the "
		     "password is wrong, or a privilege is missing"
		   : "the database is unavailable";
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
