/*
 * mode_migrate: sink --migrate: creates the schema in a new database, or
 * refuses a schema that differs, with advice. It also creates all views again.
 *
 * The table schema_migrations has the number of the schema. It is written last:
 * until then a killed migration is repeated from its start. Every statement may
 * run again, also in another migration at the same time.
 */
#include "common/base/clock.h"
#include "common/base/fault.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/db/db.h"
#include "common/db/schema_number.h"
#include "sink/modes/modes.h"
#include "sink/tables/schema.h"

/* The state of one attempt. */
struct migration {
	struct db *db;
	struct schema schema;
	int64_t was; /* the schema's number before; -1: none */
	size_t differences;
	struct buf why;
	enum exit_code code;
};

static enum outcome
refuse_migration(struct migration *m, enum exit_code code)
{
	m->code = code;
	return OUTCOME_NEVER;
}

static enum outcome
execute(struct migration *m, const char *sql)
{
	enum outcome o = db_exec(m->db, sql, NULL, 0, NULL);

	FAULT_POINT("sink.schema_statement");
	return o;
}

static enum outcome
make_table(struct migration *m, const struct table *t)
{
	struct buf sql = BUF_INIT;
	enum outcome o;

	schema_add_table(&sql, t);
	o = execute(m, buf_str(&sql));
	buf_release(&sql);
	return o;
}

static enum outcome
read_number(struct migration *m)
{
	struct db_rows *rows;
	enum outcome o = make_table(m, &tables[TABLE_schema_migrations]);

	m->was = -1;
	if (o == OUTCOME_DONE)
		o = db_query(m->db, "SELECT MAX(number) FROM schema_migrations",
		    NULL, 0, &rows);
	if (o != OUTCOME_DONE)
		return o;
	if (db_next(rows) && db_get(rows, 0) != NULL)
		m->was = db_get_int(rows, 0);
	db_rows_free(rows);
	if (m->was <= schema_last)
		return OUTCOME_DONE;
	buf_setf(&m->why, "the schema of the database is newer than this "
			  "program; install the newer version");
	return refuse_migration(m, PROG_CONFIG);
}

static enum outcome
write_schema_number(struct migration *m)
{
	struct db_value row[] = { db_int(schema_last),
		db_time(clock_now_ms()) };

	return db_exec(m->db,
	    "INSERT IGNORE INTO schema_migrations (number, applied_at) "
	    "VALUES (?, ?)",
	    row, ARRAY_LEN(row), NULL);
}

static enum outcome
make_tables(struct migration *m)
{
	enum outcome o = OUTCOME_DONE;
	size_t i;

	for (i = 0; i < TABLES_STORED && o == OUTCOME_DONE; i++)
		o = make_table(m, &tables[i]);
	return o;
}

static void
note_difference(void *ctx, const struct schema_difference *d)
{
	struct migration *m = ctx;

	if (m->differences++ == 0)
		buf_setf(&m->why, "%s; %s", d->what, d->way_out);
}

/* Refuses tables that differ from their declaration. */
static enum outcome
compare_tables(struct migration *m)
{
	enum outcome o;

	m->differences = 0;
	o = schema_compare_tables(m->db, note_difference, m);
	if (o != OUTCOME_DONE || m->differences == 0)
		return o;
	if (m->differences > 1)
		buf_addf(&m->why, "; then run this again for the other %zu",
		    m->differences - 1);
	return refuse_migration(m, PROG_CONFIG);
}

static enum outcome
make_views(struct migration *m)
{
	enum outcome o = OUTCOME_DONE;
	size_t i;

	for (i = 0; i < m->schema.views && o == OUTCOME_DONE; i++)
		o = execute(m, m->schema.view[i].sql);
	return o;
}

static enum outcome
migrate_schema(struct db *db, void *ctx)
{
	struct migration *m = ctx;
	enum outcome o;

	db_no_trans(db);
	buf_clear(&m->why);
	m->code = PROG_OK;
	o = read_number(m);
	if (o == OUTCOME_DONE && m->was < 0)
		o = make_tables(m);
	if (o == OUTCOME_DONE)
		o = compare_tables(m);
	if (o == OUTCOME_DONE)
		o = make_views(m);
	/* Commit point: from here on, the tables are not created again. */
	if (o == OUTCOME_DONE && m->was < schema_last)
		o = write_schema_number(m);
	if (o == OUTCOME_DONE)
		log_info("schema", "number=%lld was=%lld",
		    (long long)schema_last, (long long)m->was);
	return o;
}

static enum exit_code
migrate_database(struct sink *s, struct db **db)
{
	struct migration m = { .db = *db };
	enum exit_code code = PROG_OK;

	(void)s;
	schema_init(&m.schema);
	sink_allow_long_statements(*db);
	if (db_transaction(*db, migrate_schema, &m, false) != OUTCOME_DONE) {
		/* m.why explains our own refusals, db_why() all others. */
		code = m.code != PROG_OK ? m.code : db_code(*db);
		log_error(
		    "%s", m.code != PROG_OK ? buf_str(&m.why) : db_why(*db));
	}
	schema_release(&m.schema);
	buf_release(&m.why);
	return code;
}

static enum exit_code
run_migrate(void *options)
{
	return sink_with_db(options, migrate_database);
}

const struct option_mode sink_mode_migrate = {
	.choice = OPTION_MODE("migrate", "create or compare the tables"),
	.about = "Creates the tables, or rejects those that differ.\n",
	.run = run_migrate,
};
