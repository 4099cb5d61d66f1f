/*
 * upsert_sql: see upsert_sql.h.
 */
#include "sink/tables/upsert_sql.h"

#include <stdlib.h>

#include "common/base/buf.h"
#include "common/base/xalloc.h"

#define TIE(column) TABLE_COLUMN(messages, column)

const size_t *
table_ties(const struct table *t, size_t *n)
{
	/* The columns that the aggregator compares come first, then the
	 * others. */
	static const size_t of_messages[] = { TIE(sender), TIE(sender_id),
		TIE(operator), TIE(message_type), TIE(private), TIE(automated),
		TIE(channel), TIE(receiver_id), TIE(content), TIE(data) };

	*n = t == &tables[TABLE_messages] ? ARRAY_LEN(of_messages) : 0;
	return of_messages;
}

/* Writes the condition that the new row is greater by version and the first n
 * ties. Compares bytes, because the database ignores trailing spaces in texts.
 * NULL comes first. */
static void
is_greater(struct buf *sql, const struct table *t, size_t n)
{
	static const char *const side[][3] = {
		{ "(VALUES(version)", "VALUES(`", "`)" },
		{ ") > (version", "`", "`" },
	};
	size_t most, i, k;
	const size_t *ties = table_ties(t, &most);

	for (k = 0; k < ARRAY_LEN(side); k++) {
		buf_adds(sql, side[k][0]);
		for (i = 0; i < n; i++)
			buf_addf(sql,
			    ", IFNULL(CONCAT('+', CAST(%s%s%s AS BINARY)), '')",
			    side[k][1], t->columns[ties[i]].name, side[k][2]);
	}
	buf_addc(sql, ')');
}

static void
take_greater(struct buf *sql, const struct table *t, size_t column, size_t ties)
{
	const char *name = t->columns[column].name;

	buf_addf(sql, "`%s` = IF(", name);
	is_greater(sql, t, ties);
	buf_addf(sql, ", VALUES(`%s`), `%s`), ", name, name);
}

/* The database assigns from left to right and sees new values: if the version
 * were set before the other columns, figures from an old row would permanently
 * stay under a new version. Therefore the version comes last, preceded by the
 * ties in reverse order: each comparison then sees only old values. If all ties
 * up to one are equal, assigning that one or not makes no difference. */
static void
newest_wins(struct buf *sql, const struct table *t)
{
	size_t n, i;
	const size_t *ties = table_ties(t, &n);

	for (i = t->keys; n == 0 && i < t->columns_n - 1; i++)
		take_greater(sql, t, i, 0);
	for (i = t->columns_n; i < t->columns_n + t->derived; i++)
		take_greater(sql, t, i, 0);
	for (; n > 0; n--)
		take_greater(sql, t, ties[n - 1], n);
	buf_adds(sql, "version = GREATEST(version, VALUES(version))");
}

void
upsert_sql_init(struct upsert_sql *sql, const struct table *t)
{
	struct buf head = BUF_INIT, row = BUF_INIT, tail = BUF_INIT;
	size_t i;

	buf_addf(&head, "INSERT INTO `%s` (", t->name);
	buf_addc(&row, '(');
	for (i = 0; i < t->columns_n + t->derived; i++) {
		buf_addf(
		    &head, "%s`%s`", i > 0 ? ", " : "", t->columns[i].name);
		buf_adds(&row, i > 0 ? ", ?" : "?");
	}
	buf_adds(&head, ") VALUES ");
	buf_addc(&row, ')');
	buf_adds(&tail, " ON DUPLICATE KEY UPDATE ");
	if (t->versions)
		newest_wins(&tail, t);
	else
		buf_adds(&tail, "tenant = tenant");
	sql->head = buf_take(&head);
	sql->row = buf_take(&row);
	sql->tail = buf_take(&tail);
}

void
upsert_sql_release(struct upsert_sql *sql)
{
	free(sql->head);
	free(sql->row);
	free(sql->tail);
}
