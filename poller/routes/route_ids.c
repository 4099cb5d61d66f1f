/*
 * route_ids: see route_ids.h.
 */
#include "poller/routes/route_ids.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/digest/checksum.h"
#include "common/digest/hex.h"
#include "common/digest/random.h"
#include "common/http/signature.h"

void
route_uuid(char id[ROUTE_ID])
{
	static const size_t groups[] = { 4, 2, 2, 2, 6 };
	unsigned char b[16];
	size_t i, at = 0;

	random_fill(b, sizeof b);
	b[6] = (unsigned char)((b[6] & 0x0F) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3F) | 0x80);
	for (i = 0; i < 5; i++) {
		id = hex_write(id, b + at, groups[i]);
		at += groups[i];
		*id++ = i < 4 ? '-' : '\0';
	}
}

void
route_message_id(char id[ROUTE_ID])
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static int64_t last;
	int64_t us = clock_now_us();

	(void)pthread_mutex_lock(&lock);
	if (us <= last)
		us = last + 1;
	last = us;
	(void)pthread_mutex_unlock(&lock);
	(void)snprintf(id, ROUTE_ID, "msg-%lld%03u", (long long)us,
	    (unsigned)(random_32() % 1000));
}

void
route_conversation(const char *a, const char *b, char id[ROUTE_ID])
{
	static const char key[] = "conversation";
	struct signature_piece pieces[2];
	unsigned char mac[SIGNATURE_MAC];
	const char *swap = a;

	if (strcmp(a, b) > 0) {
		a = b;
		b = swap;
	}
	pieces[0] = (struct signature_piece){ a, strlen(a) + 1 };
	pieces[1] = (struct signature_piece){ b, strlen(b) };
	signature_mac(key, strlen(key), pieces, 2, mac);
	id += snprintf(id, ROUTE_ID, "conv-");
	*hex_write(id, mac, 12) = '\0';
}

void
route_key_id(const char *key, const struct web_request *r,
    const struct first_request *first, char id[ROUTE_KEY_ID])
{
	uint64_t sum;

	sum = checksum((uint64_t)(first->at / DAY_MS), key, strlen(key));
	sum = checksum(sum, r->body, r->len);
	(void)snprintf(id, ROUTE_KEY_ID, "%.160s-%016" PRIx64, key, sum);
}
