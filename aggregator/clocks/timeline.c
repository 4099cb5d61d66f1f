/*
 * timeline: see timeline.h. Usually messages arrive in their order, so only the
 * others are sorted.
 */
#include "aggregator/clocks/timeline.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"

_Static_assert(sizeof(struct message) == 32, "there are many messages");

void
lexicon_init(struct lexicon *w)
{
	memset(w, 0, sizeof *w);
	interner_init(&w->names);
	message_ids_init(&w->message_ids);
}

void
lexicon_release(struct lexicon *w)
{
	interner_release(&w->names);
	message_ids_release(&w->message_ids);
	free(w->channels);
	memset(w, 0, sizeof *w);
}

/* Returns the name of a channel or kind, with a reference. Most of them have
 * different lengths or last bytes, by which the last names are found again. */
static uint32_t
get_word(struct lexicon *w, uint32_t recent[LEXICON_RECENT], struct text word)
{
	size_t end = word.len > 0 ? (unsigned char)word.p[word.len - 1] : 0;
	uint32_t *guess = &recent[(5 * word.len + end) % LEXICON_RECENT];

	*guess = interner_get_near(&w->names, word, *guess);
	return *guess;
}

unsigned
lexicon_kind(struct lexicon *w, struct text kind)
{
	uint32_t word;
	unsigned number;

	if (kind.p == NULL)
		return 0;
	word = get_word(w, w->recent_kinds, kind);
	number = interner_at(&w->names, word)->as.number.kind;
	if (number == 0 && w->kinds_n + 1 < LEXICON_KINDS) {
		number = ++w->kinds_n;
		w->kinds[number] = word;
		interner_at(&w->names, word)->as.number.kind = (uint8_t)number;
		return number;
	}
	interner_drop(&w->names, word);
	return number != 0 ? number : LEXICON_KINDS;
}

unsigned
lexicon_channel(struct lexicon *w, struct text channel)
{
	uint32_t word;
	unsigned number;

	if (channel.p == NULL)
		return 0;
	word = get_word(w, w->recent_channels, channel);
	number = interner_at(&w->names, word)->as.number.channel;
	if (number == 0 && w->channels_n < LEXICON_CHANNELS) {
		if ((w->channels_n & (w->channels_n + 1)) == 0)
			w->channels = xrealloc(w->channels,
			    2 * ((size_t)w->channels_n + 1),
			    sizeof *w->channels);
		number = ++w->channels_n;
		w->channels[number] = word;
		interner_at(&w->names, word)->as.number.channel =
		    (uint16_t)number;
		return number;
	}
	interner_drop(&w->names, word);
	if (number == 0 && !w->channels_full) {
		log_error("a tenant has more than %u channels; messages in "
			  "others count as if they had none",
		    LEXICON_CHANNELS);
		w->channels_full = true;
	}
	return number;
}

struct text
lexicon_channel_text(const struct lexicon *w, unsigned channel)
{
	return interner_text(
	    &w->names, channel != 0 ? w->channels[channel] : 0);
}

static enum message_kind
system_kind(struct text kind)
{
	static const struct {
		const char *name;
		enum message_kind kind;
	} kinds[] = {
		{ "opened", KIND_OPENED },
		{ "closed", KIND_CLOSED },
		{ "assigned", KIND_ASSIGNED },
		{ "handoff", KIND_HANDOFF },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(kinds); i++)
		if (text_is(kind, kinds[i].name))
			return kinds[i].kind;
	return KIND_OTHER;
}

/* Sets the author's names. The user of an operator's message is usually the
 * operator. */
static void
name_author(struct lexicon *w, struct message *m, const struct record *r,
    uint32_t hints[2])
{
	uint32_t *hint = m->from == FROM_CUSTOMER   ? &hints[0]
			 : m->from == FROM_OPERATOR ? &hints[1]
						    : &w->recent_names[m->from];

	m->user = interner_get_near(&w->names, r->user, *hint);
	if (m->user != 0)
		*hint = m->user;
	m->operator_id = interner_get_near(&w->names, r->operator_id, *hint);
}

