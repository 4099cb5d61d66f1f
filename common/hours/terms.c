/*
 * terms: see terms.h.
 */
#include "common/hours/terms.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/containers/strmap.h"
#include "common/digest/hash.h"

struct tenant_terms {
	struct terms general;   /* of channels that are not named */
	struct strmap channels; /* the other struct terms */
	struct zone *zone;      /* NULL: that of the hours */
	char *zone_name;
	char *error;
	uint64_t version;
	char version_text[17];
	struct buf text, files;
};

struct terms_book {
	struct strmap hours, targets; /* by section name */
	struct strmap tenants;
	struct zone *utc;
	struct tenant_terms other; /* tenants that are not configured */
};

/* A tenant that is being read. */
struct terms_reader {
	const struct conf *conf;
	struct terms_book *book;
	const char *section; /* "crm NAME" */
	struct tenant_terms *to;
	struct buf *why;
};

static void *
find_by_name(const struct strmap *map, const char *name)
{
	return strmap_get(map, name, strlen(name));
}

static void
put_by_name(struct strmap *map, const char *name, void *value)
{
	*strmap_put(map, name, strlen(name)) = value;
}

/* Returns "office", from "hours office"; "" from "targets". */
static const char *
name_of_section(const char *section)
{
	const char *blank = strchr(section, ' ');

	return blank != NULL ? blank + 1 : "";
}

/* Puts the place of a mistake before the reason. */
static void
add_place(
    const struct conf *c, const char *section, unsigned line, struct buf *why)
{
	char *reason = xstrdup(buf_str(why));

	buf_clear(why);
	conf_add_place(c, section, line, why);
	buf_adds(why, reason);
	free(reason);
}

static int
read_hours(struct terms_book *b, const struct conf *c,
    hours_read_file *read_file, void *ctx, struct buf *why)
{
	const struct conf_entry *lines;
	const char *section;
	struct hours *h;
	unsigned line;
	size_t i, n;

	for (i = 0; (section = conf_section(c, "hours", i)) != NULL; i++) {
		lines = conf_entries(c, section, &n);
		line = 0;
		h = hours_read(name_of_section(section), lines, n, read_file,
		    ctx, why, &line);
		if (h == NULL) {
			add_place(c, section, line, why);
			return -1;
		}
		put_by_name(&b->hours, name_of_section(section), h);
	}
	return 0;
}

static int
read_targets(struct terms_book *b, const struct conf *c, struct buf *why)
{
	const struct conf_entry *lines;
	const char *section;
	struct targets *t;
	unsigned line;
	size_t i, n;

	for (i = 0; (section = conf_section(c, "targets", i)) != NULL; i++) {
		lines = conf_entries(c, section, &n);
		line = 0;
		t = targets_read(
		    name_of_section(section), lines, n, why, &line);
		if (t == NULL) {
			add_place(c, section, line, why);
			return -1;
		}
		put_by_name(&b->targets, name_of_section(section), t);
	}
	return 0;
}

/* ---- a tenant ---- */

/* Returns the hours or targets of that name, which must exist. */
static const void *
must_find(struct terms_reader *r, const struct strmap *map, const char *kind,
    const char *name, unsigned line)
{
	const void *found = find_by_name(map, name);

	if (found != NULL)
		return found;
	buf_setf(r->why,
	    "there is no section [%s %s]; add it, or correct the "
	    "name",
	    kind, name);
	add_place(r->conf, r->section, line, r->why);
	return NULL;
}

static int
read_general(struct terms_reader *r)
{
	const char *hours = conf_text(r->conf, r->section, "hours");
	const char *targets = conf_text(r->conf, r->section, "targets");
	struct terms *t = &r->to->general;

	t->targets = find_by_name(&r->book->targets, "");
	if (hours != NULL) {
		t->hours = must_find(r, &r->book->hours, "hours", hours,
		    conf_line(r->conf, r->section, "hours"));
		if (t->hours == NULL)
			return -1;
	}
	if (targets != NULL) {
		t->targets = must_find(r, &r->book->targets, "targets", targets,
		    conf_line(r->conf, r->section, "targets"));
		if (t->targets == NULL)
			return -1;
	}
	return 0;
}

