/*
 * forgotten_rows: see forgotten_rows.h.
 */
#include "sink/store/forgotten_rows.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/records/forgotten.h"

/* An erased customer, or one of their chats. */
struct forgotten_entry {
	const char *alias; /* NULL: a chat */
	int64_t asked_at;
	int64_t forgets; /* as below, when it was last read */
};

struct forgotten_tenant {
	int64_t forgets; /* the value in the tenant's row, when it was read */
	uint64_t key[2];
	struct strmap entries; /* digest -> struct forgotten_entry */
	struct arena aliases;  /* kept to the end, because values point to
				* them */
};

static void
free_forgotten_tenant(void *p)
{
	struct forgotten_tenant *t = p;

	strmap_release(&t->entries, free);
	arena_release(&t->aliases);
	free(t);
}

void
forgotten_rows_release(struct forgotten_rows *f)
{
	strmap_release(&f->tenants, free_forgotten_tenant);
}

/* A tenant that returns after a purge gets other aliases. */
static void
put_entry(struct forgotten_tenant *t, const struct db_rows *row)
{
	void **slot =
	    strmap_put(&t->entries, db_get(row, 0), db_get_len(row, 0));
	const char *alias = db_get(row, 1);
	struct forgotten_entry *e;

	if (*slot == NULL)
		*slot = xcalloc(1, sizeof *e);
	e = *slot;
	if (alias == NULL)
		e->alias = NULL;
	else if (e->alias == NULL || strcmp(e->alias, alias) != 0)
		e->alias = arena_copy(&t->aliases, alias, strlen(alias) + 1);
	e->asked_at = db_get_time(row, 2);
	e->forgets = t->forgets;
}

static enum outcome
read_entries(
    struct forgotten_tenant *t, struct db *db, const struct batch_tenant *of)
{
	struct db_value name = db_text(of->name.p, of->name.len);
	struct db_rows *found;
	enum outcome o;

	o = db_query(db,
	    "SELECT digest, alias, asked_at FROM forgotten WHERE tenant = ?",
	    &name, 1, &found);
	if (o != OUTCOME_DONE)
		return o;
	t->forgets = of->stored.forgets;
	while (db_next(found))
		put_entry(t, found);
	db_rows_free(found);
	return OUTCOME_DONE;
}

/* Finds the tenant's entries, which are read again if they have changed;
 * returns NULL if there are none. */
static enum outcome
entries_of(struct forgotten_rows *f, struct db *db,
    const struct batch_tenant *of, struct forgotten_tenant **t)
{
	uint64_t key[2];
	void **slot;

	*t = NULL;
	if (of->stored.forgets == 0 ||
	    forgotten_key_read(of->stored.forget_key, key) != 0)
		return OUTCOME_DONE;
	slot = strmap_put(&f->tenants, of->name.p, of->name.len);
	if (*slot == NULL)
		*slot = xcalloc(1, sizeof **t);
	*t = *slot;
	memcpy((*t)->key, key, sizeof key);
	return (*t)->forgets == of->stored.forgets ? OUTCOME_DONE
						   : read_entries(*t, db, of);
}

/* Returns the entry of an id if a row with that time is from before the erasure
 * (INT64_MIN always is); NULL if there is none. */
static const struct forgotten_entry *
find_forgotten(const struct forgotten_tenant *t, enum forgotten_kind kind,
    const struct db_value *id, int64_t at)
{
	char digest[FORGOTTEN_DIGEST + 1];
	const struct forgotten_entry *e;

	if (id->type != DB_TEXT || id->len == 0)
		return NULL;
	forgotten_digest(t->key, kind, id->text, id->len, digest);
	e = strmap_get(&t->entries, digest, FORGOTTEN_DIGEST);
	return e != NULL && e->forgets == t->forgets && at <= e->asked_at
		   ? e
		   : NULL;
}

/* Replaces the id of an erased user with the alias; with is_customer, also that
 * of a customer. */
static bool
put_alias(const struct forgotten_tenant *t, struct db_value *id,
    bool is_customer, int64_t at)
{
	const struct forgotten_entry *e =
	    find_forgotten(t, FORGOTTEN_USER, id, at);

	if (e == NULL && is_customer)
		e = find_forgotten(t, FORGOTTEN_CUSTOMER, id, at);
	if (e == NULL || e->alias == NULL)
		return false;
	*id = db_str(e->alias);
	return true;
}

static bool
value_is(const struct db_value *v, const char *word)
{
	return v->type == DB_TEXT && v->len == strlen(word) &&
	       memcmp(v->text, word, v->len) == 0;
}

/* A value of the row, by the name of its table and column. */
#define OF(row, table, column) (&(row)->values[TABLE_COLUMN(table, column)])

