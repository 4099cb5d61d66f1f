/*
 * forgotten_words: see forgotten_words.h. The tables are those of
 * metric_trends.c, where the timers of words come after the words.
 */
#include "aggregator/tenant/forgotten_words.h"

#include <string.h>

#include "aggregator/containers/key.h"
#include "common/digest/forgotten_id.h"
#include "common/words/word_forms.h"

void
forgotten_words_init(
    struct forgotten_words *f, const struct conf *conf, int64_t until)
{
	memset(f, 0, sizeof *f);
	f->until = until;
	f->rare = (uint64_t)conf_int(conf, "aggregator", "trend_count");
}

void
forgotten_words_release(struct forgotten_words *f)
{
	words_release(&f->words);
	buf_release(&f->word);
	strmap_release(&f->names, NULL);
	strmap_release(&f->digests, NULL);
	strmap_release(&f->gone, NULL);
}

void
forgotten_words_add(struct forgotten_words *f, struct text names)
{
	struct text word;
	size_t i;

	/* One in capitals may be longer. */
	words_find(&f->words, names, 1);
	for (i = 0; i < f->words.n; i++) {
		word = word_case_fold(&f->word, f->words.v[i]);
		*strmap_put(&f->names, word.p, word.len) = f;
	}
}

void
forgotten_words_add_digests(
    struct forgotten_words *f, const struct forget_order *order)
{
	size_t at;

	memcpy(f->key, order->key, sizeof f->key);
	for (at = 0; at + FORGOTTEN_DIGEST <= order->words.len;
	     at += FORGOTTEN_DIGEST)
		*strmap_put(
		    &f->digests, order->words.p + at, FORGOTTEN_DIGEST) = f;
}

static bool
is_word_of_names(void *ctx, struct text form)
{
	const struct forgotten_words *f = ctx;
	char digest[FORGOTTEN_DIGEST + 1];

	if (strmap_get(&f->names, form.p, form.len) != NULL)
		return true;
	if (f->digests.n == 0)
		return false;
	forgotten_digest(f->key, FORGOTTEN_WORD, form.p, form.len, digest);
	return strmap_get(&f->digests, digest, FORGOTTEN_DIGEST) != NULL;
}

static bool
word_goes(struct forgotten_words *f, struct text key, uint64_t count)
{
	size_t at = 0;
	int64_t begin = key_read_time(key, &at);
	struct text word = key_read_text(key, &at);

	if (begin > f->until)
		return false;
	if (count > f->rare && !word_forms_any(word, is_word_of_names, f))
		return false;
	*strmap_put(&f->gone, key.p, key.len) = f;
	return true;
}

bool
forgotten_words_has(struct forgotten_words *f, const char *table,
    struct text key, const void *payload, size_t len)
{
	uint64_t count = 0;
	size_t at = 0;

	if (strcmp(table, "trend_words") == 0 && len == sizeof count) {
		memcpy(&count, payload, sizeof count);
		return word_goes(f, key, count);
	}
	if (strcmp(table, "trends_due") != 0)
		return false;
	(void)key_read_time(key, &at);
	return at < key.len &&
	       strmap_get(&f->gone, key.p + at, key.len - at) != NULL;
}
