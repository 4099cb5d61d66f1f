/*
 * now_state: see now_state.h.
 *
 * Each transaction that changes rows of a tenant takes slots of it first
 * (common/db/tenant_lock.h), so the sum of their uses rises with its commit:
 * 16 rows are read, however many chats are open. Which generation of shards
 * counts is in a table of its own.
 */
#include "sink/api/now_state.h"

#include "common/digest/checksum.h"
#include "sink/api/question.h"

static const char statement[] =
    "SELECT SUM(uses), (SELECT MAX(generation) FROM generations) "
    "FROM tenant_locks WHERE tenant = ?";

#define COLUMNS 2

bool
now_state(const struct viewer *viewer, struct db *db, int64_t timeout_ms,
    uint64_t *state)
{
	struct web_answer unused = { .status = 200 };
	struct question q = { .answer = &unused,
		.db = db,
		.viewer = *viewer,
		.timeout_ms = timeout_ms };
	struct db_rows *rows = NULL;
	bool asked;
	size_t i;

	asked = question_ask(&q, statement, NULL, 0, &rows);
	*state = 0;
	while (asked && db_next(rows)) {
		for (i = 0; i < COLUMNS; i++) {
			if (db_get(rows, i) != NULL)
				*state = checksum(*state, db_get(rows, i),
				    db_get_len(rows, i) + 1);
		}
	}
	db_rows_free(rows);
	buf_release(&unused.body);
	buf_release(&unused.headers);
	return asked;
}
