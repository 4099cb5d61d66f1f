/*
 * subject: see subject.h.
 */
#include "reaper/rights/subject.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/digest/random.h"
#include "reaper/rights/day_slices.h"
#include "reaper/rights/personal_tables.h"
#include "reaper/rows/rows.h"

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
	struct tenant_row row;
	enum outcome o = tenant_row_read(db, s->tenant, &row);

	s->known = row.known;
	s->recorded = false;
	s->alias[0] = '\0';
	s->asked_at = CLOCK_NONE;
	return forgotten_key_read(row.forget_key, s->key) == 0 ? read_entry(s)
							       : o;
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

/* A search through the days of a table. */
struct chat_search {
	struct subject *subject;
	struct day_slice slice;
	const char *about; /* as in personal_tables.h */
};

static enum outcome
find_chats_of_slice(struct db *db, void *ctx)
{
	struct chat_search *c = ctx;
	struct subject *s = c->subject;
	const struct table *t = c->slice.table;
	struct buf sql = BUF_INIT;
	struct db_rows *found;
	enum outcome o = db_connect(db);

	if (o != OUTCOME_DONE)
		return o;
	buf_addf(&sql, "SELECT DISTINCT `%s` FROM %s WHERE ",
	    t->columns[t->chat].name, t->name);
	personal_write_rows(&sql, c->about, s, &c->slice);
	o = db_query(db, buf_str(&sql), NULL, 0, &found);
	buf_release(&sql);
	if (o != OUTCOME_DONE)
		return o;
	while (db_next(found))
		subject_add_chat(s, db_get(found, 0), db_get_len(found, 0));
	db_rows_free(found);
	return OUTCOME_DONE;
}

static enum outcome
find_chats_in(struct subject *s, const struct personal_table *p)
{
	struct chat_search c = { .subject = s,
		.slice = { .table = &tables[p->table], .tenant = s->tenant },
		.about = p->about };
	enum outcome o = OUTCOME_DONE;

	while (day_slice_next(s->db, &c.slice, &o))
		o = db_transaction(s->db, find_chats_of_slice, &c, false);
	return o;
}

enum outcome
subject_read(struct subject *s)
{
	enum outcome o = db_transaction(s->db, read_tenant, s, false);
	size_t i;

	if (o == OUTCOME_DONE && s->known)
		o = find_operator(s);
	for (i = 0; i < personal_tables_n && o == OUTCOME_DONE; i++)
		if (s->known && personal_tables[i].time != NULL)
			o = find_chats_in(s, &personal_tables[i]);
	return o;
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

/* Sets s->later to the greatest time of the customer's activity after
 * s->asked_at. If a publisher's clock is ahead, this may be in the future. Such
 * rows were stored before the request, so they are erased, too. */
static enum outcome
read_later(struct db *db, void *ctx)
{
	struct subject *s = ctx;
	const struct personal_table *p;
	struct buf sql = BUF_INIT;
	struct db_rows *found;
	enum outcome o = db_connect(db);
	int64_t time;

	s->later = CLOCK_NONE;
	for (p = personal_tables;
	     o == OUTCOME_DONE && p < personal_tables + personal_tables_n;
	     p++) {
		if (p->time == NULL)
			continue;
		buf_clear(&sql);
		buf_addf(&sql, "SELECT MAX(`%s`) FROM %s WHERE ", p->time,
		    tables[p->table].name);
		personal_write(&sql, "tenant = $TENANT AND (", s);
		personal_write(&sql, p->where, s);
		buf_addf(&sql, ") AND `%s` > ", p->time);
		personal_write(&sql, "$ASKED", s);
		o = db_query(db, buf_str(&sql), NULL, 0, &found);
		if (o != OUTCOME_DONE)
			break;
		time = db_next(found) ? db_get_time(found, 0) : CLOCK_NONE;
		if (time > s->later)
			s->later = time;
		db_rows_free(found);
	}
	buf_release(&sql);
	return o;
}

static enum outcome
record_subject(struct db *db, void *ctx)
{
	struct subject *s = ctx;
	struct tenant_row row;
	enum outcome o = tenant_row_lock(db, s->tenant);

	if (o == OUTCOME_DONE)
		o = tenant_row_read(db, s->tenant, &row);
	if (o != OUTCOME_DONE)
		return o;
	if (row.forget_key[0] == '\0')
		forgotten_key_draw(row.forget_key);
	if (forgotten_key_read(row.forget_key, s->key) != 0)
		return OUTCOME_NEVER;
	s->asked_at = row.crm_now;
	if (s->later > s->asked_at)
		s->asked_at = s->later;
	o = write_entries(s);
	return o == OUTCOME_DONE
		   ? subject_notify_sinks(db, s->tenant, row.forget_key)
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
	struct strmap_entry *e;
	size_t i = s->noted, n = 0;
	enum outcome o = tenant_row_lock(db, s->tenant);

	while (o == OUTCOME_DONE && n++ < CHATS_AT_ONCE &&
	       (e = strmap_next(&s->chats, &i)) != NULL) {
		forgotten_digest(
		    s->key, FORGOTTEN_CHAT, e->key, e->key_len, digest);
		o = write_entry(s, digest, "chat", NULL);
	}
	return o == OUTCOME_DONE ? subject_notify_sinks(db, s->tenant, NULL)
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
	/* The lock also shows the live board that names were removed. */
	enum outcome o = tenant_row_lock(db, s->tenant);

	if (o != OUTCOME_DONE)
		return o;
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
