/*
 * poller: polls the CRMs, receives their webhooks, assigns chats to
 * operators, and tells people about notices. Each of these is a mode.
 */
#include "common/base/xalloc.h"
#include "common/options/option_table.h"
#include "poller/modes/modes.h"

static const struct option_mode *const modes[] = {
	&poller_mode_pull,
	&poller_mode_status,
	&poller_mode_check,
	&poller_mode_assign,
	&poller_mode_notify,
	&poller_mode_listen,
	&poller_mode_register,
	&poller_mode_registered,
	&poller_mode_unregister,
	&poller_mode_try,
	&poller_mode_backfill,
};

int
main(int argc, char **argv)
{
	struct poller p = { .format = OUTPUT_AUTO };
	int code = program_main(modes, ARRAY_LEN(modes), argc, argv, &p);

	poller_release(&p);
	return code;
}
