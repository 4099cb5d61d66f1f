/*
 * section_words: the words that were used more than before.
 */
#include "common/base/xalloc.h"
#include "sink/report/section.h"

#define WORDS_MAX "30"

static const struct figure_column word_columns[] = {
	{ "word", "Word", FIGURE_TEXT },
	{ "occurrences", "Messages with it", FIGURE_COUNT },
	{ "windows", "Times it was a trend", FIGURE_COUNT },
	{ "first", "First", FIGURE_TEXT },
};

static bool
fill_words(struct report_work *r, struct figure_table *t)
{
	return report_fill(r, t,
	    "SELECT word, SUM(occurrences), COUNT(*), MIN(window_start) "
	    "FROM trends_all WHERE tenant = ? AND window_start >= ? "
	    "AND window_start < ? AND occurrences > 0 GROUP BY word "
	    "ORDER BY 2 DESC, 1 LIMIT " WORDS_MAX,
	    1);
}

const struct section section_words = {
	.name = "words",
	.title = "Trending words",
	.note = "At most " WORDS_MAX " words, those with the most messages.",
	.metric = "trends",
	.columns = word_columns,
	.columns_n = ARRAY_LEN(word_columns),
	.fill = fill_words,
};
