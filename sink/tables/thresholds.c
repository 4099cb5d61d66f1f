/*
 * thresholds: see thresholds.h.
 */
#include "sink/tables/thresholds.h"

#include "common/base/xalloc.h"

/* Keys of [aggregator], which are the names in metric_settings, too. */
static const char *const thresholds[] = {
	"alert_minute",
	"alert_five_minutes",
	"trend_count",
};

enum outcome
thresholds_write(struct db *db, const struct conf *conf)
{
	enum outcome o = OUTCOME_DONE;
	size_t i;

	for (i = 0; i < ARRAY_LEN(thresholds) && o == OUTCOME_DONE; i++) {
		struct db_value row[2] = { db_str(thresholds[i]),
			db_int(conf_int(conf, "aggregator", thresholds[i])) };

		o = db_exec(db,
		    "INSERT INTO metric_settings (name, value) VALUES (?, ?) "
		    "ON DUPLICATE KEY UPDATE value = VALUES(value)",
		    row, 2, NULL);
	}
	return o;
}

/* Compares one threshold with its row, if there is one. */
static void
compare_threshold(
    struct db_rows *rows, const char *name, int64_t wanted, struct buf *to)
{
	bool found = db_next(rows);

	if (found && db_get_int(rows, 0) == wanted)
		return;
	buf_addf(to, "%s%s is %s, in [aggregator] %lld",
	    to->len > 0 ? ", " : "", name, found ? db_get(rows, 0) : "missing",
	    (long long)wanted);
}

enum outcome
thresholds_compare(struct db *db, const struct conf *conf, struct buf *differ)
{
	enum outcome o = OUTCOME_DONE;
	struct db_rows *rows;
	size_t i;

	for (i = 0; i < ARRAY_LEN(thresholds) && o == OUTCOME_DONE; i++) {
		struct db_value name = db_str(thresholds[i]);

		o = db_query(db,
		    "SELECT value FROM metric_settings WHERE name = ?", &name,
		    1, &rows);
		if (o == OUTCOME_DONE)
			compare_threshold(rows, thresholds[i],
			    conf_int(conf, "aggregator", thresholds[i]),
			    differ);
		db_rows_free(rows);
	}
	return o;
}
