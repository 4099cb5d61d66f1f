/*
 * subject: see subject.h.
 */
#include "reaper/rights/subject.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/db/db.h"
#include "common/digest/random.h"
#include "reaper/rights/day_slices.h"
#include "reaper/rights/personal_tables.h"
#include "reaper/rows/rules.h"

#define CHATS_AT_ONCE 1000

void
subject_add_chat(struct subject *s, const char *chat, size_t len)
{
	if (len > 0)
		*strmap_put(&s->chats, chat, len) = &s->chats;
}

void
subject_release(struct subject *s)
{
	strmap_release(&s->chats, NULL);
}

static void
digest_of_subject(const struct subject *s, enum forgotten_kind kind,
    char digest[FORGOTTEN_DIGEST + 1])
{
	forgotten_digest(s->key, kind, s->id, strlen(s->id), digest);
}

/* Runs a query after replacing its marks. */
static enum outcome
ask(struct subject *s, const char *text, const char *tail,
    struct db_rows **found)
{
	struct buf sql = BUF_INIT;
	enum outcome o;

	personal_write(&sql, text, s);
	buf_adds(&sql, tail);
	o = db_query(s->db, buf_str(&sql), NULL, 0, found);
	buf_release(&sql);
	return o;
}

/* Reads the customer's entry, if there is one. */
static enum outcome
read_entry(struct subject *s)
{
	char digest[FORGOTTEN_DIGEST + 1];
	struct db_value args[2] = { db_str(s->tenant) };
	struct db_rows *found;
	enum outcome o;

	digest_of_subject(s, FORGOTTEN_CUSTOMER, digest);
	args[1] = db_str(digest);
	o = db_query(s->db,
	    "SELECT alias, asked_at FROM forgotten WHERE tenant = ? AND "
	    "digest = ?",
	    args, 2, &found);
	if (o != OUTCOME_DONE)
		return o;
	s->recorded = db_next(found);
	if (s->recorded) {
		snprintf(s->alias, sizeof s->alias, "%s", db_get(found, 0));
		s->asked_at = db_get_time(found, 1);
	}
	db_rows_free(found);
	return OUTCOME_DONE;
}

static enum outcome
read_tenant(struct db *db, void *ctx)
{
	struct subject *s = ctx;
	struct db_rows *found;
	enum outcome o = db_connect(db);
	bool has_key;

	s->known = s->recorded = false;
	s->alias[0] = '\0';
	s->asked_at = CLOCK_NONE;
	if (o == OUTCOME_DONE)
		o = ask(s,
		    "SELECT forget_key FROM tenants WHERE tenant = $TENANT", "",
		    &found);
	if (o != OUTCOME_DONE)
		return o;
	s->known = db_next(found);
	has_key = s->known && forgotten_key_read(db_get(found, 0), s->key) == 0;
	db_rows_free(found);
	return has_key ? read_entry(s) : OUTCOME_DONE;
}

/* Sets is_operator. */
static enum outcome
find_operator(struct subject *s)
{
	enum outcome o = OUTCOME_DONE;
	size_t i;

	s->is_operator = false;
	for (i = 0; i < operator_places_n && o == OUTCOME_DONE; i++)
		if (!s->is_operator)
			o = row_exists(s, operator_places[i].table,
			    operator_places[i].where, &s->is_operator);
	return o;
}

/* The queries that find chats. */
static const struct {
	enum table_id table;
	const char *sql;
} chat_queries[] = {
	{ TABLE_chat_metrics,
	    "SELECT chat FROM chat_metrics WHERE tenant = $TENANT AND "
	    "customer IN ($IDS)" },
	{ TABLE_messages,
	    "SELECT DISTINCT conversation_id FROM messages WHERE "
	    "tenant = $TENANT AND (" PERSONAL_SENT("$IDS",
		"$UIDS") " OR " PERSONAL_RECEIVED("$IDS", "$UIDS") ")" },
	{ TABLE_message_views,
	    "SELECT DISTINCT conversation_id FROM message_views WHERE "
	    "tenant = $TENANT AND user_id IN ($UIDS)" },
	{ TABLE_events, "SELECT DISTINCT conversation_id FROM events WHERE "
			"tenant = $TENANT AND user_id IN ($UIDS)" },
};

/* A search through the days of a table. */
struct slice_search {
	struct subject *subject;
	struct day_slice slice;
	const char *sql;
};

