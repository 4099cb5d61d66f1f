/*
 * poller_store: the state of a poller, opened and committed by a test. Any
 * error ends the test.
 *
 * The code is in the header because each test is one file.
 */
#ifndef TESTS_UNIT_POLLER_STORE_H
#define TESTS_UNIT_POLLER_STORE_H

#include "tests/unit/unit.h"

#include "poller/crm/store.h"

static inline struct store *
open_store(const char *dir, const char *tenant, enum store_access access)
{
	struct buf why = BUF_INIT;
	enum exit_code code = PROG_OK;
	struct store *s = store_open(dir, tenant, access, &code, &why);

	if (s == NULL)
		fail_msg("%d %s", (int)code, buf_str(&why));
	buf_release(&why);
	return s;
}

static inline void
commit_store(struct store *s)
{
	struct buf why = BUF_INIT;

	if (store_commit(s, &why) != PROG_OK)
		fail_msg("%s", buf_str(&why));
	buf_release(&why);
}

#endif
