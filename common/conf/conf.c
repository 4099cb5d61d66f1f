/*
 * conf: reads the configuration and returns the value of a key; see conf.h.
 * Later sources override earlier ones: the file, the tenants' files, the
 * environment, and flags through conf_set().
 *
 * An error in the main file or the environment stops the program. An error in
 * one tenant's own file stops only that tenant. Every message about a file
 * names its line.
 *
 * The text of a file: comments are lines that begin with # or ;. A value is the
 * rest of its line without surrounding spaces: there are no continuation lines,
 * and quotes around a value are an error. NUL bytes, bytes that are not UTF-8
 * and lines above INI_MAX_LINE are errors. A byte order mark and CRLF are
 * accepted. Alternative: inih, but it checks neither bytes nor quotes, and
 * reports only the line of a mistake.
 */
#define _DEFAULT_SOURCE /* explicit_bzero, scandir */

#include "common/conf/conf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/prog.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/conf/secret.h"
#include "common/digest/hash.h"
#include "common/os/file.h"

#define CONF_NAME_MAX 64

/* A value: its text, checked and converted according to its row of
 * conf_keys[]. */
struct conf_value {
	char *text;    /* as written; NULL: not given */
	int64_t num;   /* for INT, SIZE, DURATION, BOOL */
	char **words;  /* for LIST; ends with NULL */
	unsigned line; /* line in the file; 0: from elsewhere */
};

struct conf_section {
	char *name;       /* "amqp", "crm acme" */
	const char *kind; /* "amqp", "crm": the section in the table */
	char *error;      /* the tenant's error, see conf_tenant_error() */
	unsigned line;    /* line of its header; 0: not in the file */
	char *path;       /* the file of its header; NULL: not in a file */
	bool own;         /* of a tenant: that is the tenant's own file */
	struct conf_value *values; /* one for each row of conf_keys[] */
	struct conf_entry *entries;
	size_t entries_n, entries_cap;
	char **words; /* the texts of the entries, two for each */
	size_t words_n, words_cap;
};

struct conf {
	char *path;
	struct conf_section *sections;
	size_t n, cap;
	int error;  /* errno of the file that could not be read, or 0 */
	int unread; /* errno from reading SYSTEM_FILE unless it was named, or
		     * 0 */
};

/* Returns the section with that name, or NULL. Borrowed until one is added. */
static struct conf_section *
find_section(const struct conf *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->n; i++) {
		if (strcmp(c->sections[i].name, name) == 0)
			return &c->sections[i];
	}
	return NULL;
}

static struct conf_section *
find_tenant(const struct conf *c, const char *tenant)
{
	char *name = xasprintf("crm %s", tenant);
	struct conf_section *s = find_section(c, name);

	free(name);
	return s;
}

/* True if the row is for that key: "hours.*" is for "hours.NAME". */
static bool
is_key(const char *row, const char *name)
{
	size_t len = strlen(row);

	if (row[len - 1] != '*')
		return strcmp(row, name) == 0;
	return strncmp(row, name, len - 1) == 0 && name[len - 1] != '\0';
}

/* Returns the index of the row in the table, or conf_keys_n. */
static size_t
key_at(const char *kind, const char *name)
{
	size_t i;

	for (i = 0; i < conf_keys_n; i++) {
		if (strcmp(conf_keys[i].section, kind) == 0 &&
		    is_key(conf_keys[i].name, name))
			break;
	}
	return i;
}

/* How sections of a kind are named. */
enum conf_naming {
	UNNAMED,     /* [amqp] */
	NAMED,       /* [hours NAME] */
	MAYBE_NAMED, /* [targets] or [targets NAME] */
};

static enum conf_naming
naming(const char *kind)
{
	static const char *const named[] = { "crm", "hours", "notice",
		"notify" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(named); i++)
		if (strcmp(kind, named[i]) == 0)
			return NAMED;
	return strcmp(kind, "targets") == 0 ? MAYBE_NAMED : UNNAMED;
}

/* Adds a section. kind must stay valid; tenant may be NULL. The result is
 * borrowed until the next section is added. */
static struct conf_section *
add_section(struct conf *c, const char *kind, const char *tenant)
{
	struct conf_section *s;

	XGROW(c->sections, c->n, c->cap);
	s = &c->sections[c->n++];
	memset(s, 0, sizeof *s);
	s->kind = kind;
	s->name =
	    tenant != NULL ? xasprintf("%s %s", kind, tenant) : xstrdup(kind);
	s->values = xcalloc(conf_keys_n, sizeof *s->values);
	return s;
}

