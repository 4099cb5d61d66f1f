/*
 * schema_number: the number of the newest row in schema_migrations; see
 * schema_number.h.
 */
#include "common/db/schema_number.h"

#include "common/db/db.h"

enum { NO_SUCH_TABLE = 1146 };

const int64_t schema_last = 1;

enum outcome
schema_number(struct db *db, int64_t *number)
{
	struct db_rows *rows;
	enum outcome o;

	*number = 0;
	o = db_query(db,
	    "SELECT COALESCE(MAX(number), 0) FROM schema_migrations", NULL, 0,
	    &rows);
	if (o == OUTCOME_NEVER && db_errno(db) == NO_SUCH_TABLE)
		return OUTCOME_DONE;
	if (o == OUTCOME_DONE && db_next(rows))
		*number = db_get_int(rows, 0);
	db_rows_free(rows);
	return o;
}

const char *
schema_objection(int64_t number)
{
	if (number == 0)
		return "the database does not have our tables yet; run `sink "
		       "--migrate`";
	if (number < schema_last)
		return "the schema of the database is older than this program; "
		       "run `sink --migrate`";
	if (number > schema_last + 1)
		return "the schema of the database is newer than this program; "
		       "install the newer version";
	return NULL;
}
