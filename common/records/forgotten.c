/*
 * forgotten: see forgotten.h.
 */
#include "common/records/forgotten.h"

#include <errno.h>
#include <string.h>

#include "common/base/syserr.h"
#include "common/containers/pack.h"
#include "common/digest/encoding.h"
#include "common/digest/hash.h"
#include "common/digest/random.h"
#include "common/os/file.h"

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
	int i;

	if (text == NULL || strlen(text) != FORGOTTEN_KEY ||
	    strspn(text, "0123456789abcdef") != FORGOTTEN_KEY)
		return -1;
	key[0] = key[1] = 0;
	for (i = 0; i < FORGOTTEN_KEY; i++)
		key[i / 16] = key[i / 16] << 4 | (unsigned)hex_digit(text[i]);
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

#define LAYOUT 2
#define SUM_BYTES 8
#define MOST_BYTES ((size_t)64 * 1024 * 1024)

bool
forget_order_has_chat(const struct forget_order *o, struct text chat)
{
	struct pack r;

	if (o->chats.len == 0)
		return false;
	r = pack_open_bare(o->chats.p, o->chats.len);
	while (pack_more(&r))
		if (text_compare(pack_text(&r), chat) == 0)
			return true;
	return false;
}

static void
code_order(struct pack *k, struct forget_order *o)
{
	code_text(k, &o->tenant);
	code_text(k, &o->customer);
	code_signed(k, &o->asked_at);
	code_text(k, &o->chats);
	code_text(k, &o->alias);
}

enum exit_code
forget_order_write(struct forget_order *o, const char *path, struct buf *why)
{
	struct buf bytes = BUF_INIT;
	struct pack k = pack_write(&bytes);
	enum exit_code code;

	pack_put_number(&bytes, LAYOUT);
	code_order(&k, o);
	pack_put_fixed(&bytes, checksum(0, bytes.data, bytes.len));
	code = file_replace(path, 0600, bytes.data, bytes.len, why);
	buf_release(&bytes);
	return code;
}

static int
unpack_order(struct forget_order *o, const struct buf *bytes)
{
	struct pack r = pack_open(bytes->data, bytes->len, LAYOUT);
	uint64_t sum;

	code_order(&r, o);
	sum = pack_fixed(&r);
	return pack_end(&r) == 0 &&
		       sum == checksum(0, bytes->data, bytes->len - SUM_BYTES)
		   ? 0
		   : -1;
}

int
forget_order_read(struct forget_order *o, const char *path, struct buf *bytes,
    struct buf *why)
{
	bytes->max = MOST_BYTES;
	if (file_read_path(path, bytes) != 0) {
		if (errno == ENOENT)
			return 0;
		(void)syserr_explain(
		    why, PROG_NOINPUT, "cannot read '%s'", path);
		return -1;
	}
	if (unpack_order(o, bytes) == 0)
		return 1;
	buf_setf(why, "'%s' is damaged, or of another version", path);
	return -1;
}