static bool
is_tenant(const struct conf_section *s)
{
	return strcmp(s->kind, "crm") == 0;
}

/* Appends a limit in the form used in files. */
static void
add_limit(struct buf *to, const struct conf_key *k, int64_t n)
{
	if (k->type == CONF_DURATION)
		parse_add_duration(to, n);
	else if (k->type == CONF_SIZE)
		parse_add_size(to, (uint64_t)n);
	else
		buf_addi(to, n);
}

static int
check_limits(
    const struct conf_key *k, const char *text, int64_t n, struct buf *why)
{
	if ((k->min == 0 && k->max == 0) || (n >= k->min && n <= k->max))
		return 0;
	buf_setf(why, "%s = %s is not between ", k->name, text);
	add_limit(why, k, k->min);
	buf_adds(why, " and ");
	add_limit(why, k, k->max);
	if (k->type == CONF_DURATION &&
	    strspn(text, "0123456789") == strlen(text))
		buf_adds(why, "; add a unit: ms, s, m, h or d");
	return -1;
}

static int
to_number(struct conf_value *v, const struct conf_key *k, const char *text,
    struct buf *why)
{
	const char *what;
	uint64_t size = 0;
	bool yes = false;
	int rc;

	if (k->type == CONF_INT) {
		what = "a whole number";
		rc = parse_int(text, INT64_MIN + 1, INT64_MAX, &v->num);
	} else if (k->type == CONF_SIZE) {
		what = "a size such as 4096, 64k or 16M";
		rc = parse_size(text, &size);
		v->num = size <= INT64_MAX ? (int64_t)size : INT64_MAX;
	} else if (k->type == CONF_DURATION) {
		what = "a duration such as 250ms, 30s, 10m or 7d";
		rc = parse_duration(text, &v->num);
	} else {
		what = "yes or no";
		rc = parse_bool(text, &yes);
		v->num = yes;
	}
	if (rc != 0) {
		buf_setf(why, "%s = %s is not %s", k->name, text, what);
		return -1;
	}
	return check_limits(k, text, v->num, why);
}

static int
check_choice(const struct conf_key *k, const char *text, struct buf *why)
{
	const char *s = k->choices;
	size_t len;

	for (;;) {
		len = strcspn(s, "|");
		if (strlen(text) == len && strncmp(s, text, len) == 0)
			return 0;
		if (s[len] == '\0')
			break;
		s += len + 1;
	}
	buf_setf(why, "%s = %s is not one of %s", k->name, text, k->choices);
	return -1;
}

static void
to_words(struct conf_value *v, const char *text)
{
	static const char blanks[] = ", \t";
	size_t n = 0, cap = 0, len;

	for (;;) {
		text += strspn(text, blanks);
		len = strcspn(text, blanks);
		XGROW(v->words, n, cap);
		if (len == 0)
			break;
		v->words[n++] = xstrndup(text, len);
		text += len;
	}
	v->words[n] = NULL;
}

static int
convert(struct conf_value *v, const struct conf_key *k, const char *text,
    struct buf *why)
{
	switch (k->type) {
	case CONF_INT:
	case CONF_SIZE:
	case CONF_DURATION:
	case CONF_BOOL:
		return to_number(v, k, text, why);
	case CONF_CHOICE:
		return check_choice(k, text, why);
	case CONF_LIST:
		to_words(v, text);
		return 0;
	case CONF_TEXT:
	case CONF_PATH:
	case CONF_NAME_OR_PATH:
	case CONF_SECRET:
	case CONF_LINE:
	case CONF_LINE_PATH:
		return 0;
	}
	return -1;
}

/* Wipes and frees the value, as if it had never been set. */
static void
release_value(struct conf_value *v)
{
	size_t i;

	secret_free(v->text);
	for (i = 0; v->words != NULL && v->words[i] != NULL; i++)
		free(v->words[i]);
	free(v->words);
	memset(v, 0, sizeof *v);
}

/* Replaces the value. Returns 0, or -1 with *why (which never has a secret) and
 * no change. */
static int
set_value(struct conf_value *v, const struct conf_key *k, const char *text,
    struct buf *why)
{
	struct conf_value new = { 0 };

	if (*text == '\0' && k->type != CONF_LIST) {
		buf_setf(why, "'%s' has no value", k->name);
		return -1;
	}
	if (convert(&new, k, text, why) != 0)
		return -1;
	new.text = xstrdup(text);
	release_value(v);
	*v = new;
	return 0;
}

/* ---- files ---- */

#define INI_MAX_LINE 16384

#define SYSTEM_FILE "/etc/messaging-analytics/messaging.conf"
#define FILE_MAX_BYTES ((size_t)1024 * 1024)

