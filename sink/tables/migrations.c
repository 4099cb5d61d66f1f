/*
 * migrations: see migrations.h.
 */
#include "sink/tables/migrations.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/db/schema_number.h"

/* Bytes of the largest file, plus one. */
#define FILE_MAX (1024 * 1024)

void
migrations_release(struct migrations *f)
{
	size_t i;

	for (i = 0; i < f->n; i++) {
		free(f->file[i].name);
		buf_release(&f->file[i].text);
	}
	free(f->file);
}

/* "0001_name.sql" -> 1; 0 for any other name. */
static int64_t
file_number(const char *name)
{
	size_t digits = strspn(name, "0123456789"), len = strlen(name);

	if (digits != 4 || name[4] != '_' || len < 10 ||
	    strcmp(name + len - 4, ".sql") != 0)
		return 0;
	return strtol(name, NULL, 10);
}

static int
by_migration_number(const void *a, const void *b)
{
	const struct migration_file *f = a, *g = b;

	return (f->number > g->number) - (f->number < g->number);
}

static int
read_migration(struct migration_file *f, const char *dir, struct buf *why,
    enum exit_code *code)
{
	char *path = xasprintf("%s/%s", dir, f->name), *room;
	FILE *in = fopen(path, "re");
	size_t n;
	int rc = -1;

	if (in == NULL) {
		*code =
		    syserr_explain(why, PROG_CONFIG, "cannot open '%s'", path);
		goto out;
	}
	room = buf_room(&f->text, FILE_MAX);
	n = fread(room, 1, FILE_MAX, in);
	buf_grown(&f->text, n);
	if (ferror(in))
		*code =
		    syserr_explain(why, PROG_CONFIG, "cannot read '%s'", path);
	else if (n == FILE_MAX || n == 0)
		buf_setf(why, "cannot read '%s': it is %s", path,
		    n > 0 ? "too large" : "empty");
	else
		rc = 0;
	fclose(in);
out:
	free(path);
	return rc;
}

int
migrations_read(struct migrations *f, const char *dir, struct buf *why,
    enum exit_code *code)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	int64_t number;
	size_t i;

	if (d == NULL) {
		*code = syserr_explain(why, PROG_CONFIG,
		    "cannot open '%s', which is installed with the program",
		    dir);
		return -1;
	}
	while ((entry = readdir(d)) != NULL) {
		number = file_number(entry->d_name);
		if (number == 0)
			continue;
		XGROW(f->file, f->n, f->cap);
		memset(&f->file[f->n], 0, sizeof f->file[f->n]);
		f->file[f->n].number = number;
		f->file[f->n++].name = xstrdup(entry->d_name);
	}
	closedir(d);
	if (f->n > 0)
		qsort(f->file, f->n, sizeof *f->file, by_migration_number);
	for (i = 0; i < f->n; i++) {
		if (f->file[i].number != (int64_t)i + 1)
			break;
		if (read_migration(&f->file[i], dir, why, code) != 0)
			return -1;
	}
	if (i == f->n && (int64_t)f->n == schema_last)
		return 0;
	buf_setf(why,
	    "'%s' should hold the migrations 0001 to %04d and does not; "
	    "install program and data of one version",
	    dir, (int)schema_last);
	return -1;
}

bool
migrations_statement(const char **text, struct buf *sql)
{
	const char *line = *text, *end, *last;

	buf_clear(sql);
	for (; *line != '\0'; line = end) {
		end = strchr(line, '\n');
		end = end != NULL ? end + 1 : line + strlen(line);
		last = line;
		while (last < end && (*last == ' ' || *last == '\t'))
			last++;
		if (strncmp(last, "--", 2) == 0 || *last == '\n')
			continue;
		buf_add(sql, line, (size_t)(end - line));
		for (last = end; last > line && strchr(" \t\r\n", last[-1]);)
			last--;
		if (last > line && last[-1] == ';') {
			buf_cut(sql, sql->len - (size_t)(end - last) - 1);
			*text = end;
			return true;
		}
	}
	*text = line;
	return sql->len > 0;
}

bool
migrations_for_mysql(struct buf *sql)
{
	static const char rename[] = "RENAME COLUMN ", only[] = "IF EXISTS ";
	char *p = strstr(buf_str(sql), rename);

	if (p == NULL || strncmp(p + strlen(rename), only, strlen(only)) != 0)
		return false;
	p += strlen(rename);
	memmove(p, p + strlen(only), strlen(p + strlen(only)) + 1);
	buf_cut(sql, sql->len - strlen(only));
	return true;
}
