/*
 * personal_tables: where the tables hold what tells of a customer, and what
 * forgetting makes of it: declared once, as SQL. The sink does the same with
 * rows that arrive later (sink/store/forgotten_rows.c).
 *
 * Rows stay, so that every metric that counts them stays as it was. A row loses
 * what tells of a person, and an alias that is drawn at random takes the place
 * of the customer's id, the same one everywhere, so that metrics by user still
 * add up. Ids of chats and messages stay: metrics are made from them, and they
 * lead to nobody without the CRM.
 */
#ifndef REAPER_RIGHTS_PERSONAL_TABLES_H
#define REAPER_RIGHTS_PERSONAL_TABLES_H

#include "common/tables/tables.h"
#include "reaper/rights/subject.h"

struct personal_table {
	enum table_id table;
	/* The rows that are about the customer: an SQL condition with marks. */
	const char *about;
	/* What forgetting does with rows for which `where` is true. NULL: it
	 * leaves them. "": it deletes them. */
	const char *change, *where;
	/* `change` puts the alias into the key: of two rows that have the same
	 * key then the newer one stays. */
	const char *user; /* that column, or NULL */
};

/* In the order in which they must be changed: what tells which words and chats
 * are the customer's comes last. */
extern const struct personal_table personal_tables[];
extern const size_t personal_tables_n;

/* Appends SQL with its marks replaced by quoted values: $CUSTOMER the id, $USER
 * the same, or NULL where an operator has it, $ALIAS, $IDS id and alias, $UIDS
 * the same as of $USER, $CHATS, $WORDS, $ASKED, $TENANT, $FROM and $TO. */
void personal_write(struct buf *sql, const char *text, const struct subject *s);

#endif
