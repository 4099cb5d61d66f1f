/*
 * message_order: see message_order.h.
 */
#include "sink/answer/message_order.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/text.h"
#include "common/base/xalloc.h"

struct ordered_row {
	const char
	    *time; /* as the database has it: in the order of its bytes */
	const char *id;
	size_t place;
};

static int
compare_rows(const void *pa, const void *pb)
{
	const struct ordered_row *a = pa, *b = pb;
	int c = strcmp(a->time, b->time);

	if (c == 0)
		c = id_compare(a->id, strlen(a->id), b->id, strlen(b->id));
	return c != 0 ? c : (a->place > b->place) - (a->place < b->place);
}

void
message_order(struct db_rows *rows, size_t time, size_t id)
{
	size_t i, n = db_rows_count(rows);
	struct ordered_row *all = xcalloc(n + 1, sizeof *all);
	size_t *order = xcalloc(n + 1, sizeof *order);

	db_rewind(rows);
	for (i = 0; i < n && db_next(rows); i++)
		all[i] = (struct ordered_row){ db_get(rows, time),
			db_get(rows, id), i };
	qsort(all, n, sizeof *all, compare_rows);
	for (i = 0; i < n; i++)
		order[i] = all[i].place;
	db_rows_arrange(rows, order);
	free(order);
	free(all);
}
