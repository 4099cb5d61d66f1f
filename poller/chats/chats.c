/*
 * chats: see chats.h.
 *
 * A chat whose mark in the list has not changed since it was read is written
 * from the state. Reads the messages of every other chat. The chat is complete
 * if the last message that the list names has been read. Otherwise the next
 * poll reads the chat again, because a CRM may show messages late.
 *
 * A chat that has left the list is read once more like the others, and its
 * record reports it as closed. Closing the chat without its last messages would
 * make an answered chat permanently unanswered, so the record waits until the
 * CRM shows them.
 */
#include "poller/chats/chats.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/json/jsonw.h"
#include "poller/chats/history.h"
#include "poller/chats/locate.h"
#include "poller/chats/pull.h"
#include "poller/crm/json_read.h"
#include "poller/crm/profile.h"

/* After this many polls in a row that could not read a chat, it is written from
 * the state. */
#define FAILURES_MAX 3

/* How often one chat is tried in a poll. */
#define TRIES 4

/* How often a customer is queried whom the CRM cannot show. */
#define PERSON_AGAIN_MS (10 * MINUTE_MS)

struct polled_chat {
	struct chats *chats;
	struct crm_record list; /* from the list */
	struct chat_state state;
	struct history read; /* the pages of its messages read so far */
	bool known;          /* state was read from the store */
	unsigned waiting;    /* number of answers that have not arrived yet */
	bool unchanged, failed;
	bool mixed; /* its answer had messages of another chat */
	int64_t asked_ms;
	bool person_asked; /* the state has a newer answer about its customer */
};

/* Marks a written chat in the map. */
static struct polled_chat DONE;

static void
free_chat(void *chat)
{
	struct polled_chat *c = chat;

	if (c == &DONE)
		return;
	crm_record_release(&c->list);
	chat_state_release(&c->state);
	history_release(&c->read);
	free(c);
}

void
chats_init(struct chats *c, struct crm_session *crm, struct emit *emit)
{
	*c = (struct chats){ .crm = crm,
		.emit = emit,
		.all = STRMAP_INIT,
		.closed = STRMAP_INIT,
		.asked_left = STRMAP_INIT };
}

void
chats_release(struct chats *c)
{
	strmap_release(&c->all, free_chat);
	strmap_release(&c->closed, NULL);
	strmap_release(&c->asked_left, free);
	free(c->gathered);
	free(c->first_failure);
	free(c->first_unnamed);
}

/* Frees the chat. Its id stays in the map, with DONE. */
static void
finish_chat(struct polled_chat *c)
{
	*strmap_put(&c->chats->all, c->list.id, strlen(c->list.id)) = &DONE;
	free_chat(c);
}

static bool
is_closed(const struct polled_chat *c)
{
	return c->list.status == CHAT_CLOSED;
}

/* Returns the name and phone number to show with the chat's customer. */
static const char *
person_of(const struct polled_chat *c)
{
	const char *known = c->state.person;

	if (c->list.customer == NULL)
		return "";
	return known != NULL && *known != '\0' ? known : c->list.person;
}

/* Writes the chat's own record. */
static void
emit_chat(struct polled_chat *c, int64_t opened_at, bool stale)
{
	struct buf body = BUF_INIT;

	crm_record_add_chat(
	    &body, &c->list, person_of(c), opened_at, c->asked_ms);
	if (stale)
		jsonw_bool(&body, "stale", true);
	emit_record(c->chats->emit, "chat", body.data, body.len);
	buf_release(&body);
}

static bool
is_message_wanted(const struct chats *cs, int64_t at, int64_t opened_at)
{
	return cs->crm->tenant->opt.history_all || opened_at == CLOCK_NONE ||
	       at >= opened_at;
}

/* True if the chat's present record does not show how it began: a message has
 * assigned it since, or it has been reopened. If it was assigned without such a
 * message, its earlier assignee is unknown. */
static bool
began_differently(const struct polled_chat *c)
{
	return history_assigns(&c->state.history) ||
	       (c->list.operator_id == NULL &&
		   c->list.opened_at < c->state.opened_at);
}

/* Writes the chat as it began, without an operator, unless its earlier messages
 * are omitted. */
