/*
 * thresholds: see thresholds.h.
 */
#include "sink/tables/thresholds.h"

#include <string.h>

#include "common/base/xalloc.h"

/* Keys of [aggregator], which are also the names in metric_settings. */
static const char *const thresholds[] = {
	"alert_minute",
	"alert_five_minutes",
	"trend_count",
	"definition",
};

/* 1: Chatwoot's definition. */
static int64_t
value_of(const struct conf *conf, const char *key)
{
	if (strcmp(key, "definition") != 0)
		return conf_int(conf, "aggregator", key);
	return strcmp(conf_text(conf, "aggregator", key), "chatwoot") == 0;
}

enum outcome
thresholds_write(struct db *db, const struct conf *conf)
{
	enum outcome o = OUTCOME_DONE;
	size_t i;

	for (i = 0; i < ARRAY_LEN(thresholds) && o == OUTCOME_DONE; i++) {
		struct db_value row[2] = { db_str(thresholds[i]),
			db_int(value_of(conf, thresholds[i])) };

		o = db_exec(db,
		    "INSERT INTO metric_settings (name, value) VALUES (?, ?) "
		    "ON DUPLICATE KEY UPDATE value = VALUES(value)",
		    row, 2, NULL);
	}
	return o;
}

/* Compares a threshold with its row, if there is one. Without a row the
 * definition counts as 0. */
static void
compare_threshold(
    struct db_rows *rows, const char *name, int64_t wanted, struct buf *to)
{
	bool found = db_next(rows);

	if (found ? db_get_int(rows, 0) == wanted
		  : wanted == 0 && strcmp(name, "definition") == 0)
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
			    value_of(conf, thresholds[i]), differ);
		db_rows_free(rows);
	}
	return o;
}