/* A file that is being read. */
struct conf_source {
	struct conf *conf;
	const char *path;
	unsigned line; /* the current line, from 1 */
	struct conf_section *section;
	const char *tenant; /* the file belongs to this tenant only */
	bool has_secret;
};

static bool
is_ini_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Removes spaces from both ends of [s, end) and adds a NUL. */
static char *
trim_blanks(char *s, char *end)
{
	while (s < end && is_ini_blank(*s))
		s++;
	while (end > s && is_ini_blank(end[-1]))
		end--;
	*end = '\0';
	return s;
}

static int
check_line(const char *line, size_t len, struct buf *why)
{
	if (len > INI_MAX_LINE)
		buf_setf(why, "the line is longer than %d bytes", INI_MAX_LINE);
	else if (parse_is_utf16(line, len))
		buf_setf(why, "the file is UTF-16; write it as UTF-8");
	else if (memchr(line, '\0', len) != NULL)
		buf_setf(why, "the line has a NUL byte; is this a text file?");
	else if (!parse_is_utf8(line, len))
		buf_setf(why, "the line is not UTF-8");
	else
		return 0;
	return -1;
}

/* Refuses quotes, and comments after a value. Other INI formats allow them;
 * here they would become part of the value. */
static int
check_ini_value(const char *value, struct buf *why)
{
	size_t len = strlen(value);
	const char *s;

	if (value[0] == '"' && value[len - 1] == '"') {
		buf_setf(why, "write values without quotes");
		return -1;
	}
	for (s = value; *s != '\0'; s++) {
		if (s > value && is_ini_blank(s[-1]) &&
		    (*s == '#' || *s == ';')) {
			buf_setf(why, "a comment needs a line of its own");
			return -1;
		}
		if ((unsigned char)*s < ' ' && *s != '\t') {
			buf_setf(why, "the value has a control character");
			return -1;
		}
	}
	return 0;
}

/* Returns the section kind with that name from the table, or NULL. */
static const char *
find_section_kind(const char *name)
{
	size_t i;

	for (i = 0; i < conf_keys_n; i++) {
		if (strcmp(conf_keys[i].section, name) == 0)
			return conf_keys[i].section;
	}
	return NULL;
}

/* A relative path in a file starts at the folder of that file. */
static char *
resolve(const struct conf_source *src, const char *path)
{
	const char *slash = strrchr(src->path, '/');

	if (*path == '/' || *path == '\0' || slash == NULL)
		return xstrdup(path);
	return xasprintf("%.*s/%s", (int)(slash - src->path), src->path, path);
}

/* Opens [kind NAME], or [kind] if name is NULL. */
static int
open_named_section(struct conf_source *src, const char *kind, const char *name,
    struct buf *why)
{
	char *full;

	if (name != NULL && !parse_is_name(name, CONF_NAME_MAX)) {
		buf_setf(why,
		    "[%s NAME] needs a name of up to %d letters, digits, "
		    "'_', '.', '-'",
		    kind, CONF_NAME_MAX);
		return -1;
	}
	full = name != NULL ? xasprintf("%s %s", kind, name) : xstrdup(kind);
	src->section = find_section(src->conf, full);
	if (src->section == NULL)
		src->section = add_section(src->conf, kind, name);
	free(full);
	return 0;
}

/* A tenant's own file may have the header of the tenant's section. */
static int
check_own_section(const struct conf_source *src, const char *kind,
    const char *name, struct buf *why)
{
	if (kind == NULL || strcmp(kind, "crm") != 0) {
		buf_setf(why, "this file may only have the section [crm %s]",
		    src->tenant);
		return -1;
	}
	if (strcmp(src->tenant, name) != 0) {
		buf_setf(why,
		    "this file is for [crm %s]; each tenant needs its own file",
		    src->tenant);
		return -1;
	}
	return 0;
}

static int
open_section(struct conf_source *src, char *text, struct buf *why)
{
	static const char blanks[] = " \t";
	char *name = text + strcspn(text, blanks);
	const char *kind;
	enum conf_naming named;

	if (*name != '\0')
		*name++ = '\0';
	name += strspn(name, blanks);
	kind = find_section_kind(text);
	named = kind != NULL ? naming(kind) : UNNAMED;
	if (src->tenant != NULL) {
		if (check_own_section(src, kind, name, why) != 0)
			return -1;
	} else if (kind == NULL || (named == UNNAMED && *name != '\0')) {
		buf_setf(why, "unknown section [%s%s%s]; see messaging.conf(5)",
		    text, *name != '\0' ? " " : "", name);
		return -1;
	} else if (open_named_section(src, kind,
		       named == NAMED || *name != '\0' ? name : NULL,
		       why) != 0) {
		return -1;
	}
	if (src->section->line != 0) {
		buf_setf(why, "[%s] is already in line %u", src->section->name,
		    src->section->line);
		return -1;
	}
	src->section->line = src->line;
	free(src->section->path);
	src->section->path = xstrdup(src->path);
	return 0;
}