static enum outcome
find_chats_of_slice(struct db *db, void *ctx)
{
	struct slice_search *c = ctx;
	struct subject *s = c->subject;
	struct buf tail = BUF_INIT;
	struct db_rows *found;
	enum outcome o = db_connect(db);

	if (o != OUTCOME_DONE)
		return o;
	day_slice_write(db, &c->slice, "", &tail);
	o = ask(s, c->sql, buf_str(&tail), &found);
	buf_release(&tail);
	if (o != OUTCOME_DONE)
		return o;
	while (db_next(found))
		subject_add_chat(s, db_get(found, 0), db_get_len(found, 0));
	db_rows_free(found);
	return OUTCOME_DONE;
}

enum outcome
subject_read(struct subject *s)
{
	struct slice_search c = { .subject = s };
	enum outcome o = db_transaction(s->db, read_tenant, s, false);
	size_t i;

	if (o == OUTCOME_DONE && s->known)
		o = find_operator(s);
	for (i = 0; s->known && i < ARRAY_LEN(chat_queries); i++) {
		c.sql = chat_queries[i].sql;
		c.slice = (struct day_slice){
			.table = &tables[chat_queries[i].table],
			.tenant = s->tenant,
		};
		while (day_slice_next(s->db, &c.slice, &o))
			o = db_transaction(
			    s->db, find_chats_of_slice, &c, false);
	}
	return o;
}

/* Excludes sinks from the tenant. */
static enum outcome
lock_tenant_of(struct subject *s, struct db_rows **found)
{
	const struct text tenant = { s->tenant, strlen(s->tenant) };
	struct db_value name = db_str(s->tenant);
	enum outcome o = tenant_lock_alone(s->db, &tenant, 1);

	*found = NULL;
	return o == OUTCOME_DONE
		   ? db_query(s->db,
			 "SELECT as_of, stored_at, forget_key FROM tenants "
			 "WHERE tenant = ?",
			 &name, 1, found)
		   : o;
}

enum outcome
subject_notify_sinks(struct db *db, const char *tenant, const char *key)
{
	struct db_value args[2] = { db_str(key), db_str(tenant) };

	return db_exec(db,
	    "UPDATE tenants SET forgets = forgets + 1, "
	    "forget_key = IFNULL(forget_key, ?) WHERE tenant = ?",
	    args, 2, NULL);
}

static enum outcome
write_entry(
    struct subject *s, const char *digest, const char *kind, const char *alias)
{
	struct db_value args[5] = { db_str(s->tenant), db_str(digest),
		db_str(kind), db_str(alias), db_time(s->asked_at) };

	return db_exec(s->db,
	    "INSERT INTO forgotten (tenant, digest, kind, alias, asked_at) "
	    "VALUES (?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE "
	    "asked_at = GREATEST(asked_at, VALUES(asked_at)), done_at = NULL",
	    args, 5, NULL);
}

static void
draw_alias(char *alias, size_t size)
{
	snprintf(
	    alias, size, "forgotten-%016llx", (unsigned long long)random_64());
}

/* The alias is drawn once; another call for the same customer reads it. */
static enum outcome
write_entries(struct subject *s)
{
	char digest[FORGOTTEN_DIGEST + 1];
	int64_t now = s->asked_at;
	enum outcome o = read_entry(s);

	if (o != OUTCOME_DONE)
		return o;
	if (!s->recorded || now > s->asked_at)
		s->asked_at = now;
	if (!s->recorded)
		draw_alias(s->alias, sizeof s->alias);
	digest_of_subject(s, FORGOTTEN_CUSTOMER, digest);
	o = write_entry(s, digest, "customer", s->alias);
	if (o == OUTCOME_DONE && !s->is_operator) {
		digest_of_subject(s, FORGOTTEN_USER, digest);
		o = write_entry(s, digest, "user", s->alias);
	}
	return o;
}

/* The customer's activity may have a time in the future if a publisher's clock
 * is ahead. It was stored before the request, so it is erased, too. */
