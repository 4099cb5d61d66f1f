/*
 * tables_opening: see tables_opening.h.
 */
#include "sink/tables/tables_opening.h"

#include "common/base/buf.h"
#include "common/base/log.h"
#include "common/tables/tables.h"

/* No tenant has an empty name. A table that somebody alters is not waited for
 * long. */
static void
open_table(struct db *db, const struct table *t)
{
	struct db_rows *rows = NULL;
	struct buf sql = BUF_INIT;

	if (db_server(db)->mariadb)
		buf_adds(&sql, "SET STATEMENT lock_wait_timeout = 1 FOR ");
	buf_addf(&sql, "SELECT 1 FROM `%s` WHERE tenant = '' LIMIT 1", t->name);
	if (db_query(db, buf_str(&sql), NULL, 0, &rows) != OUTCOME_DONE)
		log_debug("table_unopened", "table=%s why=\"%s\"", t->name,
		    db_why(db));
	db_rows_free(rows);
	buf_release(&sql);
}

void
tables_opening_look(struct db *db, uint64_t *connects)
{
	size_t i;

	if (!db_connected(db) || db_server(db)->connects == *connects)
		return;
	*connects = db_server(db)->connects;
	for (i = 0; i < TABLES; i++)
		if (tables[i].day >= 0)
			open_table(db, &tables[i]);
}
