/*
 * phone_digits: see phone_digits.h.
 */
#include "common/words/phone_digits.h"

#include <stdbool.h>

/* How many runs of digits the number is written in. */
static size_t
count_runs(struct text phone)
{
	size_t i, runs = 0;

	for (i = 0; i < phone.len; i++)
		runs += text_is_digit(phone.p[i]) &&
			(i == 0 || !text_is_digit(phone.p[i - 1]));
	return runs;
}

void
phone_digits_add(struct buf *to, struct text phone)
{
	size_t i;

	if (count_runs(phone) < 2)
		return;
	buf_addc(to, ' ');
	for (i = 0; i < phone.len; i++)
		if (text_is_digit(phone.p[i]))
			buf_addc(to, phone.p[i]);
}
