/*
 * word_forms: see word_forms.h.
 */
#include "common/words/word_forms.h"

#include <string.h>

#include "common/words/plain_letters.h"
#include "common/words/word_case.h"

bool
word_forms_any(
    struct text word, bool (*is)(void *ctx, struct text form), void *ctx)
{
	struct buf folded = BUF_INIT, others = BUF_INIT;
	bool any = is(ctx, word_case_fold(&folded, word));
	const char *at;
	struct text one;

	if (!any)
		plain_letters_add(&others, word);
	for (at = buf_str(&others); *at == ' ' && !any; at = one.p + one.len) {
		one.p = at + 1;
		one.len = strcspn(one.p, " ");
		any = is(ctx, word_case_fold(&folded, one));
	}
	buf_release(&folded);
	buf_release(&others);
	return any;
}
