/*
 * repair: see repair.h.
 */
#include "sink/tables/repair.h"

#include <string.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "sink/tables/schema.h"

/* The server's error number: no such table. */
enum { NO_SUCH_TABLE = 1146 };

/* Lists the days for the tables below. */
static const char DUE[] = "rollups_due";

/* Where one of these was missing, what is stored is to be added up again. */
static const char *const sums[] = { DUE, "response_rollups",
	"message_analytics_hours" };

static const char *const note_days[] = {
	"INSERT INTO rollups_due (tenant, day) "
	"SELECT DISTINCT tenant, DATE(`hour`) FROM response_hours "
	"ON DUPLICATE KEY UPDATE done = 0",
	"INSERT INTO rollups_due (tenant, day) "
	"SELECT DISTINCT tenant, DATE(`hour`) FROM response_hours_parts "
	"ON DUPLICATE KEY UPDATE done = 0",
	"INSERT INTO rollups_due (tenant, day) "
	"SELECT DISTINCT tenant, DATE(created_at) FROM message_analytics "
	"ON DUPLICATE KEY UPDATE done = 0",
};

/* The result of a comparison. */
struct schema_differences {
	struct buf due;     /* statements, one a line, that make DUE */
	struct buf repairs; /* the other ones */
	struct buf remains; /* the first one that a person has to repair */
	size_t others;      /* further ones that a person has to repair */
	size_t n;           /* in all */
	bool sums;          /* one of these tables is missing */
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
		buf_addf(&all->due, "%s\n", d->sql);
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

	buf_clear(&all->due);
	buf_clear(&all->repairs);
	buf_clear(&all->remains);
	all->n = all->others = 0;
	all->sums = false;
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
	}
	buf_release(&sql);
	return o;
}

/* A table that is missing, too, has no days. */
static enum outcome
note_stored_days(struct db *db)
{
	enum outcome o = OUTCOME_DONE;
	size_t i;

	for (i = 0; i < ARRAY_LEN(note_days) && o == OUTCOME_DONE; i++) {
		o = db_exec(db, note_days[i], NULL, 0, NULL);
		if (o == OUTCOME_NEVER && db_errno(db) == NO_SUCH_TABLE)
			o = OUTCOME_DONE;
	}
	return o;
}

/* The days come before the tables, whose absence tells that they are due. */
static enum outcome
make_tables(struct db *db, const struct schema_differences *all)
{
	enum outcome o = execute_lines(db, &all->due);

	if (o == OUTCOME_DONE && all->sums)
		o = note_stored_days(db);
	return o == OUTCOME_DONE ? execute_lines(db, &all->repairs) : o;
}

/* Whatever is missing; then it is looked for again. */
static enum outcome
make_missing(
    struct db *db, const struct schema *s, struct schema_differences *all)
{
	enum outcome o = make_tables(db, all);

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
	buf_release(&all.due);
	buf_release(&all.repairs);
	buf_release(&all.remains);
	schema_free(s);
	return o;
}
