/*
 * message_scanned: see message_scanned.h.
 */
#include "aggregator/clocks/message_scanned.h"

#include <string.h>

void
word_numbers_begin(struct word_numbers *n, const struct scanned_words *words)
{
	n->words = words;
	memset(n->numbers, 0, sizeof n->numbers);
}

static unsigned
look_up_word(struct lexicon *w, const struct scanned_word *word)
{
	switch (word->use) {
	case WORD_CHANNEL:
		return lexicon_channel(w, word->text);
	case WORD_KIND:
		return lexicon_kind(w, word->text);
	case WORD_PREFIX:
		return (unsigned)message_id_prefix_number(
		    &w->message_ids, word->text);
	case WORD_TENANT:
	case WORD_EVENT:
	case SCANNED_USES:
		break;
	}
	return 0;
}

static __attribute__((noinline)) uint16_t
look_up_number(struct lexicon *w, const struct word_numbers *n, uint8_t word)
{
	return (uint16_t)(look_up_word(w, &n->words->words[word]) + 1);
}

/* The lexicon's number of a word; 0 for none. */
static inline unsigned
word_number(struct lexicon *w, struct word_numbers *n, uint8_t word)
{
	if (word == 0)
		return 0;
	if (n->numbers[word] == 0)
		n->numbers[word] = look_up_number(w, n, word);
	return n->numbers[word] - 1u;
}

/* There are too many prefixes for this one: the id is put together again. */
static message_id
keep_whole_id(struct lexicon *w, const struct word_numbers *n,
    const struct scanned_message *x)
{
	struct text prefix = n->words->words[x->id_prefix].text;
	char id[ID_PREFIX + ID_PREFIX_DIGITS];
	size_t len = prefix.len + x->id_digits, i;
	uint64_t value = x->id_value;

	memcpy(id, prefix.p, prefix.len);
	for (i = len; i > prefix.len; i--, value /= 10)
		id[i - 1] = (char)('0' + value % 10);
	return message_id_make(&w->message_ids, (struct text){ id, len });
}

static message_id
read_scanned_id(
    struct lexicon *w, struct word_numbers *n, const struct scanned_message *x)
{
	unsigned prefix;

	switch ((enum id_form)x->id_form) {
	case ID_NUMBER:
		return x->id_value;
	case ID_PREFIXED:
		prefix = word_number(w, n, x->id_prefix);
		return prefix < MESSAGE_ID_PREFIXES
			   ? message_id_prefixed(
				 prefix, x->id_digits, x->id_value)
			   : keep_whole_id(w, n, x);
	case ID_OTHER:
		break;
	}
	return message_id_make(&w->message_ids, scanned_message_id(x));
}

void
message_read_scanned(struct lexicon *w, struct word_numbers *n,
    struct message *m, const struct scanned_message *x)
{
	message_set_at(m, x->at);
	m->channel = word_number(w, n, x->channel) & LEXICON_CHANNELS;
	m->id = read_scanned_id(w, n, x);
	m->user = 0;
	m->operator_id = 0;
	message_set_updated(m, x->updated_at);
	m->kind = word_number(w, n, x->kind) & 127u;
	m->from = x->from & 7u;
	m->is = KIND_OTHER;
	if (x->from == FROM_SYSTEM)
		m->is = (unsigned)message_kind_of_system(
			    n->words->words[x->kind].text) &
			7u;
	m->is_private = x->is_private;
	m->automated = x->automated;
}