/* The line is "[name]". */
static int
read_header(struct conf_source *src, char *s, struct buf *why)
{
	char *end = s + strlen(s) - 1;

	if (*end != ']' || strchr(s, ']') != end) {
		buf_setf(
		    why, "write a section as [name], on a line of its own");
		return -1;
	}
	return open_section(src, trim_blanks(s + 1, end), why);
}

static int
unknown_key(const struct conf_section *s, const char *name, struct buf *why)
{
	size_t i;

	for (i = 0; i < conf_keys_n; i++) {
		if (!is_key(conf_keys[i].name, name))
			continue;
		buf_setf(why, "'%s' belongs in [%s%s], not [%s]", name,
		    conf_keys[i].section,
		    naming(conf_keys[i].section) == NAMED ? " NAME" : "",
		    s->name);
		return -1;
	}
	buf_setf(why, "unknown key '%s' in [%s]; see messaging.conf(5)", name,
	    s->name);
	return -1;
}

static bool
is_line(const struct conf_key *k)
{
	return k->type == CONF_LINE || k->type == CONF_LINE_PATH;
}

static bool
is_path(const struct conf_key *k, const char *value)
{
	return k->type == CONF_PATH || k->type == CONF_LINE_PATH ||
	       (k->type == CONF_NAME_OR_PATH && strchr(value, '/') != NULL);
}

/* Returns a copy that is borrowed from the section. */
static const char *
keep_word(struct conf_section *s, const char *text)
{
	XGROW(s->words, s->words_n, s->words_cap);
	s->words[s->words_n] = xstrdup(text);
	return s->words[s->words_n++];
}

static void
add_entry(
    struct conf_section *s, const char *key, const char *text, unsigned line)
{
	XGROW(s->entries, s->entries_n, s->entries_cap);
	s->entries[s->entries_n++] =
	    (struct conf_entry){ keep_word(s, key), keep_word(s, text), line };
}

static int
set_file_key(struct conf_source *src, const char *key, const char *value,
    struct buf *why)
{
	struct conf_section *s = src->section;
	const struct conf_key *k;
	struct conf_value *v;
	size_t at;
	char *text;
	int rc;

	if (s == NULL) {
		buf_setf(why, "'%s' comes before the first [section]", key);
		return -1;
	}
	at = key_at(s->kind, key);
	if (at == conf_keys_n)
		return unknown_key(s, key, why);
	k = &conf_keys[at];
	v = &s->values[at];
	if (v->text != NULL) {
		buf_setf(why, "'%s' is already set in line %u", key, v->line);
		return -1;
	}
	text = is_path(k, value) ? resolve(src, value) : xstrdup(value);
	if (is_line(k)) {
		add_entry(s, key, text, src->line);
		free(text);
		return 0;
	}
	rc = set_value(v, k, text, why);
	secret_free(text);
	v->line = src->line;
	src->has_secret |= k->type == CONF_SECRET;
	return rc;
}

/* The line is "key = value". */
static int
read_key(struct conf_source *src, char *s, struct buf *why)
{
	char *eq = strchr(s, '='), *key, *value;

	if (eq == NULL) {
		buf_setf(why, "expected 'key = value', '[section]' or a "
			      "comment");
		return -1;
	}
	value = trim_blanks(eq + 1, eq + 1 + strlen(eq + 1));
	key = trim_blanks(s, eq);
	if (key[0] == '\0') {
		buf_setf(why, "there is no key before the '='");
		return -1;
	}
	return check_ini_value(value, why) == 0
		   ? set_file_key(src, key, value, why)
		   : -1;
}

/* The byte after the line is overwritten. */
static int
read_line(struct conf_source *src, char *line, size_t len, struct buf *why)
{
	char *s;

	if (check_line(line, len, why) != 0)
		return -1;
	s = trim_blanks(line, line + len);
	if (*s == '\0' || *s == '#' || *s == ';')
		return 0;
	return *s == '[' ? read_header(src, s, why) : read_key(src, s, why);
}

