/* rng: see rng.h. The generator is splitmix64. */
#include "tests/crm/rng.h"

uint64_t
rng_next(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15U;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
	return z ^ (z >> 31);
}

struct rng
rng_seeded(uint64_t seed, uint64_t stream)
{
	struct rng r = { seed };

	r.state = rng_next(&r) ^ (stream * 0xd1342543de82ef95U);
	r.state = rng_next(&r);
	return r;
}

int64_t
rng_below(struct rng *r, int64_t n)
{
	return (int64_t)(rng_next(r) % (uint64_t)n);
}

bool
rng_chance(struct rng *r, int per_mille)
{
	return rng_below(r, 1000) < per_mille;
}

int64_t
rng_spread(struct rng *r, int64_t mean)
{
	int64_t kind = rng_below(r, 100);

	/* 0.80 * 0.5 + 0.15 * 2 + 0.05 * 6 = 1.0 times the mean. */
	if (kind < 80)
		return 1 + rng_below(r, mean);
	if (kind < 95)
		return mean + rng_below(r, 2 * mean);
	return 4 * mean + rng_below(r, 4 * mean);
}