static void
emit_beginning(struct polled_chat *c)
{
	const struct chats *cs = c->chats;
	int64_t at = c->list.opened_at;
	struct buf body = BUF_INIT;

	if (!profile_about(cs->crm->tenant->profile)->begins_unassigned ||
	    at == CLOCK_NONE ||
	    !is_message_wanted(cs, at, c->state.opened_at) ||
	    !began_differently(c))
		return;
	jsonw_str(&body, "chat", c->list.id);
	jsonw_time(&body, "opened_at", at);
	jsonw_time(&body, "at", at);
	emit_record(cs->emit, "chat", body.data, body.len);
	buf_release(&body);
}

static void
emit_history(struct polled_chat *c, bool stale)
{
	const struct history *h = &c->state.history;
	size_t i;

	emit_beginning(c);
	emit_chat(c, c->state.opened_at, stale);
	for (i = 0; i < h->n; i++) {
		const struct history_message *m = &h->messages[i];

		if (is_message_wanted(c->chats, m->at, c->state.opened_at))
			emit_record(c->chats->emit, "message", m->body,
			    strlen(m->body));
	}
}

/* Returns the chat's record for the next polls, owned; NULL if they do not need
 * it. */
static char *
row_of(const struct polled_chat *c)
{
	struct buf row = BUF_INIT;

	if (!c->chats->keep_rows || is_closed(c))
		return NULL;
	crm_record_write(&c->list, &row);
	return buf_take(&row);
}

static void
keep_chat_state(struct polled_chat *c)
{
	if (c->chats->crm->store == NULL)
		return;
	free(c->state.row);
	c->state.row = row_of(c);
	chat_state_keep(&c->state, c->chats->crm->store, c->list.id);
}

/* True if the state has the chat's present record. */
static bool
has_row(const struct polled_chat *c)
{
	char *row = row_of(c);
	bool same = row == NULL || strcmp(row, c->state.row) == 0;

	free(row);
	return same;
}

static void
set_text(char **to, const char *s)
{
	char *copy = xstrdup(s != NULL ? s : "");

	free(*to);
	*to = copy;
}

/* True if the last message that the list names has been read. */
static bool
has_last(const struct polled_chat *c)
{
	return history_has_last(
	    &c->state.history, c->list.last, c->list.last_at);
}

/* The beginning of the episode, as far as an earlier poll could know it. That
 * poll may have taken a message from the list as the first one, although the
 * CRM later shows earlier messages. */
static int64_t
known_opening(struct chat_state *s)
{
	history_sort(&s->history);
	return history_reaches(&s->history, s->opened_at) ? s->opened_at
							  : CLOCK_NONE;
}

/* Updates the state from the messages that were read. */
static void
update_state(struct polled_chat *c)
{
	struct chat_state *s = &c->state;
	const char *mark = c->list.mark != NULL ? c->list.mark : "";
	bool same_mark = c->known && strcmp(s->mark, mark) == 0;
	int64_t known = known_opening(s);

	history_move(&s->history, &c->read);
	history_sort(&s->history);
	/* Messages since the last poll may belong to two episodes. */
	s->opened_at = is_closed(c)
			   ? known
			   : history_opened_at(&s->history, c->list.episode,
				 known, c->list.opened_at);
	if (!c->chats->crm->tenant->opt.history_all &&
	    s->opened_at != CLOCK_NONE)
		history_drop_before(&s->history, s->opened_at);
	if (!same_mark)
		s->since = c->asked_ms;
	s->complete = c->list.mark != NULL &&
		      (has_last(c) || c->asked_ms - s->since > HISTORY_WAIT_MS);
	s->failures = 0;
	set_text(&s->mark, mark);
	set_text(&s->operator_id, c->list.operator_id);
}

/* The chat could not be read. Only counts the failure in the state: a partly
 * read history would have a gap that no later poll fills. After FAILURES_MAX
 * failures, the chat is written as it was last read. */
