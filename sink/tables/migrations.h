/*
 * migrations: the files of sink/migrations, 0001_name.sql and so on, and the
 * statements in them.
 */
#ifndef SINK_TABLES_MIGRATIONS_H
#define SINK_TABLES_MIGRATIONS_H

#include "common/base/buf.h"
#include "common/base/prog.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The schema this program was written for: the number of the last file when it
 * was built. */
extern const int64_t migrations_last;

struct migration_file {
	int64_t number;
	char *name;
	struct buf text;
	char checksum[65]; /* as schema_migrations has it, when it is known */
};

struct migrations {
	struct migration_file *file;
	size_t n, cap;
};

/* All files of folder dir, in order, without a gap, up to migrations_last. -1
 * with *why and *code. */
int migrations_read(struct migrations *f, const char *dir, struct buf *why,
    enum exit_code *code) __attribute__((warn_unused_result));
void migrations_release(struct migrations *f);

/* Appends the next statement of an SQL text to sql (without its semicolon,
 * comments left out) and moves *text behind it. False at the end. A statement
 * ends with a semicolon at the end of a line. */
bool migrations_statement(const char **text, struct buf *sql);

#endif
