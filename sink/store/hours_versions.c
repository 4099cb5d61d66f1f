/*
 * hours_versions: see hours_versions.h.
 */
#include "sink/store/hours_versions.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/os/file.h"

/* Appends the text of the file whose line begins `files`. */
static void
add_file(const char *files, const char *line, struct buf *to)
{
	const char *text = strstr(files, line) + strlen(line);
	const char *end = strstr(text, "\n" HOURS_FILE_MARK);

	if (end == NULL)
		buf_adds(to, text);
	else
		buf_add(to, text, (size_t)(end + 1 - text));
}

/* Returns whether a text of the file was stored. */
static bool
read_stored(struct db *db, const char *path, struct buf *text)
{
	char *line = xasprintf(HOURS_FILE_MARK "%s\n", path);
	const struct db_value arg = db_str(line);
	struct db_rows *rows = NULL;
	bool found;

	found = db_connect(db) == OUTCOME_DONE &&
		db_query(db,
		    "SELECT holidays FROM hours_versions "
		    "WHERE LOCATE(?, holidays) > 0 "
		    "ORDER BY first_used_at DESC LIMIT 1",
		    &arg, 1, &rows) == OUTCOME_DONE &&
		db_next(rows);
	if (found)
		add_file(db_get(rows, 0), line, text);
	db_rows_free(rows);
	free(line);
	return found;
}

int
hours_versions_read_file(
    void *db, const char *path, struct buf *text, struct buf *why)
{
	if (file_read_path(path, text) == 0)
		return 0;
	(void)syserr_explain(why, PROG_CONFIG, "cannot read '%s'", path);
	buf_clear(text);
	if (!read_stored(db, path, text))
		return -1;
	log_warn("%s; its holidays are used as last stored", buf_str(why));
	buf_clear(why);
	return 0;
}

/* A tenant's terms that are in use. */
struct used_terms {
	const char *tenant;
	const struct tenant_terms *terms;
};

static enum outcome
store_terms(struct db *db, void *ctx)
{
	const struct used_terms *u = ctx;
	const struct buf *text = terms_text(u->terms);
	const struct buf *files = terms_files(u->terms);
	const struct db_value args[] = { db_str(u->tenant),
		db_str(terms_version_text(u->terms)),
		db_text(buf_str(text), text->len),
		db_text(buf_str(files), files->len), db_time(clock_now_ms()) };

	return db_exec(db,
	    "INSERT IGNORE INTO hours_versions "
	    "(tenant, version, terms, holidays, first_used_at) "
	    "VALUES (?, ?, ?, ?, ?)",
	    args, ARRAY_LEN(args), NULL);
}

enum outcome
hours_versions_store(
    struct db *db, const struct conf *c, const struct terms_book *terms)
{
	struct used_terms u;
	enum outcome o = OUTCOME_DONE;
	size_t i, n = conf_tenants(c);

	for (i = 0; o == OUTCOME_DONE && i < n; i++) {
		u.tenant = conf_tenant(c, i);
		u.terms = terms_of_tenant(terms, text_from(u.tenant));
		if (terms_version(u.terms) != 0)
			o = db_transaction(db, store_terms, &u, false);
	}
	return o;
}