static int
read_file_text(struct conf_source *src, char *text, size_t len, struct buf *why)
{
	char *line = text + parse_utf8_mark(text, len), *end = text + len, *nl;
	struct buf reason = BUF_INIT;
	int rc = 0;

	for (; rc == 0 && line < end; line = nl + 1) {
		nl = memchr(line, '\n', (size_t)(end - line));
		if (nl == NULL)
			nl = end;
		src->line++;
		rc = read_line(src, line, (size_t)(nl - line), &reason);
	}
	if (rc != 0)
		buf_setf(
		    why, "%s:%u: %s", src->path, src->line, buf_str(&reason));
	buf_release(&reason);
	return rc;
}

/* Reads the open file and closes it. */
static int
load_fd(struct conf_source *src, int fd, struct buf *why)
{
	struct buf text = { .max = FILE_MAX_BYTES };
	int rc = -1;
	bool whole;

	/* Allocated in one piece, so that it never moves and can be wiped
	 * completely. */
	(void)buf_room(&text, FILE_MAX_BYTES);
	whole = file_read_all(fd, &text) == 0;
	if (!whole && errno == EFBIG) {
		buf_setf(why,
		    "'%s' is too large for a configuration; is it the right "
		    "file?",
		    src->path);
	} else if (!whole) {
		(void)syserr_explain(
		    why, PROG_CONFIG, "cannot read '%s'", src->path);
		src->conf->error = errno;
	} else {
		rc = read_file_text(src, text.data, text.len, why);
		if (src->has_secret)
			secret_warn_if_open(fd, src->path);
	}
	if (text.data != NULL)
		explicit_bzero(text.data, text.cap);
	buf_release(&text);
	(void)close(fd);
	return rc;
}

/* flags: O_NONBLOCK for a file that was not named explicitly: it may be a pipe
 * without a writer, which must not block the program. */
static int
open_for_reading(const char *path, int flags)
{
	return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | flags);
}

/* Reads a file that was named explicitly, so it must exist. */
static int
load_named(struct conf *c, const char *path, struct buf *why)
{
	struct conf_source src = { .conf = c, .path = path };
	int fd = open_for_reading(path, 0);

	if (fd < 0) {
		c->error = errno;
		buf_setf(why, "cannot read configuration '%s'", path);
		file_add_cause(why, c->error, path);
		return -1;
	}
	c->path = xstrdup(path);
	return load_fd(&src, fd, why);
}

/* Reads the system's file if it exists. Many users lack the permission and
 * seldom need the file, so only conf_add_source() mentions it, when a setting
 * is missing. */
static int
load_system_file(struct conf *c, struct buf *why)
{
	struct conf_source src = { .conf = c, .path = SYSTEM_FILE };
	int fd = open_for_reading(SYSTEM_FILE, O_NONBLOCK);

	if (fd >= 0) {
		c->path = xstrdup(SYSTEM_FILE);
		return load_fd(&src, fd, why);
	}
	if (errno != ENOENT && errno != ENOTDIR)
		c->unread = errno;
	return 0;
}

void
conf_add_source(const struct conf *c, struct buf *to)
{
	if (c->path != NULL) {
		buf_addf(to, "; the configuration is '%s'", c->path);
	} else if (c->unread != 0) {
		buf_adds(to, "; '" SYSTEM_FILE "' cannot be read");
		file_add_cause(to, c->unread, SYSTEM_FILE);
	} else {
		buf_adds(to,
		    "; no configuration was found: MESSAGING_CONFIG is not "
		    "set, and there is no " SYSTEM_FILE);
	}
}

/* Reads the main file: path, or the result of the search if path is NULL. */
static int
load_main_file(struct conf *c, const char *path, struct buf *why)
{
	const char *env = getenv("MESSAGING_CONFIG");

	if (path != NULL)
		return load_named(c, path, why);
	if (env != NULL && *env != '\0')
		return load_named(c, env, why);
	return load_system_file(c, why);
}

/* Reads a file in the tenants' folder. Any error affects only that tenant. */
static void
load_tenant_file(struct conf *c, const char *path, const char *tenant)
{
	struct conf_source src = { .conf = c, .path = path, .tenant = tenant };
	bool twice = find_tenant(c, tenant) != NULL;
	struct buf why = BUF_INIT;
	int fd, err;

	src.section = add_section(c, "crm", tenant);
	src.section->path = xstrdup(path);
	src.section->own = true;
	if (twice) {
		buf_setf(&why, "'%s': [crm %s] is already in '%s'", path,
		    tenant, c->path);
	} else if (!parse_is_name(tenant, CONF_NAME_MAX)) {
		buf_setf(&why,
		    "'%s': the file is not named like a tenant: up to %d "
		    "letters, digits, '_', '.', '-', then .conf",
		    path, CONF_NAME_MAX);
	} else {
		fd = open_for_reading(path, O_NONBLOCK);
		err = errno;
		if (fd < 0) {
			buf_setf(&why, "cannot read '%s'", path);
			file_add_cause(&why, err, path);
		} else if (load_fd(&src, fd, &why) == 0) {
			buf_clear(&why);
		}
	}
	if (why.len > 0)
		src.section->error = xstrdup(buf_str(&why));
	buf_release(&why);
}

