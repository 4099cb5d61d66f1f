/*
 * forgotten_words: which entries of the state's tables of trends go when a
 * customer is forgotten: words of the customer's names, and words too rare to
 * be a trend, which no view shows, and which may be of a text of theirs. The
 * reaper does the same with rows (reaper/rights/personal_tables.c).
 */
#ifndef AGGREGATOR_TENANT_FORGOTTEN_WORDS_H
#define AGGREGATOR_TENANT_FORGOTTEN_WORDS_H

#include "common/conf/conf.h"
#include "common/containers/strmap.h"
#include "common/records/forget_order.h"
#include "common/records/record.h"
#include "common/words/text_words.h"
#include "common/words/word_case.h"

#include <stdbool.h>

struct forgotten_words {
	int64_t until; /* windows that began later stay as they are */

	/* private */
	struct words words;
	struct buf word;
	struct strmap names;   /* words of names, as word_case.h has them */
	struct strmap digests; /* of words of names that are not known */
	uint64_t key[2];       /* of these */
	struct strmap gone;    /* keys of words that go */
	uint64_t rare;
};

void forgotten_words_init(
    struct forgotten_words *f, const struct conf *conf, int64_t until);
void forgotten_words_release(struct forgotten_words *f);

/* Adds the words of names, valid UTF-8. */
void forgotten_words_add(struct forgotten_words *f, struct text names);

/* Adds the words that the order knows by their digests alone. */
void forgotten_words_add_digests(
    struct forgotten_words *f, const struct forget_order *order);

/* Whether an entry of a table of the state goes; key: without the number of the
 * tenant. The tables are asked about in the order of their names. */
bool forgotten_words_has(struct forgotten_words *f, const char *table,
    struct text key, const void *payload, size_t len);

#endif
