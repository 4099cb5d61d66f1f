/*
 * recent: see recent.h.
 */
#include "poller/notify/recent.h"

#include <string.h>

#include "common/base/clock.h"

void
recent_add(struct recent *r, const char *text)
{
	int64_t now = clock_mono_ms();

	if (now - r->began_ms > DAY_MS) {
		strmap_release(&r->days[1], NULL);
		r->days[1] = r->days[0];
		r->days[0] = (struct strmap)STRMAP_INIT;
		r->began_ms = now;
	}
	*strmap_put(&r->days[0], text, strlen(text)) = r;
}

bool
recent_has(const struct recent *r, const char *text)
{
	size_t len = strlen(text);

	return strmap_get(&r->days[0], text, len) != NULL ||
	       strmap_get(&r->days[1], text, len) != NULL;
}

void
recent_release(struct recent *r)
{
	strmap_release(&r->days[0], NULL);
	strmap_release(&r->days[1], NULL);
}
