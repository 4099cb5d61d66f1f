/*
 * rare_words: see rare_words.h. The tables are those of metric_trends.c, where
 * the timers of words come after the words.
 */
#include "aggregator/tenant/rare_words.h"

#include <string.h>

#include "aggregator/containers/key.h"

void
rare_words_init(struct rare_words *r, const struct conf *conf, int64_t until)
{
	memset(r, 0, sizeof *r);
	r->until = until;
	r->rare = (uint64_t)conf_int(conf, "aggregator", "trend_count");
}

void
rare_words_release(struct rare_words *r)
{
	strmap_release(&r->gone, NULL);
}

bool
rare_words_has(struct rare_words *r, const char *table, struct text key,
    const void *payload, size_t len)
{
	uint64_t count = 0;
	size_t at = 0;

	if (strcmp(table, "trend_words") == 0 && len == sizeof count) {
		memcpy(&count, payload, sizeof count);
		if (key_read_time(key, &at) > r->until || count > r->rare)
			return false;
		*strmap_put(&r->gone, key.p, key.len) = r;
		return true;
	}
	if (strcmp(table, "trends_due") != 0)
		return false;
	(void)key_read_time(key, &at);
	return at < key.len &&
	       strmap_get(&r->gone, key.p + at, key.len - at) != NULL;
}