static struct terms *
terms_of_name(struct terms_reader *r, const char *channel)
{
	void **slot = strmap_put(&r->to->channels, channel, strlen(channel));

	if (*slot == NULL) {
		*slot = xmalloc(sizeof r->to->general);
		memcpy(*slot, &r->to->general, sizeof r->to->general);
	}
	return *slot;
}

/* Reads hours.CHANNEL and targets.CHANNEL. */
static int
read_channels(struct terms_reader *r)
{
	const struct conf_entry *e;
	struct terms *t;
	size_t i, n;

	e = conf_entries(r->conf, r->section, &n);
	for (i = 0; i < n; i++) {
		if (conf_entry_once(e, &e[i], r->why) != 0) {
			add_place(r->conf, r->section, e[i].line, r->why);
			return -1;
		}
		t = terms_of_name(r, strchr(e[i].key, '.') + 1);
		if (strncmp(e[i].key, "hours", 5) == 0)
			t->hours = must_find(
			    r, &r->book->hours, "hours", e[i].text, e[i].line);
		else
			t->targets = must_find(r, &r->book->targets, "targets",
			    e[i].text, e[i].line);
		if (r->why->len > 0)
			return -1;
	}
	return 0;
}

static int
read_zone(struct terms_reader *r)
{
	const char *name = conf_text(r->conf, r->section, "zone");
	struct buf reason = BUF_INIT;

	if (name == NULL)
		return 0;
	r->to->zone = zone_open(name, &reason);
	r->to->zone_name = xstrdup(name);
	if (r->to->zone == NULL) {
		buf_setf(r->why, "zone = %s: %s", name, buf_str(&reason));
		add_place(r->conf, r->section,
		    conf_line(r->conf, r->section, "zone"), r->why);
	}
	buf_release(&reason);
	return r->to->zone != NULL ? 0 : -1;
}

/* Sets the zone, and refuses targets that could never be judged. */
static int
complete(struct terms_reader *r, struct terms *t)
{
	const char *name;

	t->zone = r->to->zone != NULL ? r->to->zone
		  : r->to->general.hours != NULL
		      ? hours_zone(r->to->general.hours, HOURS_NEVER)
		      : r->book->utc;
	if (t->targets == NULL || t->hours != NULL ||
	    !targets_need_hours(t->targets))
		return 0;
	name = t->targets->name;
	buf_setf(r->why,
	    "[%s] has no hours, but [targets%s%s] has a target in work time; "
	    "add hours = NAME, which also holds for channels without hours "
	    "of their own, or write the target as 15m calendar",
	    r->section, *name != '\0' ? " " : "", name);
	add_place(r->conf, r->section, 0, r->why);
	return -1;
}

static uint64_t
print_terms(uint64_t sum, const struct terms *t)
{
	const struct targets *g = t->targets;
	uint64_t hours = t->hours != NULL ? hours_version(t->hours) : 0;
	size_t i, j;

	sum = checksum(sum, &hours, sizeof hours);
	for (i = 0; g != NULL && i < g->n; i++) {
		sum = checksum(sum, &g->list[i].since, sizeof(int64_t));
		for (j = 0; j < TARGET_KINDS; j++) {
			sum = checksum(
			    sum, &g->list[i].of[j].ms, sizeof(int64_t));
			sum =
			    checksum(sum, &g->list[i].of[j].work, sizeof(bool));
		}
		sum = checksum(sum, &g->list[i].soon, sizeof(int));
	}
	return sum;
}

static bool
is_empty(const struct tenant_terms *t)
{
	return t->general.hours == NULL && t->general.targets == NULL &&
	       t->channels.live == 0;
}

static void
write_version(struct tenant_terms *t)
{
	(void)snprintf(
	    t->version_text, sizeof t->version_text, "%016" PRIx64, t->version);
}

