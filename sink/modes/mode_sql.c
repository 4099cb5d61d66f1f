/*
 * mode_sql: sink --sql: runs one statement on the configured database and
 * prints its rows, for scripts and people, who then need no client and no
 * password.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/base/prog.h"
#include "common/base/xalloc.h"
#include "sink/api/sheet.h"
#include "sink/modes/modes.h"

static void
write_lines(struct db_rows *r, struct buf *to)
{
	size_t i, n = db_columns(r);
	struct sheet_column *columns = xcalloc(n, sizeof *columns);
	struct sheet sheet;

	for (i = 0; i < n; i++) {
		columns[i].name = db_column_name(r, i);
		columns[i].type =
		    db_column_is_number(r, i) ? SHEET_NUMBER : SHEET_TEXT;
	}
	sheet_begin(&sheet, to, SHEET_NDJSON, columns, n);
	while (db_next(r))
		sheet_row(&sheet, r);
	sheet_end(&sheet);
	free(columns);
}

static void
write_table(struct db_rows *r, enum output_format format, struct buf *to)
{
	size_t i, n = db_columns(r);
	struct output_column *columns = xcalloc(n, sizeof *columns);
	struct output_table table;

	for (i = 0; i < n; i++) {
		columns[i].title = db_column_name(r, i);
		columns[i].kind =
		    db_column_is_number(r, i) ? OUTPUT_NUMBER : OUTPUT_TEXT;
	}
	output_table_init(&table, columns, n);
	table.width = output_width();
	while (db_next(r))
		for (i = 0; i < n; i++)
			output_table_cell(&table, db_get(r, i));
	output_table_show(&table, format, to);
	output_table_release(&table);
	free(columns);
}

static enum exit_code
run_statement(struct sink *s, struct db **db)
{
	enum output_format format = output_format_resolve(s->format);
	struct buf text = BUF_INIT;
	struct db_rows *rows = NULL;

	if (db_query(*db, s->sql, NULL, 0, &rows) != OUTCOME_DONE) {
		log_error("%s", db_why(*db));
		/* The statement is the user's, not ours. */
		return db_cause(*db) == DB_BUG ? PROG_USAGE : db_code(*db);
	}
	if (db_columns(rows) > 0 && format == OUTPUT_NDJSON)
		write_lines(rows, &text);
	else if (db_columns(rows) > 0)
		write_table(rows, format, &text);
	(void)fwrite(buf_str(&text), 1, text.len, stdout);
	db_rows_free(rows);
	buf_release(&text);
	return prog_flush();
}

static const struct option_row rows[] = {
	OPTION_FORMAT(struct sink, format),
};

static enum exit_code
run_sql(void *options)
{
	return sink_with_db(options, run_statement);
}

const struct option_mode sink_mode_sql = {
	.choice = OPTION_TEXT(0, "sql", "STATEMENT", struct sink, sql,
	    "run a statement of SQL, and print its rows"),
	.about = "Runs a statement of SQL as the user of the configured "
		 "database, and prints\nits rows.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.run = run_sql,
};
