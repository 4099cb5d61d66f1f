/*
 * delta: see delta.h.
 */
#include "aggregator/state/delta.h"

#include <string.h>

#include "common/containers/pack.h"
#include "common/digest/hash.h"

#define FORMAT 1
#define HEAD_BYTES (1 + sizeof(uint64_t))

enum { PUT = 'P', DELETED = 'D' };

/* A number must not get another name: change the format of the state
 * instead. */
static const char *const tables[] = { "tenants", "operators", "chats",
	"messages", "seen", "allocation", "snapshots", "staged", "channels",
	"channel_chats", "trend_words", "trends_due", "alert_windows", "alerts",
	"alerts_due", "users", "users_silent", "user_chats", "user_chats_due",
	"event_counts", "talks", "talk_participants", "talks_due",
	"user_minutes", "notices" };

const unsigned delta_tables_n = sizeof tables / sizeof *tables;

const char *
delta_table_name(unsigned table)
{
	return tables[table - 1];
}

unsigned
delta_table_number(const char *name)
{
	unsigned i;

	for (i = 0; i < delta_tables_n; i++)
		if (strcmp(tables[i], name) == 0)
			return i + 1;
	return 0;
}

void
delta_add(struct buf *delta, const struct delta_change *c)
{
	buf_addc(delta, (char)c->table);
	buf_addc(delta, c->data != NULL ? PUT : DELETED);
	pack_put_number(delta, c->key_len);
	buf_add(delta, c->key, c->key_len);
	if (c->data == NULL)
		return;
	pack_put_number(delta, c->len);
	buf_add(delta, c->data, c->len);
}

size_t
delta_write_part(
    struct delta_writer *w, const char *delta, size_t len, struct buf *part)
{
	if (len > DELTA_PART - HEAD_BYTES)
		len = DELTA_PART - HEAD_BYTES;
	w->sum = checksum(w->sum, delta, len);
	buf_addc(part, FORMAT);
	pack_put_fixed(part, w->sum);
	buf_add(part, delta, len);
	return len;
}

/* Returns false if only the beginning of the field is there. */
static bool
read_field(struct pack *r, const void **p, size_t *len)
{
	uint64_t n = pack_number(r);

	if (r->bad || n > (uint64_t)(r->end - r->p))
		return false;
	*p = r->p;
	*len = (size_t)n;
	r->p += n;
	return true;
}

/* Returns 1; 0 if only the beginning of a change is there; -1 if it is
 * malformed. */
static int
read_change(struct pack *r, struct delta_change *c)
{
	unsigned op;

	if (r->end - r->p < 2)
		return 0;
	c->table = *r->p++;
	op = *r->p++;
	if (c->table == 0 || c->table > delta_tables_n ||
	    (op != PUT && op != DELETED))
		return -1;
	c->data = NULL;
	c->len = 0;
	if (!read_field(r, &c->key, &c->key_len))
		return 0;
	return op == DELETED || read_field(r, &c->data, &c->len) ? 1 : 0;
}

static bool
read_changes(struct delta_reader *r, delta_change_fn *changed, void *ctx)
{
	struct pack p = pack_open_bare(buf_str(&r->rest), r->rest.len);
	struct buf left = BUF_INIT;
	struct delta_change c;
	const unsigned char *from;
	int rc;

	for (from = p.p; (rc = read_change(&p, &c)) == 1; from = p.p)
		if (!changed(ctx, &c))
			return false;
	buf_add(&left, from, (size_t)(p.end - from));
	buf_release(&r->rest);
	r->rest = left;
	return rc == 0;
}

bool
delta_read_part(struct delta_reader *r, const void *part, size_t len,
    delta_change_fn *changed, void *ctx)
{
	const unsigned char *p = part;
	struct pack head = pack_open_bare(p, len);

	if (len <= HEAD_BYTES || *head.p++ != FORMAT)
		return false;
	r->sum = checksum(r->sum, p + HEAD_BYTES, len - HEAD_BYTES);
	if (pack_fixed(&head) != r->sum)
		return false;
	buf_add(&r->rest, p + HEAD_BYTES, len - HEAD_BYTES);
	return read_changes(r, changed, ctx);
}

bool
delta_read_end(struct delta_reader *r)
{
	bool whole = r->rest.len == 0;

	buf_release(&r->rest);
	r->sum = 0;
	return whole;
}