static int
complete_all(struct terms_reader *r)
{
	struct tenant_terms *t = r->to;
	struct strmap_entry *e;
	size_t i = 0;

	if (complete(r, &t->general) != 0)
		return -1;
	t->version = print_terms(0, &t->general);
	while ((e = strmap_next(&t->channels, &i)) != NULL) {
		if (complete(r, e->value) != 0)
			return -1;
		t->version = checksum(t->version, e->key, e->key_len);
		t->version = print_terms(t->version, e->value);
	}
	if (is_empty(t))
		t->version = 0;
	write_version(t);
	return 0;
}

/* Appends a section as it is written. */
static void
add_section(const struct conf *c, const char *section, struct buf *to)
{
	size_t i, n;
	const struct conf_entry *e = conf_entries(c, section, &n);

	buf_addf(to, "[%s]\n", section);
	for (i = 0; i < n; i++)
		buf_addf(to, "%s = %s\n", e[i].key, e[i].text);
}

static bool
has_section(const struct buf *text, const char *section)
{
	char *header = xasprintf("[%s]\n", section);
	bool found = strstr(buf_str(text), header) != NULL;

	free(header);
	return found;
}

/* Appends the sections of the terms unless the text has them. */
static void
add_terms_text(struct terms_reader *r, const struct terms *t)
{
	struct buf *to = &r->to->text;
	char *section;

	if (t->hours != NULL) {
		section = xasprintf("hours %s", hours_name(t->hours));
		if (!has_section(to, section)) {
			add_section(r->conf, section, to);
			hours_add_files(t->hours, &r->to->files);
		}
		free(section);
	}
	if (t->targets != NULL) {
		section = *t->targets->name != '\0'
			      ? xasprintf("targets %s", t->targets->name)
			      : xstrdup("targets");
		if (!has_section(to, section))
			add_section(r->conf, section, to);
		free(section);
	}
}

static void
add_text(struct terms_reader *r)
{
	static const char *const keys[] = { "hours", "targets", "zone" };
	const struct strmap_entry *e;
	const char *value;
	size_t i;

	add_section(r->conf, r->section, &r->to->text);
	for (i = 0; i < ARRAY_LEN(keys); i++) {
		value = conf_text(r->conf, r->section, keys[i]);
		if (value != NULL)
			buf_addf(&r->to->text, "%s = %s\n", keys[i], value);
	}
	add_terms_text(r, &r->to->general);
	i = 0;
	while ((e = strmap_next(&r->to->channels, &i)) != NULL)
		add_terms_text(r, e->value);
}

static void
release_tenant(struct tenant_terms *t)
{
	buf_release(&t->text);
	buf_release(&t->files);
	strmap_release(&t->channels, free);
	zone_close(t->zone);
	free(t->zone_name);
	free(t->error);
}

static void
free_tenant(void *value)
{
	release_tenant(value);
	free(value);
}

static int
read_tenant(
    struct terms_book *b, const struct conf *c, size_t i, struct buf *why)
{
	const char *name = conf_tenant(c, i);
	char *section = xasprintf("crm %s", name);
	struct tenant_terms *t = xcalloc(1, sizeof *t);
	struct terms_reader r = { c, b, section, t, why };
	int rc = 0;

	if (conf_tenant_error(c, i) == NULL &&
	    (read_general(&r) != 0 || read_channels(&r) != 0 ||
		read_zone(&r) != 0 || complete_all(&r) != 0))
		rc = -1;
	if (rc != 0 && conf_tenant_has_file(c, i)) {
		release_tenant(t);
		memset(t, 0, sizeof *t);
		t->error = xstrdup(buf_str(why));
		log_warn(
		    "%s; tenant %s has no hours and targets", t->error, name);
		buf_clear(why);
		rc = 0;
	}
	if (t->general.zone == NULL)
		t->general.zone = b->utc;
	if (t->version != 0)
		add_text(&r);
	put_by_name(&b->tenants, name, t);
	free(section);
	return rc;
}

/* ---- all tenants ---- */

static void
free_hours(void *h)
{
	hours_free(h);
}

