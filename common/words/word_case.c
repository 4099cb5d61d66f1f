/*
 * word_case: see word_case.h. No character of UTF-8 begins within another one,
 * so bytes can be compared.
 */
#include "common/words/word_case.h"

#include <string.h>

#include "common/base/xalloc.h"

static const struct {
	const char *of, *to;
} cases[] = {
	{ "\xcf\x82", "\xcf\x83" }, /* final sigma */
	{ "\xc3\x9f", "ss" },       /* sharp s */
	{ "\xc4\xb1", "i" },        /* without a dot */
	{ "\x69\xcc\x87", "i" },    /* with one more */
};

struct text
word_case_fold(struct buf *to, struct text word)
{
	size_t at = 0, i, len;

	buf_clear(to);
	while (at < word.len) {
		for (i = 0; i < ARRAY_LEN(cases); i++) {
			len = strlen(cases[i].of);
			if (len <= word.len - at &&
			    memcmp(word.p + at, cases[i].of, len) == 0)
				break;
		}
		if (i < ARRAY_LEN(cases)) {
			buf_adds(to, cases[i].to);
			at += len;
		} else {
			buf_addc(to, word.p[at++]);
		}
	}
	return (struct text){ to->data, to->len };
}