static void
fail_chat(struct polled_chat *c)
{
	struct chat_state *s = &c->state;

	s->failures++;
	s->complete = false;
	if (!c->known) {
		set_text(&s->mark, "");
		set_text(&s->operator_id, "");
	}
	history_sort(&s->history);
	s->left_at = s->told = 0;
	keep_chat_state(c);
	if (s->failures < FAILURES_MAX || c->chats->crm->store == NULL) {
		c->chats->failed++;
		return;
	}
	if (s->opened_at == CLOCK_NONE)
		s->opened_at = history_opened_at(&s->history, c->list.episode,
		    CLOCK_NONE, c->list.opened_at);
	c->chats->stale++;
	emit_history(c, true);
}

/* Writes a chat that is in the list or missing from it by mistake. */
static void
write_open_chat(struct polled_chat *c)
{
	struct chat_state *s = &c->state;
	bool back = s->left_at != 0;

	s->left_at = s->told = 0;
	if (!c->unchanged || back || c->person_asked ||
	    (c->chats->keep_rows && !has_row(c)))
		keep_chat_state(c);
	emit_history(c, false);
}

/* Writes a closed chat. Its last message may be shown later, or never. */
static void
write_closed_chat(struct polled_chat *c)
{
	struct chat_state *s = &c->state;

	if (s->left_at == 0)
		s->left_at = crm_session_now(c->chats->crm);
	if (has_last(c) || c->asked_ms - s->since > HISTORY_WAIT_MS) {
		s->told = c->chats->emit->at;
		c->chats->told = true;
		emit_history(c, false);
	}
	keep_chat_state(c);
}

static void miss_last_word(struct chats *cs, const char *id, bool gone);

/* Called when all answers about the chat have arrived. */
static void
complete_chat(struct polled_chat *c)
{
	if (c->failed && is_closed(c)) {
		miss_last_word(c->chats, c->list.id, false);
	} else if (c->failed) {
		fail_chat(c);
	} else {
		if (c->unchanged) /* the list may have shown the last message
				   * again */
			history_sort(&c->state.history);
		else
			update_state(c);
		if (is_closed(c))
			write_closed_chat(c);
		else
			write_open_chat(c);
	}
	finish_chat(c);
}

static void
answer_arrived(struct polled_chat *c)
{
	if (--c->waiting == 0)
		complete_chat(c);
}

static void
chat_messages_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct polled_chat *c = ctx;
	const struct crm_record *r;

	(void)asked_ms;
	for (r = a->records; r < a->records + a->n; r++) {
		if (r->type != RECORD_MESSAGE)
			continue;
		if (strcmp(r->chat, c->list.id) != 0) {
			c->mixed = true;
			continue;
		}
		history_put(&c->read, r, true);
	}
}

static void
remember_failure(struct polled_chat *c, const struct ending *e)
{
	struct chats *cs = c->chats;

	if (cs->first_failure != NULL)
		return;
	cs->first_failure = xasprintf("chat %s: %s", c->list.id, e->message);
	cs->first_error = e->error;
}

/* Turns an answer with messages of another chat into an error: the CRM or its
 * profile ignores the requested chat. Otherwise this chat's missing messages
 * would look like silence. */
static struct ending
ending_of_messages(const struct polled_chat *c, const struct ending *e)
{
	struct ending end = *e;

	if (c->mixed && e->error == ERROR_CLASS_NONE) {
		end.failure = FAILURE_ITEM;
		end.error = ERROR_CLASS_UNUSABLE;
		end.message = "the answer has messages of another chat";
	}
	return end;
}

static void
chat_messages_end(void *ctx, const struct ending *ending)
{
	struct polled_chat *c = ctx;
	struct chats *cs = c->chats;
	const struct ending e = ending_of_messages(c, ending);

	cs->read++;
	c->failed = e.failure != FAILURE_NONE;
	if (e.failure != FAILURE_TENANT || !failure_is_general(e.error)) {
		if (c->failed && !is_closed(c))
			remember_failure(c, &e);
		answer_arrived(c);
	}
	if (e.failure == FAILURE_TENANT)
		crm_session_fail(cs->crm, e.error, "messages", e.message);
}

