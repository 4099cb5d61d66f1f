/*
 * reaper: removes what must not be kept. What is deleted and when is in
 * closed.h, rules.h, expiry.h, retention.h and purge.h.
 */
#include "common/base/xalloc.h"
#include "common/options/program.h"
#include "reaper/list.h"
#include "reaper/purge.h"
#include "reaper/reap.h"
#include "reaper/retention.h"

static const struct option_mode *const modes[] = {
	&reaper_mode_reap,
	&reaper_mode_list,
	&reaper_mode_purge,
	&reaper_mode_retention,
};

int
main(int argc, char **argv)
{
	struct reap r = { .format = OUT_AUTO };

	return program_main(modes, ARRAY_LEN(modes), argc, argv, &r);
}