static int
is_tenant_file(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return len > 5 && e->d_name[0] != '.' &&
	       strcmp(e->d_name + len - 5, ".conf") == 0;
}

static int
by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Reads the files in the folder of tenants, if [poller] tenants is set. */
static int
load_tenants(struct conf *c, struct buf *why)
{
	const char *dir = conf_text(c, "poller", "tenants");
	struct dirent **list = NULL;
	char *path, *tenant;
	int i, n;

	if (dir == NULL)
		return 0;
	n = scandir(dir, &list, is_tenant_file, by_bytes);
	if (n < 0) {
		c->error = errno;
		buf_setf(why, "cannot read '%s', the folder of tenants: %s; %s",
		    dir, log_errno(c->error),
		    c->error == ENOENT ? "create it, or remove [poller] tenants"
				       : syserr_way_out(c->error));
		return -1;
	}
	for (i = 0; i < n; i++) {
		path = xasprintf("%s/%s", dir, list[i]->d_name);
		tenant = xstrndup(list[i]->d_name, strlen(list[i]->d_name) - 5);
		load_tenant_file(c, path, tenant);
		free(tenant);
		free(path);
		free(list[i]);
	}
	free(list);
	return 0;
}

/* ---- the environment ---- */

/* Returns the value of the row's variable, owned, or NULL. Removes a secret
 * from the environment. */
static char *
take_env(const struct conf_key *k)
{
	const char *value;

	if (k->env == NULL)
		return NULL;
	if (k->type == CONF_SECRET)
		return secret_from_env(k->env);
	value = getenv(k->env);
	return value != NULL && *value != '\0' ? xstrdup(value) : NULL;
}

/* A secret may also be given as NAME_file. Returns the row for the other form
 * of this row's secret, or conf_keys_n if there is none. */
static size_t
other_way(size_t at)
{
	static const char suffix[] = "_file";
	const struct conf_key *k = &conf_keys[at];
	size_t len = strlen(k->name), tail = sizeof suffix - 1, secret, other;
	char *name;

	if (k->type == CONF_SECRET)
		name = xasprintf("%s%s", k->name, suffix);
	else if (len > tail && strcmp(k->name + len - tail, suffix) == 0)
		name = xstrndup(k->name, len - tail);
	else
		return conf_keys_n;
	other = key_at(k->section, name);
	free(name);
	secret = k->type == CONF_SECRET ? at : other;
	return secret < conf_keys_n && conf_keys[secret].type == CONF_SECRET
		   ? other
		   : conf_keys_n;
}

/* Sets a value from the environment or a flag. This also replaces the other
 * form of a secret. */
static int
override(struct conf_section *s, size_t at, const char *text, struct buf *why)
{
	size_t other = other_way(at);

	if (set_value(&s->values[at], &conf_keys[at], text, why) != 0)
		return -1;
	if (other < conf_keys_n)
		release_value(&s->values[other]);
	return 0;
}

/* Finds or creates the tenant to which CRM_URL and the other CRM_* variables
 * apply. If there are several tenants, CRM_TENANT must name it: a guess might
 * send one company's token to another company's host. */
static struct conf_section *
env_tenant(struct conf *c, const char *env, struct buf *why)
{
	const char *name = getenv("CRM_TENANT");
	size_t n = conf_tenants(c);
	struct conf_section *s;

	if (name == NULL || *name == '\0') {
		if (n > 1) {
			buf_setf(why,
			    "%s is set, but %zu tenants are configured; set "
			    "CRM_TENANT to one of them",
			    env, n);
			return NULL;
		}
		name = n == 1 ? conf_tenant(c, 0) : "default";
	}
	if (!parse_is_name(name, CONF_NAME_MAX)) {
		buf_setf(why,
		    "CRM_TENANT is not a name of up to %d letters, "
		    "digits, '_', '.', '-'",
		    CONF_NAME_MAX);
		return NULL;
	}
	s = find_tenant(c, name);
	return s != NULL ? s : add_section(c, "crm", name);
}

