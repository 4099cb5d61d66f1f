/*
 * forgotten_id: see forgotten_id.h.
 */
#include "common/digest/forgotten_id.h"

#include <string.h>

#include "common/digest/encoding.h"
#include "common/digest/hash.h"
#include "common/digest/random.h"

/* These letters are part of stored digests: never change them. */
static const char kind_letters[] = { [FORGOTTEN_CUSTOMER] = 'c',
	[FORGOTTEN_USER] = 'u',
	[FORGOTTEN_CHAT] = 'd' };

static void
write_number(char *to, uint64_t n)
{
	unsigned char bytes[8];
	int i;

	for (i = 7; i >= 0; i--, n >>= 8)
		bytes[i] = (unsigned char)n;
	(void)hex_write(to, bytes, sizeof bytes);
}

int
forgotten_key_read(const char *text, uint64_t key[2])
{
	int i, digit;

	if (text == NULL || strlen(text) != FORGOTTEN_KEY)
		return -1;
	key[0] = key[1] = 0;
	for (i = 0; i < FORGOTTEN_KEY; i++) {
		digit = hex_small_digit(text[i]);
		if (digit < 0)
			return -1;
		key[i / 16] = key[i / 16] << 4 | (unsigned)digit;
	}
	return 0;
}

void
forgotten_key_draw(char text[FORGOTTEN_KEY + 1])
{
	write_number(text, random_64());
	write_number(text + FORGOTTEN_KEY / 2, random_64());
	text[FORGOTTEN_KEY] = '\0';
}

void
forgotten_digest(const uint64_t key[2], enum forgotten_kind kind,
    const char *id, size_t len, char digest[FORGOTTEN_DIGEST + 1])
{
	const uint64_t of_kind[2] = { key[0],
		key[1] ^ (unsigned char)kind_letters[kind] };
	struct hash_128 h = keyed_hash(of_kind, id, len);

	write_number(digest, h.low);
	write_number(digest + FORGOTTEN_DIGEST / 2, h.high);
	digest[FORGOTTEN_DIGEST] = '\0';
}
