/*
 * personal_tables: which data in the tables identify a customer, and how they
 * are erased: declared once, as SQL. The sink does the same with rows that
 * arrive later (sink/store/forgotten_rows.c).
 *
 * Rows stay, so every metric that counts them is unchanged. Data that identify
 * a person are removed from a row, and a random alias, the same everywhere,
 * replaces the customer's id, so that metrics by user still add up. Ids of
 * chats and messages stay: metrics are made from them, and without the CRM they
 * do not identify a person.
 */
#ifndef REAPER_RIGHTS_PERSONAL_TABLES_H
#define REAPER_RIGHTS_PERSONAL_TABLES_H

#include "common/tables/tables.h"
#include "reaper/rights/day_slices.h"
#include "reaper/rights/subject.h"
#include <stdbool.h>
#include <stdint.h>

struct personal_table {
	enum table_id table;
	/* An SQL condition with marks for the rows about the customer. */
	const char *about;
	/* How rows for which `where` is true are erased. NULL: they stay. */
	const char *change, *where;
	/* Only in tables whose rows tell which chats are the customer's: the
	 * column with the time of the customer's activity. Rows after the
	 * erasure stay: the customer has returned. */
	const char *time;
	/* `change` puts the alias into the key; if two rows then have the same
	 * key, the newer one stays. */
	const char *user; /* that column, or NULL */
};

/* In the order in which they must be changed: tables that show which chats are
 * the customer's come last. */
extern const struct personal_table personal_tables[];
extern const size_t personal_tables_n;

/* Rows that show that an operator or bot has, or had, the customer's id: only
 * the activity of those who have left is stored. Tables with few rows come
 * first. */
struct operator_place {
	enum table_id table;
	const char *where;
};

extern const struct operator_place operator_places[];
extern const size_t operator_places_n;

/* Appends SQL with its marks replaced by quoted values: $CUSTOMER the id, $USER
 * the same, or NULL if an operator has it, $ALIAS, $IDS id and alias, $UIDS the
 * same with $USER, $CHATS, $ASKED and $TENANT. */
void personal_write(struct buf *sql, const char *text, const struct subject *s);

/* Appends "tenant = 'T' AND (WHERE)" and the bounds of the slice. where: a
 * condition with marks. */
void personal_write_rows(struct buf *sql, const char *where,
    const struct subject *s, const struct day_slice *slice);

/* Searches day by day for the first row for which `where`, SQL with the marks
 * above, is true. */
enum outcome row_exists(struct subject *s, enum table_id table,
    const char *where, bool *found) __attribute__((warn_unused_result));

/* Changes the rows in p's table that are about the customer; dry_run: only
 * counts them. Sets *rows to their number. */
enum outcome forgetting_run(struct subject *s, const struct personal_table *p,
    bool dry_run, uint64_t *rows) __attribute__((warn_unused_result));

#endif
