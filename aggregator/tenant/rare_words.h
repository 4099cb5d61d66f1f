/*
 * rare_words: which entries of the state's tables of trends go when a customer
 * is forgotten: words too rare to be a trend, which no view shows, and which
 * may be of a text of theirs. The reaper does the same with rows
 * (reaper/rights/personal_tables.c).
 */
#ifndef AGGREGATOR_TENANT_RARE_WORDS_H
#define AGGREGATOR_TENANT_RARE_WORDS_H

#include "common/base/text.h"
#include "common/conf/conf.h"
#include "common/containers/strmap.h"

#include <stdbool.h>

struct rare_words {
	/* private */
	int64_t until;      /* windows that began later stay as they are */
	uint64_t rare;      /* a word that came that often at most is rare */
	struct strmap gone; /* keys of words that go */
};

void rare_words_init(
    struct rare_words *r, const struct conf *conf, int64_t until);
void rare_words_release(struct rare_words *r);

/* Whether an entry of a table of the state goes; key: without the number of the
 * tenant. The tables are asked about in the order of their names. */
bool rare_words_has(struct rare_words *r, const char *table, struct text key,
    const void *payload, size_t len);

#endif