static void
ask_chat_messages(struct polled_chat *c)
{
	struct chats *cs = c->chats;
	/* A chat that also failed in the last poll does not indicate that other
	 * chats will fail. Otherwise, if only a few such chats were left to
	 * read, they would end every poll and never be written from the
	 * state. */
	bool again = c->state.failures > 0;
	const char *known = NULL;
	struct crm_question q = { .call = PROFILE_MESSAGES,
		.item = c->list.id,
		.tries = again ? 2 : TRIES,
		.at_once = again,
		.weight = again ? FAILURE_ALONE : FAILURE_OTHER,
		.optional = is_closed(c),
		.ctx = c,
		.page = chat_messages_page,
		.end = chat_messages_end };

	if (c->state.failures >= FAILURES_MAX)
		q.tries = 1;
	if (c->known)
		known = history_complete_up_to(
		    &c->state.history, c->asked_ms - HISTORY_LATE_MS);
	q.with = json_pack(
	    "{s:O?, s:{s:s?}}", "chat", c->list.raw, "known", "last", known);
	c->waiting++;
	cs->to_read++;
	fetch_ask(cs->crm->fetch, &q);
}

static void
customer_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct polled_chat *c = ctx;

	(void)asked_ms;
	if (a->n > 0)
		set_text(&c->state.person, a->records[0].person);
}

/* If the CRM does not show the customer, an earlier name remains. */
static void
customer_end(void *ctx, const struct ending *e)
{
	struct polled_chat *c = ctx;
	struct chats *cs = c->chats;
	struct chat_state *s = &c->state;
	bool gone = e->error == ERROR_CLASS_GONE;
	bool failed = e->failure != FAILURE_NONE && !gone;

	if (e->failure == FAILURE_TENANT) {
		crm_session_fail(cs->crm, e->error, "customers", e->message);
		return;
	}
	if (gone)
		set_text(&s->person, "");
	if (failed && cs->unnamed++ == 0)
		cs->first_unnamed =
		    xasprintf("customer %s: %s", c->list.customer, e->message);
	if (e->asked) {
		s->person_failures = failed ? s->person_failures + 1 : 0;
		s->person_at = e->ended_ms;
		c->person_asked = true;
	}
	answer_arrived(c);
}

/* True if the customer need not be queried yet. Names are read again after a
 * day, or up to four hours earlier, so that not all customers are due in the
 * same minute. A customer whom the CRM could not show is queried again in the
 * next poll, and then every PERSON_AGAIN_MS: most faults are over by then, and
 * a customer who can never be shown does not cost a call in each poll. A time
 * more than a day ahead is from a wrong clock. */
static bool
is_person_fresh(const struct polled_chat *c)
{
	const struct chat_state *s = &c->state;
	int64_t ago = c->asked_ms - s->person_at, age = PERSON_AGAIN_MS;
	unsigned h = 0;
	const char *id;

	if (s->person_failures == 0) {
		for (id = c->list.customer; *id != '\0'; id++)
			h = h * 31 + (unsigned char)*id;
		age = DAY_MS - h % 240 * MINUTE_MS;
	}
	return s->person_failures != 1 && ago < age && ago >= -DAY_MS;
}

/* Forgets the name of an earlier customer: that of a chat may change. */
static void
forget_other_person(struct polled_chat *c)
{
	struct chat_state *s = &c->state;
	const char *id = c->list.customer;

	if (id == NULL || (s->customer != NULL && strcmp(s->customer, id) == 0))
		return;
	set_text(&s->customer, id);
	set_text(&s->person, "");
	s->person_at = 0;
	s->person_failures = 0;
}

/* Reads the customer's name, if [crm] customers is set. */
static void
find_customer(struct polled_chat *c)
{
	struct crm_session *crm = c->chats->crm;
	struct crm_question q = { .call = PROFILE_CUSTOMER,
		.item = c->list.customer,
		.tries = 2,
		.at_once = true,
		.weight = FAILURE_OTHER,
		.optional = true,
		.ctx = c,
		.page = customer_page,
		.end = customer_end };

	if (!crm->tenant->customers || c->list.customer == NULL ||
	    is_person_fresh(c))
		return;
	q.with = json_pack("{s:s}", "customer", c->list.customer);
	c->waiting++;
	fetch_ask(crm->fetch, &q);
}