static void
forget_message(const struct forgotten_tenant *t, struct sink_row *row)
{
	int64_t at = OF(row, messages, created_at)->num;
	const struct db_value *sender = OF(row, messages, sender);
	bool by_customer = value_is(sender, "customer");
	/* Such an author has the same id as the customer by chance. */
	bool to_customer =
	    value_is(sender, "operator") || value_is(sender, "bot");
	bool theirs = !to_customer && put_alias(t, OF(row, messages, sender_id),
					  by_customer, at);

	if (put_alias(t, OF(row, messages, receiver_id), to_customer, at) ||
	    theirs ||
	    find_forgotten(t, FORGOTTEN_CHAT,
		OF(row, messages, conversation_id), at) != NULL) {
		*OF(row, messages, content) = db_str(NULL);
		*OF(row, messages, data) = db_str(NULL);
	}
}

static void
forget_event(const struct forgotten_tenant *t, struct sink_row *row)
{
	int64_t at = OF(row, events, created_at)->num;
	bool theirs = put_alias(t, OF(row, events, user_id), false, at);

	if (theirs) {
		*OF(row, events, session_id) = db_str(NULL);
		*OF(row, events, ip_address) = db_str(NULL);
		*OF(row, events, user_agent) = db_str(NULL);
	}
	if (theirs || find_forgotten(t, FORGOTTEN_CHAT,
			  OF(row, events, conversation_id), at) != NULL)
		*OF(row, events, event_data) = db_str(NULL);
}

/* Replaces the customer with the alias. If the chat names no customer, only its
 * id shows to whom it belongs. If the chat names another customer, it is listed
 * because of the erased customer's activity in it, and keeps that customer's
 * data. */
static bool
is_chat_of_forgotten(
    const struct forgotten_tenant *t, struct sink_row *row, int64_t at)
{
	struct db_value *customer = OF(row, chat_metrics, customer);

	if (customer->type == DB_NULL)
		return find_forgotten(t, FORGOTTEN_CHAT,
			   OF(row, chat_metrics, chat), at) != NULL;
	return put_alias(t, customer, true, at);
}

static void
forget_chat(const struct forgotten_tenant *t, struct sink_row *row)
{
	const struct db_value *opened = OF(row, chat_metrics, opened_at);
	int64_t at = opened->type == DB_TIME ? opened->num : INT64_MIN;

	if (!is_chat_of_forgotten(t, row, at))
		return;
	*OF(row, chat_metrics, customer_name) = db_str(NULL);
	*OF(row, chat_metrics, customer_phone) = db_str(NULL);
	*OF(row, chat_metrics, tag) = db_str(NULL);
}

static void
forget_view(const struct forgotten_tenant *t, struct sink_row *row)
{
	(void)put_alias(t, OF(row, message_views, user_id), false,
	    OF(row, message_views, viewed_at)->num);
}

/* The user's column is the second or the third of the key. */
static void
forget_second_key(const struct forgotten_tenant *t, struct sink_row *row)
{
	(void)put_alias(t, &row->values[1], false, INT64_MIN);
}

static void
forget_third_key(const struct forgotten_tenant *t, struct sink_row *row)
{
	(void)put_alias(t, &row->values[2], false, INT64_MIN);
}

static const struct {
	enum table_id table;
	void (*forget)(const struct forgotten_tenant *t, struct sink_row *row);
} personal_rows[] = {
	{ TABLE_messages, forget_message },
	{ TABLE_events, forget_event },
	{ TABLE_chat_metrics, forget_chat },
	{ TABLE_message_views, forget_view },
	{ TABLE_event_counts, forget_second_key },
	{ TABLE_user_stats, forget_second_key },
	{ TABLE_realtime_user_activity, forget_third_key },
	{ TABLE_alerts, forget_third_key },
};

static void
forget_rows_of(const struct forgotten_tenant *t, const struct batch_tenant *of,
    const struct row_batch *b)
{
	const struct row_list *rows;
	size_t i, k;

	for (k = 0; k < ARRAY_LEN(personal_rows); k++) {
		rows = &b->rows[personal_rows[k].table];
		for (i = 0; i < rows->n; i++)
			if (rows->row[i]->tenant == of)
				personal_rows[k].forget(t, rows->row[i]);
	}
}

enum outcome
forgotten_rows_apply(
    struct forgotten_rows *f, struct db *db, struct row_batch *b)
{
	struct forgotten_tenant *t;
	struct strmap_entry *e;
	enum outcome o = OUTCOME_DONE;
	size_t i = 0;

	while (
	    o == OUTCOME_DONE && (e = strmap_next(&b->tenants, &i)) != NULL) {
		o = entries_of(f, db, e->value, &t);
		if (o == OUTCOME_DONE && t != NULL)
			forget_rows_of(t, e->value, b);
	}
	return o;
}