static int
load_env_key(struct conf *c, size_t at, const char *text, struct buf *why)
{
	const struct conf_key *k = &conf_keys[at];
	struct buf reason = BUF_INIT;
	struct conf_section *s;
	int rc = -1;

	s = strcmp(k->section, "crm") != 0 ? find_section(c, k->section)
					   : env_tenant(c, k->env, why);
	if (s != NULL) {
		rc = override(s, at, text, &reason);
		if (rc != 0)
			buf_setf(why, "%s in the environment: %s", k->env,
			    buf_str(&reason));
	}
	buf_release(&reason);
	return rc;
}

/* Reads all variables first, so that each secret leaves the environment even if
 * another variable is wrong. */
static int
load_env(struct conf *c, struct buf *why)
{
	char **values = xcalloc(conf_keys_n, sizeof *values);
	size_t token = key_at("crm", "token");
	size_t token_file = key_at("crm", "token_file");
	size_t profile = key_at("crm", "profile");
	size_t i;
	bool alone;
	int rc = 0;

	for (i = 0; i < conf_keys_n; i++)
		values[i] = take_env(&conf_keys[i]);
	if (values[token] != NULL && values[token_file] != NULL) {
		buf_setf(why, "both CRM_TOKEN and CRM_TOKEN_FILE are set; "
			      "unset one");
		rc = -1;
	}
	for (i = 0; i < conf_keys_n; i++) {
		/* A profile alone does not define a tenant. */
		alone = i == profile && conf_tenants(c) == 0;
		if (values[i] != NULL && rc == 0 && !alone)
			rc = load_env_key(c, i, values[i], why);
		secret_free(values[i]);
	}
	free(values);
	return rc;
}

static void
apply_defaults(struct conf_section *s)
{
	const struct conf_key *k;
	struct buf why = BUF_INIT;
	size_t i;

	for (i = 0; i < conf_keys_n; i++) {
		k = &conf_keys[i];
		if (strcmp(k->section, s->kind) != 0 || k->def == NULL ||
		    s->values[i].text != NULL)
			continue;
		if (set_value(&s->values[i], k, k->def, &why) != 0)
			prog_die(PROG_SOFTWARE, "default of [%s] %s: %s",
			    k->section, k->name, buf_str(&why));
	}
	buf_release(&why);
}

struct conf *
conf_load(const char *path, struct buf *why)
{
	struct conf *c = xcalloc(1, sizeof *c);
	size_t i;
	int err;

	for (i = 0; i < conf_keys_n; i++) {
		if (naming(conf_keys[i].section) == UNNAMED &&
		    find_section(c, conf_keys[i].section) == NULL)
			add_section(c, conf_keys[i].section, NULL);
	}
	if (load_main_file(c, path, why) != 0 || load_tenants(c, why) != 0 ||
	    load_env(c, why) != 0) {
		err = c->error;
		conf_free(c);
		errno = err;
		return NULL;
	}
	for (i = 0; i < c->n; i++)
		apply_defaults(&c->sections[i]);
	return c;
}

void
conf_free(struct conf *c)
{
	struct conf_section *s;
	size_t i, j;

	if (c == NULL)
		return;
	for (i = 0; i < c->n; i++) {
		s = &c->sections[i];
		for (j = 0; j < conf_keys_n; j++)
			release_value(&s->values[j]);
		for (j = 0; j < s->words_n; j++)
			free(s->words[j]);
		free(s->words);
		free(s->entries);
		free(s->values);
		free(s->error);
		free(s->path);
		free(s->name);
	}
	free(c->sections);
	free(c->path);
	free(c);
}

/* Returns the section; *at: the index of the key. */
static struct conf_section *
section_of_key(
    const struct conf *c, const char *section, const char *name, size_t *at)
{
	struct conf_section *s = find_section(c, section);

	*at = s != NULL ? key_at(s->kind, name) : conf_keys_n;
	if (*at == conf_keys_n)
		prog_die(PROG_SOFTWARE, "no key [%s] %s", section, name);
	return s;
}

int
conf_set(struct conf *c, const char *section, const char *name,
    const char *value, struct buf *why)
{
	size_t at;
	struct conf_section *s = section_of_key(c, section, name, &at);

	return override(s, at, value, why);
}

static const struct conf_value *
value_of(const struct conf *c, const char *section, const char *name)
{
	size_t at;
	const struct conf_section *s = section_of_key(c, section, name, &at);

	return &s->values[at];
}

const struct conf_entry *
conf_entries(const struct conf *c, const char *section, size_t *n)
{
	const struct conf_section *s = find_section(c, section);

	*n = s != NULL ? s->entries_n : 0;
	return s != NULL ? s->entries : NULL;
}

