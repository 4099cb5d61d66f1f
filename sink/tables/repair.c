/*
 * repair: see repair.h.
 */
#include "sink/tables/repair.h"

#include <string.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "sink/tables/schema.h"

/* The server's error numbers: no such table; the column exists. */
enum { NO_SUCH_TABLE = 1146, HAS_COLUMN = 1060 };

/* Lists the days for the tables below. It has its name only once it has them:
 * else a repair that was interrupted would not be seen. */
#define DUE "rollups_due"
#define DUE_UNFINISHED "rollups_due_unfinished"

/* Where one of these was missing, what is stored is to be added up again. */
static const char *const sums[] = { DUE, "response_rollups",
	"message_analytics_hours" };

/* Tables whose days are due then, by the column. */
static const struct {
	const char *table, *time;
} summed[] = {
	{ "response_hours", "hour" },
	{ "response_hours_parts", "hour" },
	{ "message_analytics", "created_at" },
};

/* The result of a comparison. */
struct schema_differences {
	struct buf repairs; /* statements, one a line */
	struct buf remains; /* the first one that a person has to repair */
	size_t others;      /* further ones that a person has to repair */
	size_t n;           /* in all */
	bool sums;          /* one of these tables is missing */
	bool due;           /* DUE is */
};

static void
collect_difference(void *ctx, const struct schema_difference *d)
{
	struct schema_differences *all = ctx;
	size_t i;

	all->n++;
	for (i = 0; d->made != NULL && i < ARRAY_LEN(sums); i++)
		all->sums |= strcmp(d->made, sums[i]) == 0;
	if (!d->harmless && all->remains.len == 0)
		buf_setf(&all->remains, "%s; type: %s", d->what, d->sql);
	else if (!d->harmless)
		all->others++;
	else if (d->made != NULL && strcmp(d->made, DUE) == 0)
		all->due = true;
	else if (d->sql != NULL)
		buf_addf(&all->repairs, "%s\n", d->sql);
	if (d->harmless)
		log_info("schema_lacks", "what=\"%s\"", d->what);
}

static enum outcome
find_differences(
    struct db *db, const struct schema *s, struct schema_differences *all)
{
	enum outcome o;

	buf_clear(&all->repairs);
	buf_clear(&all->remains);
	all->n = all->others = 0;
	all->sums = all->due = false;
	o = schema_compare(db, s, collect_difference, all);
	if (all->others > 0)
		buf_addf(&all->remains,
		    "; `sink --check` shows the other %zu, too", all->others);
	return o;
}

static enum outcome
execute_lines(struct db *db, const struct buf *lines)
{
	const char *p = buf_str(lines);
	struct buf sql = BUF_INIT;
	enum outcome o = OUTCOME_DONE;
	size_t len;

	for (; *p != '\0' && o == OUTCOME_DONE; p += len + 1) {
		len = strcspn(p, "\n");
		buf_clear(&sql);
		buf_add(&sql, p, len);
		o = db_exec(db, buf_str(&sql), NULL, 0, NULL);
		/* Of a repair that was interrupted. */
		if (o == OUTCOME_NEVER && db_errno(db) == HAS_COLUMN)
			o = OUTCOME_DONE;
	}
	buf_release(&sql);
	return o;
}

/* A table that is missing, too, has no days. */
static enum outcome
note_stored_days(struct db *db, const char *due)
{
	enum outcome o = OUTCOME_DONE;
	struct buf sql = BUF_INIT;
	size_t i;

	for (i = 0; i < ARRAY_LEN(summed) && o == OUTCOME_DONE; i++) {
		buf_setf(&sql,
		    "INSERT INTO %s (tenant, day) "
		    "SELECT DISTINCT tenant, DATE(`%s`) FROM %s "
		    "ON DUPLICATE KEY UPDATE done = 0",
		    due, summed[i].time, summed[i].table);
		o = db_exec(db, buf_str(&sql), NULL, 0, NULL);
		if (o == OUTCOME_NEVER && db_errno(db) == NO_SUCH_TABLE)
			o = OUTCOME_DONE;
	}
	buf_release(&sql);
	return o;
}

static enum outcome
make_due(struct db *db, const struct schema *s)
{
	enum outcome o = schema_make_table(db, s, DUE, DUE_UNFINISHED);

	if (o == OUTCOME_DONE)
		o = note_stored_days(db, DUE_UNFINISHED);
	if (o == OUTCOME_DONE)
		o = db_exec(db, "RENAME TABLE " DUE_UNFINISHED " TO " DUE, NULL,
		    0, NULL);
	return o;
}

/* The days come before the tables, whose absence tells that they are due. */
static enum outcome
make_tables(
    struct db *db, const struct schema *s, const struct schema_differences *all)
{
	enum outcome o = OUTCOME_DONE;

	if (all->due)
		o = make_due(db, s);
	else if (all->sums)
		o = note_stored_days(db, DUE);
	return o == OUTCOME_DONE ? execute_lines(db, &all->repairs) : o;
}

/* Whatever is missing; then it is looked for again. */
static enum outcome
make_missing(
    struct db *db, const struct schema *s, struct schema_differences *all)
{
	enum outcome o = make_tables(db, s, all);

	if (o == OUTCOME_DONE)
		o = schema_write_rows(db, s);
	if (o == OUTCOME_DONE)
		o = schema_write_views(db, s);
	if (o == OUTCOME_DONE && all->n > 0)
		o = find_differences(db, s, all);
	return o;
}

enum outcome
repair_schema(struct db *db, const struct migrations *files, struct buf *why,
    enum exit_code *code)
{
	struct schema *s = schema_read(files);
	struct schema_differences all = { .n = 0 };
	enum outcome o = find_differences(db, s, &all);

	/* Repairs may fail while a person has something to repair. */
	if (o == OUTCOME_DONE && all.remains.len == 0)
		o = make_missing(db, s, &all);
	if (o == OUTCOME_DONE && all.n > 0) {
		if (all.remains.len > 0)
			buf_setf(why, "%s", buf_str(&all.remains));
		else
			buf_setf(why,
			    "the schema is not what it should be, and cannot "
			    "be repaired; `sink --check` shows what differs");
		*code = PROG_CONFIG;
		o = OUTCOME_NEVER;
	}
	buf_release(&all.repairs);
	buf_release(&all.remains);
	schema_free(s);
	return o;
}
