/*
 * personal_tables: see personal_tables.h.
 */
#include "reaper/rights/personal_tables.h"

#include <string.h>

#include "common/base/fault.h"
#include "common/base/xalloc.h"

/* Messages from or to the customer. Operators and bots who write may have the
 * same id by chance; the recipient of a customer's message, and the person
 * named by a system message, are not stored. */
#define SENT_BY(ids, uids)                                                     \
	"(sender = 'customer' AND sender_id IN (" ids                          \
	") OR sender = 'system' AND sender_id IN (" uids "))"
#define RECEIVED_BY(ids, uids)                                                 \
	"(sender IN ('operator', 'bot') AND receiver_id IN (" ids              \
	") OR receiver_id IN (" uids "))"
#define SENT SENT_BY("$CUSTOMER", "$USER")
#define RECEIVED RECEIVED_BY("$CUSTOMER", "$USER")
#define SENT_EVER SENT_BY("$IDS", "$UIDS")
#define RECEIVED_EVER RECEIVED_BY("$IDS", "$UIDS")

#define OF_CHAT "conversation_id IN ($CHATS)"

#define BY_USER(name, column)                                                  \
	{                                                                      \
		.table = TABLE_##name, .about = "`" column "` IN ($UIDS)",     \
		.change = "`" column "` = $ALIAS",                             \
		.where = "`" column "` = $USER", .user = column                \
	}
#define ONLY_CHAT(name, column)                                                \
	{                                                                      \
		.table = TABLE_##name, .about = "`" column "` IN ($CHATS)"     \
	}

const struct personal_table personal_tables[] = {
	BY_USER(event_counts, "user"),
	BY_USER(user_stats, "user_id"),
	BY_USER(realtime_user_activity, "user_id"),
	BY_USER(alerts, "user_id"),
	ONLY_CHAT(conversation_metrics, "conversation_id"),
	ONLY_CHAT(longest_monologue, "conversation_id"),
	ONLY_CHAT(intervals, "chat"),
	ONLY_CHAT(message_analytics, "conversation_id"),
	ONLY_CHAT(assignments, "chat"),
	ONLY_CHAT(notices, "chat"),
	ONLY_CHAT(closed_chats, "chat"),
	{ .table = TABLE_message_views,
	    .about = "user_id IN ($UIDS) OR " OF_CHAT,
	    .change = "user_id = $ALIAS",
	    .where = "user_id = $USER",
	    .time = "viewed_at",
	    .user = "user_id" },
	{ .table = TABLE_events,
	    .about = "user_id IN ($UIDS) OR " OF_CHAT,
	    /* Assigned from left to right, so the id comes last. */
	    .change = "session_id = IF(user_id = $USER, NULL, session_id), "
		      "ip_address = IF(user_id = $USER, NULL, ip_address), "
		      "user_agent = IF(user_id = $USER, NULL, user_agent), "
		      "event_data = NULL, "
		      "user_id = IF(user_id = $USER, $ALIAS, user_id)",
	    .where = "user_id = $USER OR " OF_CHAT,
	    .time = "created_at" },
	{ .table = TABLE_messages,
	    .about = OF_CHAT " OR " SENT_EVER " OR " RECEIVED_EVER,
	    .change = "receiver_id = IF(" RECEIVED ", $ALIAS, receiver_id), "
		      "sender_id = IF(" SENT ", $ALIAS, sender_id), "
		      "content = NULL, data = NULL",
	    .where = OF_CHAT,
	    .time = "created_at" },
	{ .table = TABLE_chat_metrics,
	    .about = "customer IN ($IDS) OR chat IN ($CHATS)",
	    .change = "customer = IF(customer = $CUSTOMER, $ALIAS, customer), "
		      "customer_name = NULL, customer_phone = NULL, tag = NULL",
	    /* A chat that names another customer keeps that customer's data. */
	    .where = "customer = $CUSTOMER OR customer IS NULL AND "
		     "chat IN ($CHATS)",
	    .time = "opened_at" },
};
const size_t personal_tables_n = ARRAY_LEN(personal_tables);

#define IS_OPERATOR "operator = $CUSTOMER"

const struct operator_place operator_places[] = {
	{ TABLE_operator_metrics, IS_OPERATOR },
	{ TABLE_allocation_limits, IS_OPERATOR },
	{ TABLE_chat_metrics, IS_OPERATOR },
	{ TABLE_assignments, IS_OPERATOR },
	{ TABLE_intervals, IS_OPERATOR },
	{ TABLE_messages, IS_OPERATOR " OR sender IN ('operator', 'bot') AND "
				      "sender_id = $CUSTOMER" },
};
const size_t operator_places_n = ARRAY_LEN(operator_places);