const char *
conf_section(const struct conf *c, const char *kind, size_t i)
{
	size_t k;

	for (k = 0; k < c->n; k++) {
		if (strcmp(c->sections[k].kind, kind) == 0 && i-- == 0)
			return c->sections[k].name;
	}
	return NULL;
}

void
conf_add_place(
    const struct conf *c, const char *section, unsigned line, struct buf *to)
{
	const struct conf_section *s = find_section(c, section);

	if (s != NULL && s->path != NULL)
		buf_addf(to, "%s:%u: ", s->path, line > 0 ? line : s->line);
}

unsigned
conf_line(const struct conf *c, const char *section, const char *name)
{
	return value_of(c, section, name)->line;
}

int
conf_entry_once(
    const struct conf_entry *from, const struct conf_entry *e, struct buf *why)
{
	for (; from < e; from++) {
		if (strcmp(from->key, e->key) != 0)
			continue;
		buf_setf(
		    why, "'%s' is already set in line %u", e->key, from->line);
		return -1;
	}
	return 0;
}

/* Adds the state of a file, or its absence, to the sum. */
static uint64_t
stamp_file(uint64_t sum, const char *path)
{
	struct stat st;
	int64_t state[4] = { 0 };

	if (path == NULL)
		return sum;
	if (stat(path, &st) == 0) {
		state[0] = (int64_t)st.st_ino;
		state[1] = st.st_size;
		state[2] = st.st_mtim.tv_sec;
		state[3] = st.st_mtim.tv_nsec;
	}
	return checksum(sum, state, sizeof state);
}

/* Adds the files with the secrets of a section. */
static uint64_t
stamp_secrets(uint64_t sum, const struct conf_section *s)
{
	size_t i;

	for (i = 0; i < conf_keys_n; i++) {
		if (strcmp(conf_keys[i].section, s->kind) == 0 &&
		    conf_keys[i].type != CONF_SECRET &&
		    other_way(i) != conf_keys_n)
			sum = stamp_file(sum, s->values[i].text);
	}
	return sum;
}

uint64_t
conf_stamp(const struct conf *c)
{
	const char *dir = conf_text(c, "poller", "tenants");
	uint64_t sum = stamp_file(stamp_file(0, c->path), dir);
	size_t i;

	for (i = 0; i < c->n; i++) {
		const struct conf_section *s = &c->sections[i];
		char *path =
		    dir != NULL && is_tenant(s)
			? xasprintf("%s/%s.conf", dir, s->name + strlen("crm "))
			: NULL;

		sum = stamp_secrets(stamp_file(sum, path), s);
		free(path);
	}
	return sum;
}

const char *
conf_text(const struct conf *c, const char *section, const char *name)
{
	return value_of(c, section, name)->text;
}

char *
conf_secret(const struct conf *c, const char *section, const char *name,
    struct buf *why)
{
	char *in_file = xasprintf("%s_file", name);
	const char *file = conf_text(c, section, in_file);

	free(in_file);
	return secret_choose(
	    section, name, conf_text(c, section, name), file, why);
}

int64_t
conf_int(const struct conf *c, const char *section, const char *name)
{
	return value_of(c, section, name)->num;
}

bool
conf_bool(const struct conf *c, const char *section, const char *name)
{
	return value_of(c, section, name)->num != 0;
}

char *const *
conf_list(const struct conf *c, const char *section, const char *name)
{
	static char *const none[] = { NULL };
	const struct conf_value *v = value_of(c, section, name);

	return v->words != NULL ? v->words : none;
}

size_t
conf_tenants(const struct conf *c)
{
	size_t i, n = 0;

	for (i = 0; i < c->n; i++)
		n += is_tenant(&c->sections[i]);
	return n;
}

static const struct conf_section *
tenant_at(const struct conf *c, size_t i)
{
	size_t j;

	for (j = 0; j < c->n; j++) {
		if (is_tenant(&c->sections[j]) && i-- == 0)
			return &c->sections[j];
	}
	prog_die(PROG_SOFTWARE, "there are fewer tenants");
}

const char *
conf_tenant(const struct conf *c, size_t i)
{
	return tenant_at(c, i)->name + strlen("crm ");
}

const char *
conf_tenant_error(const struct conf *c, size_t i)
{
	return tenant_at(c, i)->error;
}

bool
conf_has_tenant(const struct conf *c, const char *name)
{
	return find_tenant(c, name) != NULL;
}

bool
conf_tenant_has_file(const struct conf *c, size_t i)
{
	return tenant_at(c, i)->own;
}
