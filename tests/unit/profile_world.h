/*
 * profile_world: shared by tests of profiles: JSON as a profile sees it, and
 * the options of their tenant.
 */
#ifndef TESTS_PROFILE_WORLD_H
#define TESTS_PROFILE_WORLD_H

#include "tests/unit/unit.h"

#include <string.h>

#include "poller/crm/profile.h"

#define PROFILE_OPTIONS                                                        \
	.tenant = "acme", .customers = true, .customer_phone = true,           \
	.bot_operators = bots

static inline json_t *
json(const char *text)
{
	struct buf why = BUF_INIT;
	bool mended = false;
	json_t *v = value_parse(text, strlen(text), &mended, &why);

	if (v == NULL)
		fail_msg("%s: %s", text, buf_str(&why));
	assert_false(mended);
	buf_release(&why);
	return v;
}

#endif
