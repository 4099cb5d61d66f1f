/*
 * polled_chat: see polled_chat.h.
 */
#include "poller/chats/polled_chat.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/json/jsonw.h"
#include "poller/chats/left_state.h"

struct polled_chat polled_chat_done;

struct polled_chat *
polled_chat_new(struct chats *cs, struct crm_record *r, int64_t asked_ms)
{
	struct polled_chat *c = xcalloc(1, sizeof *c);

	c->chats = cs;
	c->list = *r;
	*r = (struct crm_record){ .type = RECORD_UNKNOWN };
	c->state = (struct chat_state){ .opened_at = CLOCK_NONE,
		.history = HISTORY_INIT };
	c->read = (struct history)HISTORY_INIT;
	c->asked_ms = asked_ms;
	return c;
}

void
polled_chat_free(void *chat)
{
	struct polled_chat *c = chat;

	if (c == &polled_chat_done)
		return;
	crm_record_release(&c->list);
	chat_state_release(&c->state);
	history_release(&c->read);
	free(c);
}

/* Frees the chat. Its id stays in the map, with DONE. */
static void
finish_chat(struct polled_chat *c)
{
	*strmap_put(&c->chats->all, c->list.id, strlen(c->list.id)) =
	    &polled_chat_done;
	polled_chat_free(c);
}

bool
polled_chat_is_closed(const struct polled_chat *c)
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

	if (!c->chats->keep_rows || polled_chat_is_closed(c))
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

void
polled_chat_set_text(char **to, const char *s)
{
	char *copy = xstrdup(s != NULL ? s : "");

	free(*to);
	*to = copy;
}

bool
polled_chat_has_last(const struct polled_chat *c)
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
	s->opened_at = polled_chat_is_closed(c)
			   ? known
			   : history_opened_at(&s->history, c->list.episode,
				 known, c->list.opened_at);
	if (!c->chats->crm->tenant->opt.history_all &&
	    s->opened_at != CLOCK_NONE)
		history_drop_before(&s->history, s->opened_at);
	if (!same_mark)
		s->since = c->asked_ms;
	s->complete = c->list.mark != NULL &&
		      (polled_chat_has_last(c) ||
			  c->asked_ms - s->since > HISTORY_WAIT_MS);
	s->failures = 0;
	polled_chat_set_text(&s->mark, mark);
	polled_chat_set_text(&s->operator_id, c->list.operator_id);
}

/* The chat could not be read. Only counts the failure in the state: a partly
 * read history would have a gap that no later poll fills. After
 * CHAT_FAILURES_MAX failures, the chat is written as it was last read. */
static void
fail_chat(struct polled_chat *c)
{
	struct chat_state *s = &c->state;

	s->failures++;
	s->complete = false;
	if (!c->known) {
		polled_chat_set_text(&s->mark, "");
		polled_chat_set_text(&s->operator_id, "");
	}
	history_sort(&s->history);
	s->left_at = s->told = 0;
	keep_chat_state(c);
	if (s->failures < CHAT_FAILURES_MAX || c->chats->crm->store == NULL) {
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
	if (polled_chat_has_last(c) ||
	    c->asked_ms - s->since > HISTORY_WAIT_MS) {
		s->told = c->chats->emit->at;
		c->chats->told = true;
		emit_history(c, false);
	}
	keep_chat_state(c);
}

/* Called when all answers about the chat have arrived. */
static void
polled_chat_complete(struct polled_chat *c)
{
	if (c->failed && polled_chat_is_closed(c)) {
		left_miss_last_word(c->chats->crm, c->list.id, false);
	} else if (c->failed) {
		fail_chat(c);
	} else {
		if (c->unchanged) /* the list may have shown the last message
				   * again */
			history_sort(&c->state.history);
		else
			update_state(c);
		if (polled_chat_is_closed(c))
			write_closed_chat(c);
		else
			write_open_chat(c);
	}
	finish_chat(c);
}

void
polled_chat_answered(struct polled_chat *c)
{
	if (--c->waiting == 0)
		polled_chat_complete(c);
}
