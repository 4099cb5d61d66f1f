/*
 * now_state: see now_state.h.
 *
 * A stored row has a version, which only rises, so the sum of them changes with
 * each row that is written, and their number with each that is deleted. The
 * names of customers are counted, too: one that is forgotten (reaper --forget)
 * goes without a version. The views are not asked: they compute what the
 * versions of their parts tell, and which generation of these counts.
 */
#include "sink/api/now_state.h"

#include "common/base/xalloc.h"
#include "common/digest/checksum.h"
#include "sink/api/question.h"

#define OF_TENANT " WHERE tenant = ?"
#define AND_OF " UNION ALL SELECT COUNT(*), SUM(version), 0 FROM "

static const char statement[] =
    "SELECT COUNT(*), SUM(version), COUNT(customer_name) "
    "FROM chat_metrics" OF_TENANT AND_OF "operator_metrics" OF_TENANT AND_OF
    "operator_metrics_parts" OF_TENANT AND_OF "tenant_metrics" OF_TENANT AND_OF
    "tenant_metrics_parts" OF_TENANT
    " UNION ALL SELECT generation, 0, 0 FROM generations";

#define COLUMNS 3
#define TENANTS 5

bool
now_state(const struct viewer *viewer, struct db *db, int64_t timeout_ms,
    uint64_t *state)
{
	struct web_answer unused = { .status = 200 };
	struct question q = { .answer = &unused,
		.db = db,
		.viewer = *viewer,
		.timeout_ms = timeout_ms };
	struct db_value args[TENANTS - 1];
	struct db_rows *rows = NULL;
	bool asked;
	size_t i;

	for (i = 0; i < ARRAY_LEN(args); i++)
		args[i] = db_str(viewer->tenant);
	asked = question_ask(&q, statement, args, ARRAY_LEN(args), &rows);
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
