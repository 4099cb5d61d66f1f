/*
 * db_ahead: how text statements are sent, and when their answers are read. Some
 * are sent ahead: their answers are read before that of the next statement; so
 * the beginning of a transaction and its first query cost one round trip
 * together. See db_impl.h.
 *
 * The server answers in the order of the statements. Only a query goes behind
 * statements whose answers are unread: should one of them fail, as START
 * TRANSACTION may when it is killed, the query has read something in vain.
 * Before anything else the answers are read: no row is changed outside its
 * transaction.
 */
#include <mysql.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/db/db.h"
#include "common/db/db_impl.h"

/* A step of a transaction begins no connection anew, as db_exec() does: what
 * was done before it went with the old one. */
static enum outcome
send_unread(struct db *db, const char *sql, size_t len)
{
	if (db->my == NULL)
		return db_refuse(db, DB_LOST, "the connection is lost");
	db_doing(db, sql);
	db->used_ms = clock_mono_ms();
	if (mysql_send_query(db->my, sql, (unsigned long)len) != 0)
		return db_failed(db);
	return OUTCOME_DONE;
}

static enum outcome
read_result(struct db *db)
{
	return mysql_read_query_result(db->my) == 0 ? OUTCOME_DONE
						    : db_failed(db);
}

enum outcome
db_send(struct db *db, const char *sql, size_t len)
{
	enum outcome o = db_read_answers(db);

	if (o == OUTCOME_DONE)
		o = send_unread(db, sql, len);
	return o == OUTCOME_DONE ? read_result(db) : o;
}

enum outcome
db_send_ahead(struct db *db, const char *sql)
{
	enum outcome o;

	if (clock_mono_ms() - db->used_ms >= DB_RESTED_MS)
		return db_send(db, sql, strlen(sql));
	o = send_unread(db, sql, strlen(sql));
	db->unread += o == OUTCOME_DONE;
	return o;
}

enum outcome
db_read_answers(struct db *db)
{
	enum outcome o = OUTCOME_DONE;

	if (db->unread == 0)
		return o;
	while (db->unread > 0) {
		db->unread--;
		if (mysql_read_query_result(db->my) != 0 && o == OUTCOME_DONE)
			o = db_failed(db); /* 0 are left if it is broken */
	}
	db->begun = o == OUTCOME_DONE;
	return o;
}

/* Reads the answer of a query in vain, unless the connection broke. */
static void
drop_answer(struct db *db)
{
	if (db->my != NULL && mysql_read_query_result(db->my) == 0)
		mysql_free_result(mysql_store_result(db->my));
}

enum outcome
db_send_query(struct db *db, const char *sql, size_t len)
{
	enum outcome o = send_unread(db, sql, len);

	if (o != OUTCOME_DONE)
		return o;
	o = db_read_answers(db);
	if (o == OUTCOME_DONE)
		return read_result(db);
	drop_answer(db);
	return o;
}
