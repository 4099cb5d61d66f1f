/*
 * flush: see flush.h.
 */
#include "sink/rows/flush.h"

#include <string.h>

#include "common/base/parse.h"
#include "common/records/record.h"

static struct text
string_field(const struct flat *line, const char *name)
{
	const struct flat_field *v = flat_find(line, name);
	struct text t = { NULL, 0 };

	if (v != NULL && v->kind == FLAT_STRING && v->val_len > 0)
		t = (struct text){ v->val, v->val_len };
	return t;
}

/* Returns an id that fits into a column, or p NULL. */
static struct text
id_field(const struct flat *line, const char *name)
{
	struct text t = string_field(line, name);

	if (t.p != NULL &&
	    (t.len > RECORD_MAX_ID || record_id_error(t.p, t.len) != NULL))
		t.p = NULL;
	return t;
}

/* p NULL: there is none. */
static struct text
writer_field(const struct flat *line, const char *name)
{
	struct text t = string_field(line, name);
	size_t i;

	if (t.len != FLUSH_WRITER)
		t.p = NULL;
	for (i = 0; t.p != NULL && i < FLUSH_WRITER; i++)
		if (strchr("0123456789abcdef", t.p[i]) == NULL)
			t.p = NULL;
	return t;
}

/* Returns -1 if there is no such number, or a smaller one. */
static int
number_field(
    const struct flat *line, const char *name, int64_t least, int64_t *n)
{
	const struct flat_field *v = flat_find(line, name);
	char digits[24];

	if (v == NULL || v->kind != FLAT_NUMBER || v->val_len >= sizeof digits)
		return -1;
	memcpy(digits, v->val, v->val_len);
	digits[v->val_len] = '\0';
	return parse_int(digits, least, INT64_MAX, n);
}

int
flush_version_read(
    struct flush_version *v, const struct flat *line, struct buf *why)
{
	v->tenant = string_field(line, "tenant");
	v->writer = writer_field(line, "writer");
	if (parse_is_name_n(v->tenant.p, v->tenant.len, RECORD_MAX_TENANT) &&
	    v->writer.p != NULL &&
	    number_field(line, "version", 1, &v->version) == 0)
		return 0;
	buf_setf(why, "field 'tenant', 'writer' or 'version' is missing or "
		      "bad");
	return -1;
}

int
sent_read(struct sent *s, const struct flat *line, struct buf *why)
{
	s->writer = writer_field(line, "writer");
	if (s->writer.p != NULL && number_field(line, "n", 1, &s->round) == 0 &&
	    number_field(line, "flushes", 0, &s->flushes) == 0)
		return 0;
	buf_setf(why, "field 'writer', 'n' or 'flushes' is missing or bad");
	return -1;
}

/* Returns the name of the first bad field, or NULL. */
static const char *
read_fields(struct flush *f, const struct flat *line)
{
	const struct flat_field *forced = flat_find(line, "force");

	f->tenant = string_field(line, "tenant");
	f->stream = id_field(line, "stream");
	f->writer = writer_field(line, "writer");
	f->prev_writer = writer_field(line, "prev_writer");
	f->identity = id_field(line, "identity");
	f->host = id_field(line, "host");
	f->forced = forced != NULL && forced->kind == FLAT_TRUE;
	if (!parse_is_name_n(f->tenant.p, f->tenant.len, RECORD_MAX_TENANT))
		return "tenant";
	if (number_field(line, "version", 1, &f->version) != 0)
		return "version";
	if (number_field(line, "prev_version", 0, &f->prev_version) != 0 ||
	    f->prev_version >= f->version)
		return "prev_version";
	if (number_field(line, "from", 0, &f->from_version) != 0 ||
	    f->from_version > f->version)
		return "from";
	if (number_field(line, "n", 1, &f->round) != 0)
		return "n";
	if (number_field(line, "i", 1, &f->index) != 0)
		return "i";
	if (number_field(line, "part", 1, &f->part) != 0)
		return "part";
	return f->stream.p == NULL                               ? "stream"
	       : f->writer.p == NULL                             ? "writer"
	       : f->prev_version > 0 && f->prev_writer.p == NULL ? "prev_writer"
	       : f->identity.p == NULL                           ? "identity"
	       : f->host.p == NULL                               ? "host"
								 : NULL;
}

int
flush_read(struct flush *f, const struct flat *line, struct buf *why)
{
	const char *bad;

	memset(f, 0, sizeof *f);
	bad = read_fields(f, line);
	if (bad != NULL)
		buf_setf(why, "field '%s' of a flush is missing or bad", bad);
	return bad == NULL ? 0 : -1;
}

static void
keep(struct text *t, struct arena *a)
{
	if (t->p != NULL)
		t->p = arena_copy(a, t->p, t->len);
}

struct flush *
flush_keep(const struct flush *f, struct arena *a)
{
	struct flush *kept = arena_take(a, sizeof *kept);

	*kept = *f;
	keep(&kept->tenant, a);
	keep(&kept->stream, a);
	keep(&kept->writer, a);
	keep(&kept->prev_writer, a);
	keep(&kept->identity, a);
	keep(&kept->host, a);
	kept->parts = NULL;
	kept->parts_end = &kept->parts;
	return kept;
}

/* What the database would not decode. */
static bool
is_base64(struct text t)
{
	size_t i, n = t.len;

	if (t.p == NULL || n % 4 != 0)
		return false;
	while (n > t.len - 2 && t.p[n - 1] == '=')
		n--;
	for (i = 0; i < n; i++)
		if (!((t.p[i] >= 'A' && t.p[i] <= 'Z') ||
			(t.p[i] >= 'a' && t.p[i] <= 'z') ||
			(t.p[i] >= '0' && t.p[i] <= '9') || t.p[i] == '+' ||
			t.p[i] == '/'))
			return false;
	return true;
}

int
flush_add_state(
    struct flush *f, const struct flat *line, struct arena *a, struct buf *why)
{
	struct text data = string_field(line, "data");
	struct state_part *part;

	if (!is_base64(data)) {
		buf_setf(why, "field 'data' of a state is not base64");
		return -1;
	}
	part = arena_take(a, sizeof *part);
	part->base64 = data;
	keep(&part->base64, a);
	*f->parts_end = part;
	f->parts_end = &part->next;
	return 0;
}
