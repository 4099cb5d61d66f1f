/*
 * check_guards: see check_guards.h.
 */
#include "sink/check/check_guards.h"

#include "common/base/xalloc.h"
#include "common/tables/tables.h"

/* Our table and its guard; our schema has none. */
static const char GUARDS[] =
    "SELECT t, guard FROM ("
    "SELECT event_object_table t, CONCAT('trigger ', trigger_name) guard "
    "FROM information_schema.triggers WHERE event_object_schema = DATABASE() "
    "UNION ALL SELECT table_name, CONCAT(IF(constraint_type = 'CHECK', "
    "'constraint ', 'foreign key '), constraint_name) "
    "FROM information_schema.table_constraints "
    "WHERE table_schema = DATABASE() "
    "AND constraint_type IN ('CHECK', 'FOREIGN KEY') "
    "UNION ALL SELECT referenced_table_name, CONCAT('foreign key ', "
    "constraint_name, ' of ', table_name) "
    "FROM information_schema.referential_constraints "
    "WHERE unique_constraint_schema = DATABASE() "
    "UNION ALL SELECT table_name, 'the history (SYSTEM VERSIONING)' "
    "FROM information_schema.tables WHERE table_schema = DATABASE() "
    "AND table_type = 'SYSTEM VERSIONED') guards WHERE t IN (";

enum outcome
check_guards(struct check_report *r)
{
	static const char name[] = "triggers and constraints";
	struct buf sql = BUF_INIT;
	struct db_rows *rows;
	enum outcome o;
	size_t i, n = 0;

	buf_adds(&sql, GUARDS);
	for (i = 0; i < TABLES_STORED; i++)
		buf_addf(&sql, "%s'%s'", i > 0 ? ", " : "", tables[i].name);
	buf_adds(&sql, ") ORDER BY t, guard");
	o = db_query(r->db, buf_str(&sql), NULL, 0, &rows);
	for (; o == OUTCOME_DONE && db_next(rows); n++) {
		buf_setf(&sql, "%s of %s", db_get(rows, 1), db_get(rows, 0));
		check_report_item(r, CHECK_ADVICE, name, buf_str(&sql),
		    "not ours; it may change rows, or refuse them");
	}
	if (o == OUTCOME_DONE && n == 0)
		check_report_item(
		    r, CHECK_FINE, name, "none that this user may see", "");
	db_rows_free(rows);
	buf_release(&sql);
	return o;
}
