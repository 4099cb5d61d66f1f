/*
 * history: see history.h. Messages with the same id are removed when the
 * history is sorted, not when it grows.
 */
#include "poller/chats/history.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/containers/pack.h"

static void
release_message(struct history_message *m)
{
	free(m->id);
	free(m->episode);
	free(m->body);
}

void
history_release(struct history *h)
{
	size_t i;

	for (i = 0; i < h->n; i++)
		release_message(&h->messages[i]);
	free(h->messages);
	*h = (struct history)HISTORY_INIT;
}

void
history_put(struct history *h, const struct crm_record *r, bool fetched)
{
	XGROW(h->messages, h->n, h->cap);
	h->messages[h->n++] = (struct history_message){
		.id = xstrdup(r->id),
		.episode = xstrdup(r->episode != NULL ? r->episode : ""),
		.body = xstrdup(r->body),
		.at = r->at,
		.closing = r->closing,
		.assigning = r->assigning,
		.opening = r->opening,
		.fetched = fetched,
	};
	h->sorted = false;
}

void
history_move(struct history *to, struct history *from)
{
	size_t i;

	for (i = 0; i < from->n; i++) {
		XGROW(to->messages, to->n, to->cap);
		to->messages[to->n++] = from->messages[i];
	}
	to->sorted = to->sorted && from->n == 0;
	from->n = 0;
}

static int
compare_ids(const char *a, const char *b)
{
	return id_compare(a, strlen(a), b, strlen(b));
}

static int
by_id_newest_first(const void *x, const void *y)
{
	const struct history_message *const *a = x, *const *b = y;
	int c = compare_ids((*a)->id, (*b)->id);

	if (c != 0)
		return c;
	/* A message added later has a higher address. */
	return *a > *b ? -1 : *a < *b;
}

static int
by_time(const void *x, const void *y)
{
	const struct history_message *a = x, *b = y;

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return compare_ids(a->id, b->id);
}

/* Keeps the latest version of each message. A message stays fetched if any
 * version was. */
static void
drop_replaced(struct history *h)
{
	struct history_message **index = xcalloc(h->n + 1, sizeof *index);
	struct history_message *kept = NULL;
	size_t i, n = 0;

	for (i = 0; i < h->n; i++)
		index[i] = &h->messages[i];
	qsort(index, h->n, sizeof *index, by_id_newest_first);
	for (i = 0; i < h->n; i++) {
		if (kept == NULL || strcmp(kept->id, index[i]->id) != 0) {
			kept = index[i];
			continue;
		}
		kept->fetched |= index[i]->fetched;
		release_message(index[i]);
		index[i]->id = NULL;
	}
	free(index);
	for (i = 0; i < h->n; i++) {
		if (h->messages[i].id != NULL)
			h->messages[n++] = h->messages[i];
	}
	h->n = n;
}

void
history_sort(struct history *h)
{
	if (h->sorted)
		return;
	drop_replaced(h);
	qsort(h->messages, h->n, sizeof *h->messages, by_time);
	h->sorted = true;
}

bool
history_opens(const struct history *h, size_t i, const char *episode)
{
	const struct history_message *m = &h->messages[i];

	return m->opening && strcmp(m->episode, episode) == 0;
}

/* Number of messages up to and including the last closing; 0 if there is no
 * closing. */
static size_t
up_to_closing(const struct history *h)
{
	size_t n = h->n;

	while (n > 0 && !h->messages[n - 1].closing)
		n--;
	return n;
}

/* Time of the first opening after the last closing, or of the closing itself if
 * nothing has opened the chat since; `known` if there is no closing. */
static int64_t
after_closing(const struct history *h, int64_t known)
{
	size_t n = up_to_closing(h), i;

	for (i = n; i < h->n && n > 0; i++) {
		if (h->messages[i].opening)
			return h->messages[i].at;
	}
	return n == 0 ? known : h->messages[n - 1].at;
}

/* Time of the episode's first message; CLOCK_NONE if it has none. */
static int64_t
first_of(const struct history *h, const char *episode)
{
	size_t i;

	for (i = 0; i < h->n; i++) {
		if (history_opens(h, i, episode))
			return h->messages[i].at;
	}
	return CLOCK_NONE;
}

/* Time of the first message of the newest message's episode. */
static int64_t
newest_episode(const struct history *h)
{
	const char *episode = h->n > 0 ? h->messages[h->n - 1].episode : "";

	return episode[0] != '\0' ? first_of(h, episode) : CLOCK_NONE;
}

int64_t
history_opened_at(
    const struct history *h, const char *episode, int64_t known, int64_t begin)
{
	int64_t last = after_closing(h, known);
	int64_t first = episode != NULL ? first_of(h, episode) : CLOCK_NONE;

	if (first != CLOCK_NONE)
		return first;
	/* The newest visible episode began before the one that is not visible
	 * yet. The CRM's time may be the beginning of a conversation with many
	 * episodes. */
	if (episode != NULL)
		first = newest_episode(h);
	if (first > last) /* CLOCK_NONE is less than any time */
		last = first;
	if (begin > last)
		last = begin;
	if (last == CLOCK_NONE && h->n > 0)
		last = h->messages[0].at;
	return last;
}

