/*
 * db_grant: the statement that gives our user a right that is missing; see
 * db.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/db/db_impl.h"

void
db_keep_account(struct db *db, const char *current_user)
{
	const char *host = strrchr(current_user, '@');
	char *user;

	buf_clear(&db->account);
	if (host == NULL)
		return;
	user = xstrndup(current_user, (size_t)(host - current_user));
	db_quote(db, &db->account, db_str(user));
	buf_addc(&db->account, '@');
	db_quote(db, &db->account, db_str(host + 1));
	free(user);
}

/* As a name between backticks; with `all`, where _ and % stand for others. */
static void
add_schema(const char *name, bool all, struct buf *to)
{
	for (; *name != '\0'; name++) {
		if (*name == '`')
			buf_addc(to, '`');
		if (all && (*name == '_' || *name == '%'))
			buf_addc(to, '\\');
		buf_addc(to, *name);
	}
}

void
db_grant(
    const struct db *db, const char *rights, const char *table, struct buf *to)
{
	bool all = strcmp(table, "*") == 0;
	const char *quote = all ? "" : "`";

	/* MySQL wants CREATE, too, for a new partition. */
	buf_addf(to, "GRANT %s%s ON `", rights,
	    strstr(rights, "ALTER") != NULL && !db_server(db)->mariadb
		? ", CREATE"
		: "");
	add_schema(db->url.path, all, to);
	buf_addf(
	    to, "`.%s%s%s TO %s", quote, table, quote, buf_str(&db->account));
}

/* Rights on rows; all others are for the user who makes the tables. */
static bool
are_of_rows(const char *rights)
{
	static const char *const of_rows[] = { "SELECT", "INSERT", "UPDATE",
		"DELETE" };
	size_t i, len;

	for (; *rights != '\0'; rights += len + strspn(rights + len, ", ")) {
		len = strcspn(rights, ",");
		for (i = 0; i < ARRAY_LEN(of_rows); i++) {
			if (strlen(of_rows[i]) == len &&
			    strncmp(of_rows[i], rights, len) == 0)
				break;
		}
		if (i == ARRAY_LEN(of_rows))
			return false;
	}
	return true;
}

/* Reads "INSERT, UPDATE command denied to user 'u'@'h' for table `db`.`t`", of
 * MySQL 't'. */
bool
db_grant_for(const struct db *db, const char *denied, struct buf *to)
{
	const char *end = strstr(denied, " command denied to user ");
	const char *table = strstr(denied, " for table "), *dot;
	char rights[40], name[80];
	size_t len;

	if (end == NULL || table == NULL || db->account.len == 0 ||
	    (size_t)(end - denied) >= sizeof rights)
		return false;
	snprintf(rights, sizeof rights, "%.*s", (int)(end - denied), denied);
	table += strlen(" for table ");
	dot = strchr(table, '.');
	table = dot != NULL ? dot + 1 : table;
	len = *table != '\0' ? strcspn(table + 1, "`'") : 0;
	if (!are_of_rows(rights) || len == 0 || len >= sizeof name)
		return false;
	snprintf(name, sizeof name, "%.*s", (int)len, table + 1);
	db_grant(db, rights, name, to);
	return true;
}
