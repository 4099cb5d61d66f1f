/*
 * reaper: deletes data that must not be kept. close/close.h, age.c, purge.c,
 * rights.h and rows/rows.h define which data it deletes and when.
 */
#include "common/base/xalloc.h"
#include "common/options/option_table.h"
#include "reaper/rights.h"

static const struct option_mode *const modes[] = {
	&reaper_mode_reap,
	&reaper_mode_list,
	&reaper_mode_purge,
	&reaper_mode_retention,
	&reaper_mode_export,
	&reaper_mode_forget,
};

int
main(int argc, char **argv)
{
	struct reaper r = { .from = "-", .format = OUTPUT_AUTO };

	return program_main(modes, ARRAY_LEN(modes), argc, argv, &r);
}
