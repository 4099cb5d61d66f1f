/*
 * client_limits: see client_limits.h.
 */
#include "common/http/client_limits.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/parse.h"
#include "common/base/xalloc.h"
#include "common/digest/hash.h"
#include "common/digest/random.h"

#define V4_AT 12 /* offset of an IPv4 address in the sixteen bytes */

static const uint8_t v4_prefix[V4_AT] = { [10] = 0xFF, [11] = 0xFF };

static bool
is_v4(const struct address *a)
{
	return memcmp(a->bytes, v4_prefix, V4_AT) == 0;
}

static void
set_v4(struct address *a, const struct in_addr *in)
{
	memcpy(a->bytes, v4_prefix, V4_AT);
	memcpy(a->bytes + V4_AT, in, 4);
}

void
address_of_socket(struct address *a, const struct sockaddr *sa)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	memset(a, 0, sizeof *a);
	if (sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof in);
		set_v4(a, &in.sin_addr);
	} else if (sa->sa_family == AF_INET6) {
		memcpy(&in6, sa, sizeof in6);
		memcpy(a->bytes, &in6.sin6_addr, sizeof a->bytes);
	}
}

/* Copies the address without brackets and port to text. */
static int
strip_port(const char *from, size_t len, char text[ADDRESS_TEXT])
{
	const char *colon = memchr(from, ':', len), *end;

	if (len > 0 && from[0] == '[') {
		end = memchr(from, ']', len);
		if (end == NULL || (end + 1 < from + len && end[1] != ':'))
			return -1;
		len = (size_t)(end - from) - 1;
		from++;
	} else if (colon != NULL &&
		   memchr(colon + 1, ':', len - (size_t)(colon + 1 - from)) ==
		       NULL) {
		len = (size_t)(colon - from);
	}
	if (len == 0 || len >= ADDRESS_TEXT)
		return -1;
	memcpy(text, from, len);
	text[len] = '\0';
	return 0;
}

int
address_parse(struct address *a, const char *from, size_t len)
{
	char text[ADDRESS_TEXT];
	struct in_addr in;

	memset(a, 0, sizeof *a);
	if (strip_port(from, len, text) != 0)
		return -1;
	if (inet_pton(AF_INET, text, &in) == 1) {
		set_v4(a, &in);
		return 0;
	}
	return inet_pton(AF_INET6, text, a->bytes) == 1 ? 0 : -1;
}

void
address_format(const struct address *a, char *text)
{
	if (is_v4(a))
		(void)inet_ntop(AF_INET, a->bytes + V4_AT, text, ADDRESS_TEXT);
	else
		(void)inet_ntop(AF_INET6, a->bytes, text, ADDRESS_TEXT);
}

bool
address_same(const struct address *a, const struct address *b)
{
	return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* Returns the address that counts as one client: an IPv4 address, or an IPv6
 * network of 64 bits, which is the smallest that a provider assigns to one
 * customer. */
static struct address
address_client(const struct address *a)
{
	struct address client = *a;

	if (!is_v4(a))
		memset(client.bytes + 8, 0, 8);
	return client;
}

static int
read_network(struct network *n, const char *word)
{
	const char *slash = strchr(word, '/');
	size_t len = slash != NULL ? (size_t)(slash - word) : strlen(word);
	int64_t bits, most;

	if (address_parse(&n->address, word, len) != 0)
		return -1;
	n->bits = 128;
	if (slash == NULL)
		return 0;
	most = is_v4(&n->address) ? 32 : 128;
	if (parse_int(slash + 1, 0, most, &bits) != 0)
		return -1;
	n->bits = (unsigned)(bits + 128 - most);
	return 0;
}

int
networks_read(struct networks *ns, char *const *words, struct buf *why)
{
	for (; *words != NULL; words++) {
		XGROW(ns->list, ns->n, ns->cap);
		if (read_network(&ns->list[ns->n], *words) != 0) {
			buf_setf(why,
			    "'%s' is not an address; write 192.0.2.1, "
			    "10.0.0.0/8 or 2001:db8::/32",
			    *words);
			return -1;
		}
		ns->n++;
	}
	return 0;
}

static bool
network_has(const struct network *n, const struct address *a)
{
	size_t whole = n->bits / 8;
	unsigned rest = n->bits % 8, mask = 0xFF00U >> rest & 0xFFU;

	if (memcmp(n->address.bytes, a->bytes, whole) != 0)
		return false;
	return rest == 0 ||
	       ((n->address.bytes[whole] ^ a->bytes[whole]) & mask) == 0;
}

bool
networks_have(const struct networks *ns, const struct address *a)
{
	size_t i;

	for (i = 0; i < ns->n; i++)
		if (network_has(&ns->list[i], a))
			return true;
	return false;
}

void
networks_release(struct networks *ns)
{
	free(ns->list);
	*ns = (struct networks){ .list = NULL };
}

/* The table has rows of buckets; each address belongs to one row. */
#define ROWS 4096
#define ROW 4
#define THOUSAND INT64_C(1000) /* parts of one token */

struct bucket {
	struct address client;
	int64_t parts; /* tokens left at that time, in thousandths of a
			* request */
	int64_t at_ms; /* time of the last update; 0: the slot is free */
};

struct client_limits {
	struct client_limits_setup limits;
	uint64_t key[2]; /* for the hashes */
	pthread_mutex_t lock;
	unsigned connections;
	/* The client of each connection except those of proxies. A search reads
	 * all of it, which is faster than accepting a connection. */
	struct address *clients;
	size_t clients_n;
	pthread_mutex_t rates;
	struct bucket *buckets;
};

struct client_limits *
client_limits_open(const struct client_limits_setup *limits)
{
	struct client_limits *a = xcalloc(1, sizeof *a);

	a->limits = *limits;
	a->clients = xcalloc(limits->connections, sizeof *a->clients);
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
	if (a == NULL)
		return;
	(void)pthread_mutex_destroy(&a->lock);
	(void)pthread_mutex_destroy(&a->rates);
	networks_release(&a->limits.proxies);
	free(a->clients);
	free(a->buckets);
	free(a);
}

static bool
admit_peer(struct client_limits *a, const struct address *peer)
{
	struct address client = address_client(peer);
	unsigned n = 0;
	size_t i;

	if (a->connections >= a->limits.connections)
		return false;
	if (!networks_have(&a->limits.proxies, peer)) {
		for (i = 0; i < a->clients_n; i++)
			n += address_same(&a->clients[i], &client);
		if (n >= a->limits.per_address)
			return false;
		a->clients[a->clients_n++] = client;
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
	size_t i = 0;

	(void)pthread_mutex_lock(&a->lock);
	a->connections--;
	if (!networks_have(&a->limits.proxies, peer)) {
		while (
		    i < a->clients_n && !address_same(&a->clients[i], &client))
			i++;
		if (i < a->clients_n)
			a->clients[i] = a->clients[--a->clients_n];
	}
	(void)pthread_mutex_unlock(&a->lock);
}

/* Removes the last name from the list, whose length is *len. Returns false if
 * there is none or it is empty. */
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
	/* "unknown" and the like: a client without an address, which must not
	 * be trusted like the proxy. */
	if (address_parse(name, list + begin, end - begin) != 0)
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

/* Returns the client's bucket, with the tokens added since its last request. */
static struct bucket *
refill_bucket(
    struct client_limits *a, const struct address *client, int64_t now_ms)
{
	const struct hash_128 hash =
	    keyed_hash(a->key, client->bytes, sizeof client->bytes);
	struct bucket *row = &a->buckets[hash.low % ROWS * ROW];
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
