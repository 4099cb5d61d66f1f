/*
 * phone_digits: see phone_digits.h.
 */
#include "common/words/phone_digits.h"

enum {
	/* The digits of a number without all its codes, and with them. */
	SHORTEST = 7,
	LONGEST = 15,
};

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

/* Adds the digits' ends. */
static void
add_ends(struct buf *to, struct text digits)
{
	size_t len;

	if (digits.len > LONGEST)
		return;
	for (len = SHORTEST; len <= digits.len; len++) {
		if (len < digits.len) {
			buf_addc(to, ' ');
			buf_add(to, digits.p + digits.len - len, len);
		}
		buf_adds(to, " 0");
		buf_add(to, digits.p + digits.len - len, len);
	}
}

void
phone_digits_add(struct buf *to, struct text phone)
{
	struct buf digits = BUF_INIT;
	size_t i;

	for (i = 0; i < phone.len; i++)
		if (text_is_digit(phone.p[i]))
			buf_addc(&digits, phone.p[i]);
	if (count_runs(phone) > 1) {
		buf_addc(to, ' ');
		buf_add(to, digits.data, digits.len);
	}
	add_ends(to, (struct text){ digits.data, digits.len });
	buf_release(&digits);
}