/* True if the state has everything that the CRM would show. */
static bool
is_unchanged(struct polled_chat *c)
{
	struct chat_state *s = &c->state;

	if (is_closed(c)) {
		history_sort(&s->history);
		return (c->list.last != NULL ||
			   c->list.last_at != CLOCK_NONE) &&
		       has_last(c);
	}
	return s->complete && s->failures == 0 && s->told == 0 &&
	       c->list.mark != NULL && strcmp(s->mark, c->list.mark) == 0;
}

/* Reads the chat's state from the store; false if it has none. */
static bool
load_state(struct polled_chat *c)
{
	struct chat_state stored;

	if (!chat_state_load(&stored, c->chats->crm->store, c->list.id))
		return false;
	/* The messages of the list are newer, so they come last. */
	history_move(&stored.history, &c->state.history);
	chat_state_release(&c->state);
	c->state = stored;
	return true;
}

/* Writes a chat from the list, or starts to read it. Its history already has
 * the messages that were in the list. */
static void
decide_chat(struct polled_chat *c)
{
	c->known = load_state(c);
	c->waiting = 1; /* This count stands for the questions that are yet to
			 * be queued. */
	forget_other_person(c);
	find_customer(c);
	c->unchanged = c->known && is_unchanged(c);
	if (!c->unchanged)
		ask_chat_messages(c);
	answer_arrived(c);
}

static bool
is_of(const struct crm_record *r, const char *operator_id)
{
	return r->operator_id != NULL &&
	       strcmp(r->operator_id, operator_id) == 0;
}

/* True if the assignee in *r counts instead of the one in *listed. last: the
 * one who counted at the last poll, or "". */
static bool
counts_instead(const struct crm_record *r, const struct crm_record *listed,
    const char *last)
{
	if (r->operator_id == NULL)
		return false;
	if (listed->operator_id == NULL || is_of(listed, r->operator_id))
		return true; /* it is newer */
	if (is_of(listed, last) || is_of(r, last))
		return is_of(r, last);
	return id_compare(r->operator_id, strlen(r->operator_id),
		   listed->operator_id, strlen(listed->operator_id)) < 0;
}

/* In CRMs that list chats by operator, a chat may be in several lists: it has
 * several operators, or it moves while the lists are read. Only one operator
 * counts: the one who counted at the last poll, otherwise the lowest id. So
 * every poll chooses the same one, regardless of the order of the lists. *r:
 * the chat in another list. */
static void
list_again(struct polled_chat *c, struct crm_record *r, int64_t asked_ms)
{
	struct crm_record other = c->list;
	struct chat_state s;
	bool known = chat_state_load(&s, c->chats->crm->store, c->list.id);

	c->asked_ms = asked_ms;
	if (counts_instead(
		r, &c->list, known && s.told == 0 ? s.operator_id : "")) {
		c->list = *r;
		*r = other;
	}
	if (known)
		chat_state_release(&s);
}

static struct polled_chat *
add_listed_chat(struct chats *cs, struct crm_record *r, int64_t asked_ms)
{
	void **slot = strmap_put(&cs->all, r->id, strlen(r->id));
	struct polled_chat *c;

	if (*slot != NULL) { /* The chat moved to another page or list while the
			      * lists were read. */
		if (cs->gather)
			list_again(*slot, r, asked_ms);
		return NULL;
	}
	c = xcalloc(1, sizeof *c);
	c->chats = cs;
	c->list = *r;
	*r = (struct crm_record){ .type = RECORD_UNKNOWN };
	c->state = (struct chat_state){ .opened_at = CLOCK_NONE,
		.history = HISTORY_INIT };
	c->read = (struct history)HISTORY_INIT;
	c->asked_ms = asked_ms;
	*slot = c;
	return c;
}

static bool
is_taken(const struct crm_record *r, const char *left)
{
	if (r->status == CHAT_CLOSED)
		return left != NULL && strcmp(r->id, left) == 0;
	return r->status != CHAT_GONE;
}

/* left: the chat was looked up because it has left the list; it is added even
 * if it is closed. NULL for a page of the list. */
