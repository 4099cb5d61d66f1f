/*
 * migrations: reads the files of sink/migrations, 0001_name.sql and so on, and
 * splits them into statements.
 */
#ifndef SINK_TABLES_MIGRATIONS_H
#define SINK_TABLES_MIGRATIONS_H

#include "common/base/buf.h"
#include "common/base/prog.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct migration_file {
	int64_t number;
	char *name;
	struct buf text;
	char checksum[65]; /* as in schema_migrations, once computed */
};

struct migrations {
	struct migration_file *file;
	size_t n, cap;
};

/* Reads all files of folder dir, which must be numbered from 1 to
 * schema_last without a gap. -1 with *why and *code. */
int migrations_read(struct migrations *f, const char *dir, struct buf *why,
    enum exit_code *code) __attribute__((warn_unused_result));
void migrations_release(struct migrations *f);

/* Reads the next statement of an SQL text into sql, without its semicolon and
 * without comments, and moves *text behind it. False at the end. A statement
 * ends with a semicolon at the end of a line. */
bool migrations_statement(const char **text, struct buf *sql);

/* Rewrites a statement for MySQL, which renames no column IF EXISTS. True if it
 * is another one now, which fails if the column has its new name already. */
bool migrations_for_mysql(struct buf *sql);

#endif
