/*
 * tenant_lock: changes slots in the table tenant_locks; see tenant_lock.h.
 */
#include "common/db/tenant_lock.h"

#include <stdatomic.h>

#include "common/base/buf.h"
#include "common/db/db.h"
#include "common/digest/random.h"

unsigned
tenant_lock_slot(void)
{
	static atomic_uint next;
	static atomic_bool begun;

	if (!atomic_exchange(&begun, true))
		atomic_store(&next, (unsigned)(random_64() % TENANT_SLOTS));
	return atomic_fetch_add(&next, 1) % TENANT_SLOTS;
}

/* Changes the slots [from, to) of each tenant in the order of the key. */
static enum outcome
change_slots(struct db *db, const struct text *tenants, size_t n, unsigned from,
    unsigned to)
{
	struct buf sql = BUF_INIT;
	enum outcome o;
	unsigned slot;
	size_t i;

	if (n == 0)
		return OUTCOME_DONE;
	buf_adds(&sql, "INSERT INTO tenant_locks (tenant, slot, uses) VALUES ");
	for (i = 0; i < n; i++)
		for (slot = from; slot < to; slot++) {
			buf_adds(&sql, i > 0 || slot > from ? ", (" : "(");
			db_quote(
			    db, &sql, db_text(tenants[i].p, tenants[i].len));
			buf_addf(&sql, ", %u, 1)", slot);
		}
	buf_adds(&sql, " ON DUPLICATE KEY UPDATE uses = uses + 1");
	o = db_exec(db, buf_str(&sql), NULL, 0, NULL);
	buf_release(&sql);
	return o;
}

enum outcome
tenant_lock_share(
    struct db *db, const struct text *tenants, size_t n, unsigned slot)
{
	return change_slots(db, tenants, n, slot, slot + 1);
}

enum outcome
tenant_lock_alone(struct db *db, const struct text *tenants, size_t n)
{
	return change_slots(db, tenants, n, 0, TENANT_SLOTS);
}