static void
take_page(struct chats *cs, struct profile_answer *a, int64_t asked_ms,
    const char *left)
{
	struct polled_chat **added = xcalloc(a->n + 1, sizeof *added);
	struct polled_chat *c;
	size_t i, n = 0;

	for (i = 0; i < a->n; i++) {
		struct crm_record *r = &a->records[i];

		if (r->type == RECORD_CHAT && r->taken) {
			cs->unknown++;
		} else if (r->type == RECORD_CHAT && cs->keep_rows &&
			   left == NULL && r->status == CHAT_CLOSED) {
			*strmap_put(&cs->closed, r->id, strlen(r->id)) = &DONE;
		} else if (r->type == RECORD_CHAT && is_taken(r, left)) {
			c = add_listed_chat(cs, r, asked_ms);
			if (c != NULL)
				added[n++] = c;
		} else if (r->type == RECORD_MESSAGE) {
			c = strmap_get(&cs->all, r->chat, strlen(r->chat));
			if (c != NULL && c != &DONE)
				history_put(&c->state.history, r, false);
		}
	}
	cs->listed += n;
	for (i = 0; i < n; i++) {
		if (!cs->gather) {
			decide_chat(added[i]);
			continue;
		}
		XGROW(cs->gathered, cs->gathered_n, cs->gathered_cap);
		cs->gathered[cs->gathered_n++] = added[i];
	}
	free(added);
}

void
chats_page(struct chats *cs, struct profile_answer *a, int64_t asked_ms)
{
	take_page(cs, a, asked_ms, NULL);
}

/* Calls entry() for each chat of the state. If that fails, so does the poll. */
static void
each_stored(struct chats *cs, lmdb_entry_fn *entry, void *ctx)
{
	struct buf why = BUF_INIT;
	enum exit_code code =
	    store_each(cs->crm->store, STORE_CHATS, entry, ctx, &why);

	if (code != PROG_OK)
		crm_session_fail_state(cs->crm, code, buf_str(&why));
	buf_release(&why);
}

struct carried {
	struct chats *chats;
	struct profile_answer rows;
	size_t cap;
};

static bool
carry_stored(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct carried *c = ctx;
	const char *id = key;
	struct chats *cs = c->chats;
	struct profile_answer *a = &c->rows;
	struct buf why = BUF_INIT;
	struct chat_state s;
	json_t *row;

	(void)key_len;
	if (strmap_get(&cs->all, id, strlen(id)) != NULL ||
	    strmap_get(&cs->closed, id, strlen(id)) != NULL ||
	    chat_state_decode(&s, data, len) != 0)
		return true;
	XGROW(a->records, a->n, c->cap);
	row = s.left_at == 0 ? json_read_repaired(s.row, strlen(s.row), &why)
			     : NULL;
	if (profile_record_read(
		cs->crm->tenant->profile, row, &a->records[a->n]) == 0)
		a->n++;
	json_decref(row);
	buf_release(&why);
	chat_state_release(&s);
	return true;
}

void
chats_carry(struct chats *cs, int64_t asked_ms)
{
	struct carried c = { .chats = cs };

	each_stored(cs, carry_stored, &c);
	chats_page(cs, &c.rows, asked_ms);
	profile_answer_release(&c.rows);
}

void
chats_listed(struct chats *cs)
{
	size_t i;

	cs->gather = false;
	for (i = 0; i < cs->gathered_n; i++)
		decide_chat(cs->gathered[i]);
	cs->gathered_n = 0;
}

/* ---- chats leave ---- */

/* How long chats that have left the list are kept; they are then deleted,
 * because they are personal data. If a chat left this far in the future, its
 * time is from a wrong clock; it is deleted, too, because otherwise it would
 * stay until then. */
#define KEEP_LEFT_MS (7 * DAY_MS)

/* A chat that is looked up. */
struct left_chat {
	struct chats *chats;
	struct locate locate;
	char id[];
};

struct left_chats {
	struct chats *chats;
	int64_t now_ms;
	char **ids; /* of the chats that have left and whose last messages are
		     * missing */
	size_t n, cap;
};

bool
chat_is_over(const struct chat_state *c, struct store *s)
{
	return c->told != 0 &&
	       c->told <= store_number(s, CHATS_CONFIRMED, TOLD_NOTHING);
}

