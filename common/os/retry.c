/*
 * retry: back-off with full jitter. The computation is a pure function, so it
 * can be tested with every random number; only retry_next() reads the clock,
 * and only retry_wait() sleeps.
 */
#include "common/os/retry.h"

#include "common/base/clock.h"
#include "common/digest/random.h"
#include "common/os/stop.h"

/* The other end may close a link that is not served for longer than this. */
#define SERVE_MS 1000

static int64_t
min64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Returns base * 2^attempt, at most cap and at most 32 bits. */
static int64_t
window(unsigned attempt, int64_t base_ms, int64_t cap_ms)
{
	int64_t w = base_ms > 0 ? base_ms : 0;

	cap_ms = min64(cap_ms, (int64_t)UINT32_MAX - 1);
	while (attempt-- > 0 && w > 0 && w < cap_ms)
		w *= 2;
	return min64(w, cap_ms);
}

int64_t
retry_delay(unsigned attempt, int64_t base_ms, int64_t cap_ms, int64_t hint_ms,
    uint32_t random)
{
	uint64_t w = (uint64_t)window(attempt, base_ms, cap_ms);
	/* w + 1 fits into 32 bits, so the product fits into 64. */
	int64_t backoff = (int64_t)((random * (w + 1)) >> 32);

	return hint_ms > backoff ? hint_ms : backoff;
}

int64_t
retry_next(struct retry *r, int64_t hint_ms)
{
	int64_t now = clock_mono_ms(), left, delay;

	if (r->attempt == 0)
		r->since_ms = now;
	left =
	    r->budget_ms < 0 ? INT64_MAX : r->budget_ms - (now - r->since_ms);
	/* A request before the hinted time would only burden the server. */
	if (left <= 0 || hint_ms > left)
		return -1;
	delay = retry_delay(
	    r->attempt, r->base_ms, r->cap_ms, hint_ms, random_32());
	if (r->attempt < UINT32_MAX)
		r->attempt++;
	return min64(delay, left);
}

bool
retry_wait(struct retry *r, void (*serve)(void *ctx), void *ctx)
{
	int64_t left = retry_next(r, -1);

	if (left < 0)
		return false;
	do {
		if (stop_sleep(left < SERVE_MS ? left : SERVE_MS))
			return false;
		serve(ctx);
		left -= SERVE_MS;
	} while (left > 0);
	return true;
}

void
retry_reset(struct retry *r)
{
	r->attempt = 0;
	r->since_ms = 0;
}
