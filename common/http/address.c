/*
 * address: see address.h.
 */
#include "common/http/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/base/parse.h"
#include "common/base/xalloc.h"

#define V4_AT 12 /* where an IPv4 address stands in the sixteen bytes */

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
	} else {
		a->local = true;
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
	if (strcmp(text, "unix") == 0) {
		a->local = true;
		return 0;
	}
	if (inet_pton(AF_INET, text, &in) == 1) {
		set_v4(a, &in);
		return 0;
	}
	return inet_pton(AF_INET6, text, a->bytes) == 1 ? 0 : -1;
}

void
address_format(const struct address *a, char *text)
{
	if (a->local)
		(void)snprintf(text, ADDRESS_TEXT, "unix");
	else if (is_v4(a))
		(void)inet_ntop(AF_INET, a->bytes + V4_AT, text, ADDRESS_TEXT);
	else
		(void)inet_ntop(AF_INET6, a->bytes, text, ADDRESS_TEXT);
}

bool
address_same(const struct address *a, const struct address *b)
{
	return a->local == b->local &&
	       memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

struct address
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
	if (n->address.local || parse_int(slash + 1, 0, most, &bits) != 0)
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
			    "10.0.0.0/8, "
			    "2001:db8::/32 or unix",
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

	if (n->address.local != a->local)
		return false;
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