static void
write_ids(struct buf *sql, const struct subject *s, bool theirs)
{
	db_quote(s->db, sql, db_str(theirs ? s->id : NULL));
	if (s->alias[0] == '\0')
		return;
	buf_adds(sql, ", ");
	db_quote(s->db, sql, db_str(s->alias));
}

static void
write_keys(struct buf *sql, const struct subject *s, const struct strmap *of)
{
	struct strmap_entry *e;
	size_t i = 0, n = 0;

	while ((e = strmap_next(of, &i)) != NULL) {
		buf_adds(sql, n++ > 0 ? ", " : "");
		db_quote(s->db, sql, db_text(e->key, e->key_len));
	}
	if (n == 0)
		buf_adds(sql, "NULL");
}

static void
write_mark(
    struct buf *sql, const char *mark, size_t len, const struct subject *s)
{
	const struct {
		const char *name;
		struct db_value value;
	} values[] = {
		{ "CUSTOMER", db_str(s->id) },
		{ "USER", db_str(s->is_operator ? NULL : s->id) },
		{ "ALIAS", db_str(s->alias) },
		{ "ASKED", db_time(s->asked_at) },
		{ "TENANT", db_str(s->tenant) },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(values); i++)
		if (strlen(values[i].name) == len &&
		    memcmp(values[i].name, mark, len) == 0)
			db_quote(s->db, sql, values[i].value);
	if (len == 3 && memcmp(mark, "IDS", len) == 0)
		write_ids(sql, s, true);
	else if (len == 4 && memcmp(mark, "UIDS", len) == 0)
		write_ids(sql, s, !s->is_operator);
	else if (len == 5 && memcmp(mark, "CHATS", len) == 0)
		write_keys(sql, s, &s->chats);
}

