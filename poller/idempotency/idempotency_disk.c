/*
 * idempotency_disk: keys of requests on the disk, a line each in a spool:
 *
 *   AT SUM NOTE KEY
 *
 * in quotes, the key in hexadecimal. Nothing is synced: what was written
 * survives the end of the process, not that of the machine.
 */
#include "poller/idempotency/idempotency_impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "poller/outbox/spool.h"

#define CHUNK ((size_t)256 * 1024)
#define KEY_MAX 511

static const struct spool_kind kind = {
	.unsynced = true,
	.what = "keys of requests",
	.rest = "the others are known; have no request of the last day sent "
		"again, it would count twice",
};

struct idempotency_disk {
	struct spool *lines;
	struct buf line;
	bool warned;
};

/* Before there were lines. */
static void
drop_earlier_version(const char *dir)
{
	static const char *const names[] = { "listen.keys-lock", "listen.boot",
		"listen.keys" };
	char *path = NULL;
	size_t i;
	int rc = -1;

	for (i = 0; i < ARRAY_LEN(names); i++) {
		free(path);
		path = xasprintf("%s/%s", dir, names[i]);
		rc = unlink(path);
	}
	if (rc == 0)
		log_warn("'%s' was of an earlier version and is removed; have "
			 "no request of before sent again",
		    path);
	free(path);
}

struct idempotency_disk *
idempotency_disk_open(const char *dir, enum exit_code *code, struct buf *why)
{
	struct idempotency_disk *s = xcalloc(1, sizeof *s);
	char *path = xasprintf("%s/keys", dir);

	s->lines = spool_open(path, &kind, UINT64_MAX, code, why);
	free(path);
	if (s->lines != NULL) {
		drop_earlier_version(dir);
		return s;
	}
	idempotency_disk_close(s);
	return NULL;
}

void
idempotency_disk_close(struct idempotency_disk *s)
{
	if (s == NULL)
		return;
	spool_close(s->lines);
	buf_release(&s->line);
	free(s);
}

bool
idempotency_disk_is_damaged(const struct idempotency_disk *s)
{
	return spool_is_damaged(s->lines);
}

static size_t
read_hex_key(const char *hex, char key[KEY_MAX])
{
	char digits[3] = "";
	size_t n = 0;

	while (n < KEY_MAX && *hex != '"') {
		memcpy(digits, hex, 2);
		key[n++] = (char)strtoul(digits, NULL, 16);
		hex += 2;
	}
	return n;
}

int
idempotency_disk_each(struct idempotency_disk *s, idempotency_key_fn *each,
    void *ctx, struct buf *why)
{
	const char *lines, *p;
	char key[KEY_MAX], *end;
	struct idempotent r;
	uint64_t number = 1;
	size_t len, n;
	int got;

	while ((got = spool_next(s->lines, &lines, &len, CHUNK, why)) > 0) {
		for (p = lines; p < lines + len; p = strchr(p, '\n') + 1) {
			r.at = strtoll(p + 1, &end, 10);
			r.sum = strtoull(end, &end, 10);
			r.note = strtoull(end, &end, 10);
			n = read_hex_key(end + 1, key);
			/* Not above the line's own: some may be missing. */
			each(ctx, key, n, &r, number++);
		}
		number = spool_number_read(s->lines) + 1;
	}
	return got;
}

uint64_t
idempotency_disk_add(struct idempotency_disk *s, const char *key, size_t len,
    const struct idempotent *r)
{
	struct buf why = BUF_INIT;
	uint64_t number = 0;
	size_t i;

	if (len > KEY_MAX)
		return 0;
	buf_setf(&s->line, "\"%" PRId64 " %" PRIu64 " %" PRIu64 " ", r->at,
	    r->sum, r->note);
	for (i = 0; i < len; i++)
		buf_addf(&s->line, "%02x", (unsigned char)key[i]);
	buf_adds(&s->line, "\"\n");
	if (spool_add(s->lines, s->line.data, s->line.len, &why) == 0 &&
	    spool_sync(s->lines, &why) == 0)
		number = spool_number(s->lines);
	if (number == 0 && !s->warned)
		log_warn("%s; requests with a key are refused meanwhile",
		    buf_str(&why));
	s->warned = number == 0;
	buf_release(&why);
	return number;
}

void
idempotency_disk_remove_up_to(struct idempotency_disk *s, uint64_t number)
{
	spool_remove_up_to(s->lines, number);
}

void
idempotency_disk_end_file(struct idempotency_disk *s)
{
	spool_end_file(s->lines);
}

void
idempotency_disk_clear(struct idempotency_disk *s)
{
	spool_clear(s->lines);
}
