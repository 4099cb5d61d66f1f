/*
 * conf_file: reads the main file and the files of tenants. Every error message
 * names file and line.
 */
#define _DEFAULT_SOURCE /* explicit_bzero, scandir */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/syserr.h"
#include "common/base/xalloc.h"
#include "common/conf/conf_impl.h"
#include "common/conf/secret.h"
#include "common/os/file.h"

/*
 * The text of a file: comments are lines that begin with # or ;. A value is the
 * rest of its line without surrounding spaces: there are no continuation lines,
 * and quotes around a value are an error.
 *
 * NUL bytes, bytes that are not UTF-8 and lines above INI_MAX_LINE are errors.
 * A byte order mark and CRLF are accepted. Alternative: inih, but it checks
 * neither bytes nor quotes, and reports only the line of a mistake.
 */

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

static int
open_tenant_section(
    struct conf_source *src, const char *tenant, struct buf *why)
{
	char *name;

	if (!parse_is_name(tenant, CONF_TENANT_MAX)) {
		buf_setf(why,
		    "[crm NAME] needs a name of up to %d letters, digits, "
		    "'_', '.', '-'",
		    CONF_TENANT_MAX);
		return -1;
	}
	if (src->tenant == NULL) {
		name = xasprintf("crm %s", tenant);
		src->section = conf_section_find(src->conf, name);
		free(name);
		if (src->section == NULL)
			src->section =
			    conf_section_add(src->conf, "crm", tenant);
		return 0;
	}
	if (strcmp(src->tenant, tenant) != 0) {
		buf_setf(why,
		    "this file is for [crm %s]; each tenant needs its own file",
		    src->tenant);
		return -1;
	}
	return 0;
}

static int
open_section(struct conf_source *src, const char *name, struct buf *why)
{
	const char *kind;

	if (strncmp(name, "crm", 3) == 0 && strchr(" \t", name[3]) != NULL) {
		name += 3 + strspn(name + 3, " \t");
		if (open_tenant_section(src, name, why) != 0)
			return -1;
	} else if (src->tenant != NULL) {
		buf_setf(why, "this file may only have the section [crm %s]",
		    src->tenant);
		return -1;
	} else {
		kind = find_section_kind(name);
		if (kind == NULL) {
			buf_setf(why,
			    "unknown section [%s]; see messaging.conf(5)",
			    name);
			return -1;
		}
		src->section = conf_section_find(src->conf, kind);
	}
	if (src->section->line != 0) {
		buf_setf(why, "[%s] is already in line %u", src->section->name,
		    src->section->line);
		return -1;
	}
	src->section->line = src->line;
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
		if (strcmp(conf_keys[i].name, name) != 0)
			continue;
		buf_setf(why, "'%s' belongs in [%s%s], not [%s]", name,
		    conf_keys[i].section,
		    strcmp(conf_keys[i].section, "crm") == 0 ? " NAME" : "",
		    s->name);
		return -1;
	}
	buf_setf(why, "unknown key '%s' in [%s]; see messaging.conf(5)", name,
	    s->name);
	return -1;
}

static bool
is_path(const struct conf_key *k, const char *value)
{
	return k->type == CONF_PATH ||
	       (k->type == CONF_NAME_OR_PATH && strchr(value, '/') != NULL);
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
	at = conf_key_at(s->kind, key);
	if (at == conf_keys_n)
		return unknown_key(s, key, why);
	k = &conf_keys[at];
	v = &s->values[at];
	if (v->text != NULL) {
		buf_setf(why, "'%s' is already set in line %u", key, v->line);
		return -1;
	}
	text = is_path(k, value) ? resolve(src, value) : xstrdup(value);
	rc = conf_value_set(v, k, text, why);
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

/* flags: further flags of open(2). */
static int
open_for_reading(const char *path, int flags)
{
	return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | flags);
}

/* Opens a file that was not named explicitly. The file may be a pipe without a
 * writer, which must not block the program. */
static int
open_found(const char *path)
{
	return open_for_reading(path, O_NONBLOCK);
}

/* Reads a file that was named explicitly, so it must exist. */
static int
load_named(struct conf *c, const char *path, struct buf *why)
{
	struct conf_source src = { .conf = c, .path = path };
	int fd = open_for_reading(path, 0);

	if (fd < 0) {
		(void)syserr_explain(
		    why, PROG_CONFIG, "cannot read configuration '%s'", path);
		c->error = errno;
		return -1;
	}
	c->path = xstrdup(path);
	return load_fd(&src, fd, why);
}

/* Reads the system's file, unless there is none. Many users may not read it,
 * and seldom need it, so only conf_add_source() mentions it, when a setting is
 * missing. */
static int
load_system_file(struct conf *c, struct buf *why)
{
	struct conf_source src = { .conf = c, .path = SYSTEM_FILE };
	int fd = open_found(SYSTEM_FILE);

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
	if (c->path != NULL)
		buf_addf(to, "; the configuration is '%s'", c->path);
	else if (c->unread != 0)
		buf_addf(to, "; '%s' cannot be read: %s; %s", SYSTEM_FILE,
		    log_errno(c->unread), syserr_way_out(c->unread));
	else
		buf_adds(to,
		    "; no configuration was found: MESSAGING_CONFIG is not "
		    "set, and there is no " SYSTEM_FILE);
}

int
conf_file_load(struct conf *c, const char *path, struct buf *why)
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
	char *name = xasprintf("crm %s", tenant);
	bool twice = conf_section_find(c, name) != NULL;
	struct buf why = BUF_INIT;
	int fd;

	src.section = conf_section_add(c, "crm", tenant);
	free(name);
	if (twice) {
		buf_setf(&why, "'%s': [crm %s] is already in '%s'", path,
		    tenant, c->path);
	} else if (!parse_is_name(tenant, CONF_TENANT_MAX)) {
		buf_setf(&why,
		    "'%s': the file is not named like a tenant: up to %d "
		    "letters, digits, '_', '.', '-', then .conf",
		    path, CONF_TENANT_MAX);
	} else {
		fd = open_found(path);
		if (fd < 0)
			(void)syserr_explain(
			    &why, PROG_CONFIG, "cannot read '%s'", path);
		else if (load_fd(&src, fd, &why) == 0)
			buf_clear(&why);
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

int
conf_file_load_tenants(struct conf *c, const char *dir, struct buf *why)
{
	struct dirent **list = NULL;
	char *path, *tenant;
	int i, n;

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