/* True if the message with that id was fetched. */
static bool
is_fetched(const struct history *h, const char *id)
{
	size_t i;

	for (i = h->n; i > 0; i--) {
		if (strcmp(h->messages[i - 1].id, id) == 0)
			return h->messages[i - 1].fetched;
	}
	return false;
}

bool
history_reaches(const struct history *h, int64_t at)
{
	size_t i;

	for (i = h->n; i > 0 && h->messages[i - 1].at >= at; i--) {
		if (h->messages[i - 1].fetched)
			return true;
	}
	return false;
}

bool
history_has_last(const struct history *h, const char *id, int64_t at)
{
	return (id == NULL || is_fetched(h, id)) &&
	       (at == CLOCK_NONE || history_reaches(h, at - at % 1000));
}

bool
history_assigns(const struct history *h)
{
	size_t i;

	for (i = 0; i < h->n; i++) {
		if (h->messages[i].assigning)
			return true;
	}
	return false;
}

const char *
history_complete_up_to(const struct history *h, int64_t before_ms)
{
	const char *least = NULL, *greatest = NULL;
	size_t i;

	for (i = 0; i < h->n; i++) {
		const struct history_message *m = &h->messages[i];

		if (!m->fetched)
			continue;
		if (least == NULL || compare_ids(m->id, least) < 0)
			least = m->id;
		if (m->at < before_ms &&
		    (greatest == NULL || compare_ids(m->id, greatest) > 0))
			greatest = m->id;
	}
	return greatest != NULL ? greatest : least;
}

void
history_drop_before(struct history *h, int64_t at)
{
	size_t i, n = 0, closing = up_to_closing(h);

	for (i = 0; i < h->n; i++) {
		if (h->messages[i].at < at && i + 1 != closing)
			release_message(&h->messages[i]);
		else
			h->messages[n++] = h->messages[i];
	}
	h->n = n;
}

/* ---- chat state ---- */

/* The bytes hold the chat's own members, the number of messages, and each
 * message; texts end with NUL. */

#define LAYOUT 10

/* The minimum size of a message: a time, four flags, and the length and NUL of
 * three texts. */
#define MESSAGE_LEAST 11

void
chat_state_release(struct chat_state *c)
{
	free(c->row);
	free(c->mark);
	free(c->operator_id);
	free(c->customer);
	free(c->person);
	history_release(&c->history);
	*c = (struct chat_state){ .row = NULL };
}

static void
code_message(struct pack *k, struct history_message *m)
{
	code_signed(k, &m->at);
	code_flag(k, &m->closing);
	code_flag(k, &m->fetched);
	code_flag(k, &m->assigning);
	code_flag(k, &m->opening);
	code_string(k, &m->id);
	code_string(k, &m->episode);
	code_string(k, &m->body);
}

static void
code_state(struct pack *k, struct chat_state *c)
{
	code_limited(k, &c->failures, UINT32_MAX);
	code_flag(k, &c->complete);
	code_signed(k, &c->opened_at);
	code_signed(k, &c->since);
	code_signed(k, &c->left_at);
	code_signed(k, &c->told);
	code_string(k, &c->row);
	code_string(k, &c->mark);
	code_string(k, &c->operator_id);
	code_string(k, &c->customer);
	code_string(k, &c->person);
	code_signed(k, &c->person_at);
	code_limited(k, &c->person_failures, UINT32_MAX);
}

/* The messages are encoded in order, so the history is sorted again. */
int
chat_state_decode(struct chat_state *c, const void *data, size_t len)
{
	struct pack k = pack_open(data, len, LAYOUT);
	struct history *h = &c->history;
	uint64_t messages;

	*c = (struct chat_state){ .history = HISTORY_INIT };
	code_state(&k, c);
	for (messages = pack_count(&k, MESSAGE_LEAST); messages > 0 && !k.bad;
	     messages--) {
		XGROW(h->messages, h->n, h->cap);
		code_message(&k, &h->messages[h->n++]);
	}
	if (pack_end(&k) == 0)
		return 0;
	chat_state_release(c);
	return -1;
}

bool
chat_state_load(struct chat_state *c, struct store *s, const char *id)
{
	const void *data;
	size_t len;

	return s != NULL && store_get(s, STORE_CHATS, id, &data, &len) &&
	       chat_state_decode(c, data, len) == 0;
}

void
chat_state_keep(struct chat_state *c, struct store *s, const char *id)
{
	struct buf b = BUF_INIT;
	struct pack k = pack_write(&b);
	size_t i;

	pack_put_number(&b, LAYOUT);
	code_state(&k, c);
	pack_put_number(&b, c->history.n);
	for (i = 0; i < c->history.n; i++)
		code_message(&k, &c->history.messages[i]);
	store_put(s, STORE_CHATS, id, b.data, b.len);
	buf_release(&b);
}