#define LATER                                                                  \
	"SELECT MAX(at) FROM (SELECT MAX(created_at) AS at FROM messages "     \
	"WHERE tenant = $TENANT AND created_at > $ASKED "                      \
	"AND conversation_id IN ($CHATS) "                                     \
	"UNION ALL SELECT MAX(viewed_at) FROM message_views "                  \
	"WHERE tenant = $TENANT AND viewed_at > $ASKED AND user_id = $USER "   \
	"UNION ALL SELECT MAX(created_at) FROM events "                        \
	"WHERE tenant = $TENANT AND created_at > $ASKED "                      \
	"AND (user_id = $USER OR conversation_id IN ($CHATS)) "                \
	"UNION ALL SELECT MAX(opened_at) FROM chat_metrics "                   \
	"WHERE tenant = $TENANT AND opened_at > $ASKED "                       \
	"AND " PERSONAL_CHAT("$CUSTOMER") ") later"

static enum outcome
read_later(struct db *db, void *ctx)
{
	struct subject *s = ctx;
	struct db_rows *found;
	enum outcome o = ask(s, LATER, "", &found);

	(void)db;
	if (o != OUTCOME_DONE)
		return o;
	s->later = db_next(found) ? db_get_time(found, 0) : CLOCK_NONE;
	db_rows_free(found);
	return OUTCOME_DONE;
}

static enum outcome
record_subject(struct db *db, void *ctx)
{
	struct subject *s = ctx;
	char key[FORGOTTEN_KEY + 1];
	struct db_rows *found;
	enum outcome o = lock_tenant_of(s, &found);

	(void)db;
	if (o != OUTCOME_DONE)
		return o;
	forgotten_key_draw(key);
	if (db_next(found)) {
		s->asked_at =
		    rule_crm_now(db_get_time(found, 0), db_get_time(found, 1));
		if (db_get(found, 2) != NULL)
			snprintf(key, sizeof key, "%s", db_get(found, 2));
	}
	db_rows_free(found);
	if (s->later != CLOCK_NONE && s->later > s->asked_at)
		s->asked_at = s->later;
	if (forgotten_key_read(key, s->key) != 0)
		o = OUTCOME_NEVER;
	if (o == OUTCOME_DONE)
		o = write_entries(s);
	return o == OUTCOME_DONE ? subject_notify_sinks(s->db, s->tenant, key)
				 : o;
}

enum outcome
subject_record(struct subject *s)
{
	enum outcome o = db_transaction(s->db, read_later, s, false);

	s->noted = 0;
	return o == OUTCOME_DONE
		   ? db_transaction(s->db, record_subject, s, false)
		   : o;
}

/* Writes the digests for some chats, from the first without one. */
static enum outcome
record_some_chats(struct db *db, void *ctx)
{
	struct subject *s = ctx;
	char digest[FORGOTTEN_DIGEST + 1];
	struct db_rows *found;
	struct strmap_entry *e;
	size_t i = s->noted, n = 0;
	enum outcome o = lock_tenant_of(s, &found);

	(void)db;
	if (o != OUTCOME_DONE)
		return o;
	db_rows_free(found);
	while (o == OUTCOME_DONE && n++ < CHATS_AT_ONCE &&
	       (e = strmap_next(&s->chats, &i)) != NULL) {
		forgotten_digest(
		    s->key, FORGOTTEN_CHAT, e->key, e->key_len, digest);
		o = write_entry(s, digest, "chat", NULL);
	}
	return o == OUTCOME_DONE ? subject_notify_sinks(s->db, s->tenant, NULL)
				 : o;
}

enum outcome
subject_record_chats(struct subject *s)
{
	enum outcome o = OUTCOME_DONE;

	while (o == OUTCOME_DONE && s->noted < s->chats.n) {
		o = db_transaction(s->db, record_some_chats, s, false);
		if (o == OUTCOME_DONE)
			s->noted += CHATS_AT_ONCE;
	}
	return o;
}

static enum outcome
write_done(struct db *db, void *ctx)
{
	struct subject *s = ctx;
	char digest[FORGOTTEN_DIGEST + 1];
	struct db_value args[2] = { db_str(s->tenant) };
	struct db_rows *found;
	/* The lock also shows the live board that names were removed. */
	enum outcome o = lock_tenant_of(s, &found);

	if (o != OUTCOME_DONE)
		return o;
	db_rows_free(found);
	digest_of_subject(s, FORGOTTEN_CUSTOMER, digest);
	args[1] = db_str(digest);
	return db_exec(db,
	    "UPDATE forgotten SET done_at = UTC_TIMESTAMP(3) WHERE tenant = ? "
	    "AND digest = ?",
	    args, 2, NULL);
}

enum outcome
subject_done(struct subject *s)
{
	return db_transaction(s->db, write_done, s, false);
}