void
personal_write(struct buf *sql, const char *text, const struct subject *s)
{
	static const char capitals[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	const char *mark;
	size_t len;

	while ((mark = strchr(text, '$')) != NULL) {
		buf_add(sql, text, (size_t)(mark - text));
		len = strspn(++mark, capitals);
		write_mark(sql, mark, len, s);
		text = mark + len;
	}
	buf_adds(sql, text);
}

void
personal_write_rows(struct buf *sql, const char *where, const struct subject *s,
    const struct day_slice *slice)
{
	buf_adds(sql, "tenant = ");
	db_quote(s->db, sql, db_str(s->tenant));
	buf_adds(sql, " AND (");
	personal_write(sql, where, s);
	buf_addc(sql, ')');
	day_slice_write(s->db, slice, "", sql);
}

struct row_exists {
	struct subject *subject;
	const char *where;
	struct day_slice slice;
	bool found;
};

static enum outcome
look_into_slice(struct db *db, void *ctx)
{
	struct row_exists *r = ctx;
	struct buf sql = BUF_INIT;
	uint64_t rows;
	enum outcome o = db_connect(db);

	if (o != OUTCOME_DONE)
		return o;
	buf_addf(&sql, "SELECT 1 FROM %s WHERE ", r->slice.table->name);
	personal_write_rows(&sql, r->where, r->subject, &r->slice);
	buf_adds(&sql, " LIMIT 1");
	o = db_query_count(db, buf_str(&sql), NULL, 0, &rows);
	buf_release(&sql);
	r->found = rows > 0;
	return o;
}

enum outcome
row_exists(
    struct subject *s, enum table_id table, const char *where, bool *found)
{
	struct row_exists r = { .subject = s,
		.where = where,
		.slice = { .table = &tables[table], .tenant = s->tenant } };
	enum outcome o = OUTCOME_DONE;

	while (!r.found && day_slice_next(s->db, &r.slice, &o))
		o = db_transaction(s->db, look_into_slice, &r, false);
	*found = r.found;
	return o;
}

struct forgetting {
	struct subject *subject;
	const struct personal_table *personal;
	struct day_slice slice;
	bool dry_run;
	uint64_t affected; /* rows affected in the current slice */
};

/* Appends the condition for the rows to change. */
static void
write_rows_to_change(const struct forgetting *f, struct buf *sql)
{
	const char *time = f->personal->time;

	personal_write_rows(sql, f->personal->where, f->subject, &f->slice);
	if (time == NULL)
		return;
	buf_addf(sql, " AND (`%s` IS NULL OR `%s` <= ", time, time);
	personal_write(sql, "$ASKED)", f->subject);
}

static enum outcome
count_slice(struct forgetting *f)
{
	struct buf sql = BUF_INIT;
	enum outcome o;

	buf_addf(&sql, "SELECT COUNT(*) FROM %s WHERE ", f->slice.table->name);
	write_rows_to_change(f, &sql);
	o = db_query_count(
	    f->subject->db, buf_str(&sql), NULL, 0, &f->affected);
	buf_release(&sql);
	return o;
}

/* Runs "UPDATE t SET ... WHERE ..." or, with change NULL, "DELETE FROM t WHERE
 * ...". */
static enum outcome
run_change(struct forgetting *f, const char *verb, const char *change,
    uint64_t *affected)
{
	struct buf sql = BUF_INIT;
	enum outcome o;

	buf_addf(&sql, "%s %s", verb, f->slice.table->name);
	if (change != NULL) {
		buf_adds(&sql, " SET ");
		personal_write(&sql, change, f->subject);
	}
	buf_adds(&sql, " WHERE ");
	write_rows_to_change(f, &sql);
	o = db_exec(f->subject->db, buf_str(&sql), NULL, 0, affected);
	buf_release(&sql);
	return o;
}

/* Deletes rows under the alias that are older than the customer's own rows with
 * the same key: they are left from an earlier erasure. */
static enum outcome
delete_older_twins(struct forgetting *f)
{
	const struct table *t = f->slice.table;
	const char *user = f->personal->user;
	struct subject *s = f->subject;
	struct buf sql = BUF_INIT;
	enum outcome o;
	size_t i;

	buf_addf(&sql, "DELETE a FROM %s a JOIN %s c ON c.tenant = a.tenant",
	    t->name, t->name);
	for (i = 1; i < t->keys; i++)
		if (strcmp(t->columns[i].name, user) != 0)
			buf_addf(&sql, " AND c.`%s` = a.`%s`",
			    t->columns[i].name, t->columns[i].name);
	buf_adds(&sql, " WHERE a.tenant = ");
	db_quote(s->db, &sql, db_str(s->tenant));
	buf_addf(&sql, " AND a.`%s` = ", user);
	db_quote(s->db, &sql, db_str(s->alias));
	buf_addf(&sql, " AND c.`%s` = ", user);
	personal_write(&sql, "$USER AND a.version < c.version", s);
	day_slice_write(s->db, &f->slice, "a.", &sql);
	o = db_exec(s->db, buf_str(&sql), NULL, 0, NULL);
	buf_release(&sql);
	return o;
}

/* Puts the alias into the key. If a row keeps the id, there is a newer or equal
 * one under the alias. */
static enum outcome
change_key(struct forgetting *f)
{
	enum outcome o = OUTCOME_DONE;
	uint64_t left = 0;

	if (f->slice.table->versions)
		o = delete_older_twins(f);
	if (o == OUTCOME_DONE)
		o = run_change(
		    f, "UPDATE IGNORE", f->personal->change, &f->affected);
	if (o == OUTCOME_DONE)
		o = run_change(f, "DELETE FROM", NULL, &left);
	f->affected += left;
	return o;
}

static enum outcome
forget_slice(struct db *db, void *ctx)
{
	struct forgetting *f = ctx;
	const struct personal_table *p = f->personal;
	enum outcome o = db_connect(db);

	f->affected = 0;
	if (o != OUTCOME_DONE)
		return o;
	if (f->dry_run)
		o = count_slice(f);
	else if (p->user != NULL)
		o = change_key(f);
	else
		o = run_change(f, "UPDATE", p->change, &f->affected);
	/* Commit point: db_transaction() commits when this returns DONE. */
	return o;
}

enum outcome
forgetting_run(struct subject *s, const struct personal_table *p, bool dry_run,
    uint64_t *rows)
{
	struct forgetting f = { .subject = s,
		.personal = p,
		.slice = { .table = &tables[p->table], .tenant = s->tenant },
		.dry_run = dry_run };
	enum outcome o = OUTCOME_DONE;

	*rows = 0;
	while (day_slice_next(s->db, &f.slice, &o)) {
		o = db_transaction(s->db, forget_slice, &f, false);
		if (o == OUTCOME_DONE) {
			FAULT_POINT("reaper.rows_forgotten");
			*rows += f.affected;
		}
	}
	return o;
}