static bool
look_at_stored(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct left_chats *l = ctx;
	const char *id = key;
	struct store *store = l->chats->crm->store;
	struct chat_state s;
	bool old, over;

	(void)key_len;
	if (strmap_get(&l->chats->all, id, strlen(id)) != NULL)
		return true;
	if (chat_state_decode(&s, data, len) != 0) {
		store_delete(store, STORE_CHATS, id);
		return true;
	}
	old = s.left_at != 0 && (l->now_ms - s.left_at >= KEEP_LEFT_MS ||
				    s.left_at - l->now_ms >= KEEP_LEFT_MS);
	over = chat_is_over(&s, store);
	chat_state_release(&s);
	if (old) {
		store_delete(store, STORE_CHATS, id);
	} else if (!over) {
		XGROW(l->ids, l->n, l->cap);
		l->ids[l->n++] = xstrdup(id);
	}
	return true;
}

/* Records that the chat left at that time and that its last messages are
 * missing; 0: that it is in the list again. */
static void
set_left(struct chats *cs, const char *id, int64_t left_at)
{
	struct chat_state s;

	if (!chat_state_load(&s, cs->crm->store, id))
		return;
	if (left_at == 0 || s.left_at == 0)
		s.left_at = left_at;
	s.told = 0;
	chat_state_keep(&s, cs->crm->store, id);
	chat_state_release(&s);
}

/* Gives up on the chat after some polls: a chat that was deleted, or can never
 * be read, would cost a call in each poll. */
static void
miss_last_word(struct chats *cs, const char *id, bool gone)
{
	int64_t now_ms = crm_session_now(cs->crm);
	struct chat_state s;

	if (!chat_state_load(&s, cs->crm->store, id))
		return;
	if (s.left_at == 0)
		s.left_at = now_ms;
	s.told = 0;
	if (++s.failures >= FAILURES_MAX &&
	    (gone || now_ms - s.left_at > HISTORY_WAIT_MS))
		s.told = TOLD_NOTHING;
	if (s.told == TOLD_NOTHING && !gone)
		log_warn(
		    "tenant %s: chat %s left the CRM's list and cannot be "
		    "read; history lacks its last messages and its closing",
		    cs->crm->tenant->name, id);
	chat_state_keep(&s, cs->crm->store, id);
	chat_state_release(&s);
}

static bool
is_open(const struct crm_record *r)
{
	return r->type == RECORD_CHAT && !r->taken &&
	       r->status != CHAT_CLOSED && r->status != CHAT_GONE;
}

static void
left_chat_page(void *ctx, struct profile_answer *a, int64_t asked_ms)
{
	struct left_chat *l = ctx;
	struct chats *cs = l->chats;
	size_t i;

	for (i = 0; i < a->n; i++)
		if (is_open(&a->records[i]))
			set_left(cs, a->records[i].id, 0);
	take_page(cs, a, asked_ms, l->id);
}

static void
left_chat_end(void *ctx, enum where where, const struct ending *e)
{
	struct left_chat *l = ctx;

	(void)e;
	if (strmap_get(&l->chats->all, l->id, strlen(l->id)) == NULL)
		miss_last_word(l->chats, l->id,
		    where == WHERE_GONE || where == WHERE_UNASKED);
}

static void
ask_left_chat(struct chats *cs, const char *id)
{
	struct left_chat *l = xcalloc(1, sizeof *l + strlen(id) + 1);

	l->chats = cs;
	memcpy(l->id, id, strlen(id) + 1);
	*strmap_put(&cs->asked_left, id, strlen(id)) = l;
	l->locate = (struct locate){ .fetch = cs->crm->fetch,
		.chat = l->id,
		.tries = 1,
		.at_once = true,
		.unlisted = true,
		.ctx = l,
		.page = left_chat_page,
		.end = left_chat_end };
	locate_chat(&l->locate);
}

void
chats_leave(struct chats *cs, bool all)
{
	struct left_chats l = { .chats = cs,
		.now_ms = crm_session_now(cs->crm) };
	size_t i;

	each_stored(cs, look_at_stored, &l);
	for (i = 0; i < l.n; i++) {
		set_left(cs, l.ids[i], l.now_ms);
		if (all || i < SHORT_LIST_MOST)
			ask_left_chat(cs, l.ids[i]);
		free(l.ids[i]);
	}
	free(l.ids);
}
