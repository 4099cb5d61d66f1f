/*
 * client_limits: see client_limits.h.
 */
#include "common/http/client_limits.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/digest/keyed_hash.h"
#include "common/digest/random.h"

/* The table has rows of buckets; an address belongs to one row. */
#define ROWS 4096
#define ROW 4
#define CHAINS 1024
#define THOUSAND INT64_C(1000) /* a token is that many parts */

struct bucket {
	struct address client;
	int64_t parts; /* tokens left, in thousandths of a request */
	int64_t at_ms; /* when that was so; 0: the slot is free */
};

/* A client that has connections. */
struct client_connections {
	struct address client;
	unsigned n;
	struct client_connections *next;
};

struct client_limits {
	struct client_limits_setup limits;
	uint64_t key[2]; /* of hashes */
	pthread_mutex_t lock;
	unsigned connections;
	struct client_connections *chains[CHAINS];
	pthread_mutex_t rates;
	struct bucket *buckets;
};

struct client_limits *
client_limits_open(const struct client_limits_setup *limits)
{
	struct client_limits *a = xcalloc(1, sizeof *a);

	a->limits = *limits;
	random_fill(a->key, sizeof a->key);
	(void)pthread_mutex_init(&a->lock, NULL);
	(void)pthread_mutex_init(&a->rates, NULL);
	if (limits->rate > 0)
		a->buckets = xcalloc(ROWS * ROW, sizeof *a->buckets);
	return a;
}

void
client_limits_close(struct client_limits *a)
{
	struct client_connections *h, *next;
	size_t i;

	if (a == NULL)
		return;
	for (i = 0; i < CHAINS; i++) {
		for (h = a->chains[i]; h != NULL; h = next) {
			next = h->next;
			free(h);
		}
	}
	(void)pthread_mutex_destroy(&a->lock);
	(void)pthread_mutex_destroy(&a->rates);
	networks_release(&a->limits.proxies);
	free(a->buckets);
	free(a);
}

static size_t
hash_client(const struct client_limits *a, const struct address *client)
{
	return (size_t)keyed_hash(a->key, client->bytes, sizeof client->bytes)
	    .a;
}

/* The link to that client in its chain, or the end of the chain. */
static struct client_connections **
find_client(struct client_limits *a, const struct address *client)
{
	struct client_connections **at =
	    &a->chains[hash_client(a, client) % CHAINS];

	while (*at != NULL && !address_same(&(*at)->client, client))
		at = &(*at)->next;
	return at;
}

static bool
admit_peer(struct client_limits *a, const struct address *peer)
{
	struct address client = address_client(peer);
	struct client_connections **at, *h;

	if (a->connections >= a->limits.connections)
		return false;
	if (!networks_have(&a->limits.proxies, peer)) {
		at = find_client(a, &client);
		h = *at;
		if (h != NULL && h->n >= a->limits.per_address)
			return false;
		if (h == NULL) {
			h = *at = xcalloc(1, sizeof *h);
			h->client = client;
		}
		h->n++;
	}
	a->connections++;
	return true;
}

bool
client_limits_enter(struct client_limits *a, const struct address *peer)
{
	bool in;

	(void)pthread_mutex_lock(&a->lock);
	in = admit_peer(a, peer);
	(void)pthread_mutex_unlock(&a->lock);
	return in;
}

void
client_limits_leave(struct client_limits *a, const struct address *peer)
{
	struct address client = address_client(peer);
	struct client_connections **at, *h;

	(void)pthread_mutex_lock(&a->lock);
	a->connections--;
	if (!networks_have(&a->limits.proxies, peer)) {
		at = find_client(a, &client);
		h = *at;
		if (h != NULL && --h->n == 0) {
			*at = h->next;
			free(h);
		}
	}
	(void)pthread_mutex_unlock(&a->lock);
}

/* Takes the last name off the list, whose length is *len. False: there is none,
 * or it is empty. */
static bool
take_last_name(const char *list, size_t *len, struct address *name)
{
	size_t end = *len, begin;

	while (end > 0 && list[end - 1] == ' ')
		end--;
	begin = end;
	while (begin > 0 && list[begin - 1] != ',')
		begin--;
	*len = begin > 0 ? begin - 1 : 0;
	while (begin < end && list[begin] == ' ')
		begin++;
	if (begin == end)
		return false;
	/* "unknown" and the like: a client without an address. It must not
	 * have the trust of the proxy; nor may a name claim to be a Unix
	 * socket. */
	if (address_parse(name, list + begin, end - begin) != 0 || name->local)
		memset(name, 0, sizeof *name);
	return true;
}

bool
client_limits_is_proxy(
    const struct client_limits *a, const struct address *peer)
{
	return networks_have(&a->limits.proxies, peer);
}

struct address
client_limits_client(const struct client_limits *a, const struct address *peer,
    const char *forwarded)
{
	size_t len = forwarded != NULL ? strlen(forwarded) : 0;
	struct address client = *peer, next;
	bool proxy = networks_have(&a->limits.proxies, peer), named = false;

	while (len > 0 && networks_have(&a->limits.proxies, &client)) {
		if (take_last_name(forwarded, &len, &next)) {
			client = next;
			named = true;
		}
	}
	if (proxy && !named)
		memset(&client, 0, sizeof client);
	return client;
}

/* The client's bucket, with the tokens of the time since its last request. */
static struct bucket *
refill_bucket(
    struct client_limits *a, const struct address *client, int64_t now_ms)
{
	struct bucket *row = &a->buckets[hash_client(a, client) % ROWS * ROW];
	struct bucket *b = row;
	int64_t most = a->limits.burst * THOUSAND, since;
	size_t i;

	for (i = 0; i < ROW; i++) {
		if (row[i].at_ms != 0 && address_same(&row[i].client, client)) {
			b = &row[i];
			since = now_ms - b->at_ms;
			if (since > most / a->limits.rate)
				b->parts = most;
			else if (since > 0)
				b->parts += since * a->limits.rate;
			if (b->parts > most)
				b->parts = most;
			b->at_ms = now_ms;
			return b;
		}
		if (row[i].at_ms < b->at_ms)
			b = &row[i];
	}
	*b = (struct bucket){ *client, most, now_ms };
	return b;
}

int
client_limits_take(
    struct client_limits *a, const struct address *from, int64_t now_ms)
{
	struct address client = address_client(from);
	struct bucket *b;
	int wait = 0;

	if (a->limits.rate == 0)
		return 0;
	(void)pthread_mutex_lock(&a->rates);
	b = refill_bucket(a, &client, now_ms);
	if (b->parts >= THOUSAND)
		b->parts -= THOUSAND;
	else
		wait = 1;
	(void)pthread_mutex_unlock(&a->rates);
	return wait;
}