void
message_read(struct lexicon *w, struct message *m, const struct record *r,
    uint32_t hints[2])
{
	message_set_at(m, r->at);
	m->channel = lexicon_channel(w, r->channel) & LEXICON_CHANNELS;
	m->id = message_id_make(&w->message_ids, r->id);
	message_set_updated(m, r->updated_at);
	m->kind = lexicon_kind(w, r->kind) & 127u;
	m->from = (unsigned)r->from & 7u;
	m->is = KIND_OTHER;
	if (r->from == FROM_SYSTEM)
		m->is = (unsigned)system_kind(r->kind) & 7u;
	m->is_private = r->is_private;
	m->automated = r->automated;
	name_author(w, m, r, hints);
}

void
message_drop(struct lexicon *w, const struct message *m)
{
	message_id_drop(&w->message_ids, m->id);
	interner_drop(&w->names, m->user);
	interner_drop(&w->names, m->operator_id);
}

/* Orders by (at, id); 0 for two messages that keep their order of arrival. */
static int
compare_messages(const struct message *a, const struct message *b)
{
	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return message_id_compare(a->id, b->id);
}

static int
compare_int(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* If an operator's message has only one of user and operator_id, it is used for
 * both. */
static int
compare_writers(
    const struct interner *n, const struct message *a, const struct message *b)
{
	int c = interner_compare_bytes(n, message_writer(a), message_writer(b));

	if (c != 0)
		return c;
	if (a->from == FROM_OPERATOR)
		return interner_compare_bytes(
		    n, message_operator(a), message_operator(b));
	return interner_compare_bytes(n, a->operator_id, b->operator_id);
}

int
message_compare_version(
    const struct lexicon *w, const struct message *a, const struct message *b)
{
	const struct interner *n = &w->names;
	int c = compare_int(message_updated_at(a), message_updated_at(b));

	if (c == 0)
		c = strcmp(record_from_name((enum message_from)a->from),
		    record_from_name((enum message_from)b->from));
	if (c == 0)
		c = compare_writers(n, a, b);
	if (c == 0 && a->kind != b->kind)
		c = interner_compare_bytes(
		    n, w->kinds[a->kind], w->kinds[b->kind]);
	if (c == 0)
		c = a->is_private - b->is_private;
	if (c == 0)
		c = a->automated - b->automated;
	if (c == 0 && a->channel != b->channel)
		c = text_compare(lexicon_channel_text(w, a->channel),
		    lexicon_channel_text(w, b->channel));
	return c;
}

/* A bottom-up merge sort. */
static void
merge_sort(struct timeline_scratch *t, struct message *m, size_t n)
{
	struct message *from = m, *to;
	size_t width, i, a, b, a_end, b_end, k;

	if (n > t->cap) {
		t->merged = xrealloc(t->merged, n, sizeof *t->merged);
		t->cap = n;
	}
	to = t->merged;
	for (width = 1; width < n; width *= 2) {
		for (i = 0, k = 0; i < n; i = b_end) {
			a = i;
			a_end = n - a < width ? n : a + width;
			b = a_end;
			b_end = n - b < width ? n : b + width;
			while (k < b_end) {
				if (b == b_end ||
				    (a < a_end && compare_messages(
						      &from[a], &from[b]) <= 0))
					to[k++] = from[a++];
				else
					to[k++] = from[b++];
			}
		}
		from = to;
		to = from == m ? t->merged : m;
	}
	if (from != m)
		memcpy(m, from, n * sizeof *m);
}

size_t
timeline_sort(
    struct timeline_scratch *t, struct message *m, size_t n, size_t sorted)
{
	size_t i, k, moved = 0, first = n;
	struct message x;

	/* Use an insertion sort unless it would move too many messages. */
	for (i = sorted > 0 ? sorted : 1; i < n; i++) {
		if (m[i - 1].at < m[i].at ||
		    compare_messages(&m[i - 1], &m[i]) <= 0)
			continue;
		x = m[i];
		for (k = i; k > 0 && compare_messages(&m[k - 1], &x) > 0; k--)
			m[k] = m[k - 1];
		m[k] = x;
		moved += i - k;
		if (k < first)
			first = k;
		if (moved > 8 * n) {
			merge_sort(t, m, n);
			return 0;
		}
	}
	return first;
}
