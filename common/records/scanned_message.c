/*
 * scanned_message: see scanned_message.h.
 */
#include "common/records/scanned_message.h"

#include <pthread.h>
#include <string.h>

#include "common/digest/random.h"

_Atomic uint64_t scanned_hash_seed;

static void
make_seed(void)
{
	atomic_store(&scanned_hash_seed, random_64() | 1);
}

uint64_t
scanned_make_seed(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, make_seed);
	return atomic_load(&scanned_hash_seed);
}

void
scanned_words_clear(struct scanned_words *w)
{
	memset(w->last, 0, sizeof w->last);
	memset(w->slots, 0, sizeof w->slots);
	w->n = 0;
}

/* Most words have up to 8 bytes. */
static bool
is_known_word(
    const struct scanned_word *known, enum scanned_use use, struct text t)
{
	return known->text.len == t.len && known->use == use &&
	       ((hash_load8(t.p) ^ known->start) & known->mask) == 0 &&
	       (t.len <= 8 || hash_same(known->text.p + 8, t.p + 8, t.len - 8));
}

static void
set_word(struct scanned_word *w, enum scanned_use use, struct text t)
{
	unsigned char mask[8] = { 0 };

	memset(mask, 0xff, t.len < sizeof mask ? t.len : sizeof mask);
	memcpy(&w->mask, mask, sizeof mask);
	w->start = hash_load8(t.p);
	w->text = t;
	w->use = use;
}

/* Words mostly differ in their length or their last byte. Not inline: the usual
 * way is short and saves no registers. */
static __attribute__((noinline)) uint8_t
list_other_word(struct scanned_words *w, enum scanned_use use, struct text t)
{
	size_t slot = 5 * t.len + 37 * use, i;
	const struct scanned_word *known;

	if (t.len > 0)
		slot += 7u * (unsigned char)t.p[t.len - 1];
	for (;; slot++) {
		i = w->slots[slot %= sizeof w->slots];
		if (i == 0)
			break;
		known = &w->words[i];
		if (is_known_word(known, use, t))
			return (uint8_t)i;
	}
	if (w->n == SCANNED_WORDS)
		return 0;
	w->slots[slot] = (uint8_t)++w->n;
	set_word(&w->words[w->n], use, t);
	return (uint8_t)w->n;
}

/* The number of a word, which is listed if it is new; 0: there are too many.
 * Mostly it is the last one of its use. */
static uint8_t
list_word(struct scanned_words *w, enum scanned_use use, struct text t)
{
	uint8_t *last = &w->last[use];

	if (*last == 0 || !is_known_word(&w->words[*last], use, t))
		*last = list_other_word(w, use, t);
	return *last;
}

/* The words of the message, but for the prefix of its id. */
static bool
list_words(
    struct scanned_message *to, struct scanned_words *w, const struct record *r)
{
	to->tenant = list_word(w, WORD_TENANT, r->tenant);
	to->channel =
	    r->channel.p != NULL ? list_word(w, WORD_CHANNEL, r->channel) : 0;
	to->kind = r->kind.p != NULL ? list_word(w, WORD_KIND, r->kind) : 0;
	return to->tenant != 0 && (r->channel.p == NULL || to->channel != 0) &&
	       (r->kind.p == NULL || to->kind != 0);
}

static void
make_scanned_id(
    struct scanned_message *to, struct scanned_words *w, struct text id)
{
	struct id_parts parts;
	enum id_form form = id_split(id, &parts);

	to->id_prefix = 0;
	if (form == ID_PREFIXED) {
		to->id_prefix = list_word(
		    w, WORD_PREFIX, (struct text){ id.p, parts.prefix });
		if (to->id_prefix == 0)
			form = ID_OTHER;
	}
	to->id_form = (uint8_t)form;
	to->id_value = parts.value;
	to->id_digits = (uint8_t)parts.digits;
}

/* Copies a text, and some bytes more, behind the others; returns its length. */
static uint8_t
append_text(char **to, struct text t)
{
	size_t i;

	for (i = 0; i < t.len; i += SCANNED_COPY)
		memcpy(*to + i, t.p + i, SCANNED_COPY);
	*to += t.len;
	return (uint8_t)t.len;
}

/* The bytes up to `end`, and to the next item. */
static uint32_t
item_size(const void *from, const char *end)
{
	return (uint32_t)((size_t)(end - (const char *)from) + 7) / 8 * 8;
}

bool
scanned_message_make(
    struct scanned_message *to, struct scanned_words *w, const struct record *r)
{
	struct text none = { "", 0 }, user = r->user.p != NULL ? r->user : none,
		    by = r->operator_id.p != NULL ? r->operator_id : none;
	char *end = to->texts;

	if (!list_words(to, w, r))
		return false;
	make_scanned_id(to, w, r->id);
	to->at = r->at;
	to->updated_at = r->updated_at;
	to->chat_hash = scanned_hash(r->chat);
	to->from = (uint8_t)r->from;
	to->is_private = r->is_private;
	to->automated = r->automated;
	to->by_operator =
	    by.len > 0 && by.len == user.len && hash_same(by.p, user.p, by.len);
	to->chat_len = append_text(&end, r->chat);
	to->user_len = append_text(&end, user);
	to->operator_len = append_text(&end, to->by_operator ? none : by);
	to->id_len = append_text(&end, to->id_form == ID_OTHER ? r->id : none);
	to->head.size = item_size(to, end);
	return true;
}

bool
scanned_event_make(
    struct scanned_event *to, struct scanned_words *w, const struct record *r)
{
	struct text none = { "", 0 };
	char *end = to->texts;

	to->tenant = list_word(w, WORD_TENANT, r->tenant);
	to->event = list_word(w, WORD_EVENT, r->event);
	if (to->tenant == 0 || to->event == 0)
		return false;
	to->at = r->at;
	to->id_len = append_text(&end, r->id);
	to->user_len = append_text(&end, r->user.p != NULL ? r->user : none);
	to->head.size = item_size(to, end);
	return true;
}
