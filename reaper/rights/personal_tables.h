/*
 * personal_tables: where the tables hold what identifies a customer, and what
 * forgetting makes of it: declared once, as SQL. The sink does the same with
 * rows that arrive later (sink/store/forgotten_rows.c).
 *
 * Rows stay, so that every metric that counts them stays as it was. A row loses
 * what identifies a person, and an alias that is drawn at random takes the
 * place of the customer's id, the same one everywhere, so that metrics by user
 * still add up. Ids of chats and messages stay: metrics are made from them, and
 * they lead to nobody without the CRM.
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
	/* The rows that are about the customer: an SQL condition with marks. */
	const char *about;
	/* What forgetting does with rows for which `where` is true. NULL: it
	 * leaves them. "": it deletes them. */
	const char *change, *where;
	/* `change` puts the alias into the key: of two rows that have the same
	 * key then the newer one stays. */
	const char *user; /* that column, or NULL */
};

/* In the order in which they must be changed: what tells which chats are the
 * customer's comes last. */
extern const struct personal_table personal_tables[];
extern const size_t personal_tables_n;

/* The rows by which an operator or a bot is known who has the customer's id, or
 * had it: of those who left, only what they did is kept. Tables with few rows
 * come first. */
struct operator_place {
	enum table_id table;
	const char *where;
};

extern const struct operator_place operator_places[];
extern const size_t operator_places_n;

/* Whether a message is from the customer, or to them: SQL conditions, whose ids
 * are marks as below. Operators and bots that write have the same id by chance;
 * who the recipient of a customer is, and whom the system names, is not said.
 */
#define PERSONAL_SENT(ids, uids)                                               \
	"(sender = 'customer' AND sender_id IN (" ids                          \
	") OR sender = 'system' AND sender_id IN (" uids "))"
#define PERSONAL_RECEIVED(ids, uids)                                           \
	"(sender IN ('operator', 'bot') AND receiver_id IN (" ids              \
	") OR receiver_id IN (" uids "))"

/* The rows of chat_metrics whose name, phone number and tag are the customer's:
 * of a chat that names no customer, too, if it is a chat of theirs; one that
 * names another keeps what is that one's. */
#define PERSONAL_CHAT(ids)                                                     \
	"(customer IN (" ids ") OR customer IS NULL AND chat IN ($CHATS))"

/* Appends SQL with its marks replaced by quoted values: $CUSTOMER the id, $USER
 * the same, or NULL where an operator has it, $ALIAS, $IDS id and alias, $UIDS
 * the same as of $USER, $CHATS, $ASKED, $TENANT, $FROM and $TO. */
void personal_write(struct buf *sql, const char *text, const struct subject *s);

/* Appends "tenant = 'T' AND (WHERE)" and the bounds of the slice, which $FROM
 * and $TO are, too. where: a condition with marks. */
void personal_write_rows(struct buf *sql, const char *where, struct subject *s,
    const struct day_slice *slice);

/* Looks day by day for a row for which `where`, SQL with the marks of
 * personal_tables.h, is true, up to the first one. */
enum outcome row_exists(struct subject *s, enum table_id table,
    const char *where, bool *found) __attribute__((warn_unused_result));

/* Changes the rows of p's table that are about the customer; dry_run: only
 * counts them. *rows: how many. */
enum outcome forgetting_run(struct subject *s, const struct personal_table *p,
    bool dry_run, uint64_t *rows) __attribute__((warn_unused_result));

#endif
