/*
 * forget_order: leaves an order to erase a customer in the state of a stream,
 * or of an event counter, as reaper does, which needs a database.
 *
 *   forget_order DIR TENANT CUSTOMER AT ALIAS
 *
 * AT is the time of the request, in ms.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/base/xalloc.h"
#include "common/records/forgotten.h"

int
main(int argc, char **argv)
{
	struct forget_order order = { .asked_at = 0 };
	struct buf why = BUF_INIT;
	char *dir, *path;

	if (argc != 6)
		return 64;
	order.tenant = text_from(argv[2]);
	order.customer = text_from(argv[3]);
	order.asked_at = strtoll(argv[4], NULL, 10);
	order.alias = text_from(argv[5]);
	dir = xasprintf("%s/" FORGET_FOLDER, argv[1]);
	(void)mkdir(dir, S_IRWXU);
	path = xasprintf("%s/1" FORGET_ENDING, dir);
	if (forget_order_write(&order, path, &why) != PROG_OK) {
		fprintf(stderr, "%s\n", buf_str(&why));
		return 1;
	}
	free(path);
	free(dir);
	buf_release(&why);
	return 0;
}
