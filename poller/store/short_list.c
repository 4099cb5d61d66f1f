/*
 * short_list: see short_list.h.
 */
#include "poller/store/short_list.h"

#define POLLS 3

static const char KEY[] = "short_lists";

bool
short_list_count(struct store *s, size_t missing)
{
	int64_t before = store_number(s, KEY, 0);
	int64_t n = missing == 0 || missing > SHORT_LIST_MOST ? 0 : before + 1;

	if (n != before && n <= POLLS)
		store_set_number(s, KEY, n);
	return n >= POLLS;
}

bool
short_list_is_taken(struct store *s, size_t missing)
{
	return missing <= SHORT_LIST_MOST && store_number(s, KEY, 0) >= POLLS;
}

bool
short_list_is_next(struct store *s)
{
	return store_number(s, KEY, 0) + 1 >= POLLS;
}