static void
free_targets(void *t)
{
	targets_free(t);
}

void
terms_free(struct terms_book *b)
{
	if (b == NULL)
		return;
	strmap_release(&b->tenants, free_tenant);
	strmap_release(&b->hours, free_hours);
	strmap_release(&b->targets, free_targets);
	zone_close(b->utc);
	free(b);
}

/* Tenants that are not configured have no hours, so [targets] applies only if
 * it is in calendar time. */
static void
set_others(struct terms_book *b)
{
	struct terms *t = &b->other.general;

	t->zone = b->utc;
	t->targets = find_by_name(&b->targets, "");
	if (t->targets != NULL && targets_need_hours(t->targets))
		t->targets = NULL;
	b->other.version = is_empty(&b->other) ? 0 : print_terms(0, t);
	write_version(&b->other);
}

struct terms_book *
terms_load(const struct conf *c, hours_read_file *read_file, void *ctx,
    struct buf *why)
{
	struct terms_book *b = xcalloc(1, sizeof *b);
	size_t i, n = conf_tenants(c);
	int rc;

	b->utc = zone_open("UTC", NULL);
	buf_clear(why);
	rc = read_hours(b, c, read_file, ctx, why);
	if (rc == 0)
		rc = read_targets(b, c, why);
	for (i = 0; rc == 0 && i < n; i++)
		rc = read_tenant(b, c, i, why);
	set_others(b);
	if (rc == 0)
		return b;
	terms_free(b);
	return NULL;
}

const struct tenant_terms *
terms_of_tenant(const struct terms_book *b, struct text tenant)
{
	const struct tenant_terms *t =
	    strmap_get(&b->tenants, tenant.p, tenant.len);

	return t != NULL ? t : &b->other;
}

const struct terms *
terms_of_channel(const struct tenant_terms *t, struct text channel)
{
	const struct terms *own = NULL;

	if (t->channels.live > 0 && channel.p != NULL)
		own = strmap_get(&t->channels, channel.p, channel.len);
	return own != NULL ? own : &t->general;
}

const char *
terms_error(const struct tenant_terms *t)
{
	return t->error;
}

const struct zone *
terms_zone(const struct tenant_terms *t)
{
	return t->general.zone;
}

const char *
terms_zone_name(const struct tenant_terms *t)
{
	if (t->zone_name != NULL)
		return t->zone_name;
	return t->general.hours != NULL
		   ? hours_zone_name(t->general.hours, HOURS_NEVER)
		   : "UTC";
}

/* True if any channel has hours, or targets. */
static bool
any_has(const struct tenant_terms *t, bool hours)
{
	const struct terms *c = &t->general;
	const struct strmap_entry *e;
	size_t i = 0;

	if (hours ? c->hours != NULL : c->targets != NULL)
		return true;
	while ((e = strmap_next(&t->channels, &i)) != NULL) {
		c = e->value;
		if (hours ? c->hours != NULL : c->targets != NULL)
			return true;
	}
	return false;
}

bool
terms_have_hours(const struct tenant_terms *t)
{
	return any_has(t, true);
}

bool
terms_have_targets(const struct tenant_terms *t)
{
	return any_has(t, false);
}

bool
terms_any_targets(const struct terms_book *b)
{
	return b->targets.live > 0;
}

uint64_t
terms_version(const struct tenant_terms *t)
{
	return t->version;
}

const char *
terms_version_text(const struct tenant_terms *t)
{
	return t->version != 0 ? t->version_text : NULL;
}

const struct buf *
terms_text(const struct tenant_terms *t)
{
	return &t->text;
}

const struct buf *
terms_files(const struct tenant_terms *t)
{
	return &t->files;
}

void
terms_each_channel(const struct tenant_terms *t,
    void (*each)(void *ctx, const char *channel, const struct terms *terms),
    void *ctx)
{
	const struct strmap_entry *e;
	size_t i = 0;

	each(ctx, NULL, &t->general);
	while ((e = strmap_next(&t->channels, &i)) != NULL)
		each(ctx, e->key, e->value);
}
