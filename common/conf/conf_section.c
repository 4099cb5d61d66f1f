/*
 * conf_section: see conf_section.h.
 */
#include "common/conf/conf_section.h"

#include <string.h>

#include "common/base/xalloc.h"

struct conf_section *
conf_section_find(const struct conf *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->n; i++) {
		if (strcmp(c->sections[i].name, name) == 0)
			return &c->sections[i];
	}
	return NULL;
}

size_t
conf_key_at(const char *kind, const char *name)
{
	size_t i;

	for (i = 0; i < conf_keys_n; i++) {
		if (strcmp(conf_keys[i].section, kind) == 0 &&
		    strcmp(conf_keys[i].name, name) == 0)
			break;
	}
	return i;
}

struct conf_section *
conf_section_add(struct conf *c, const char *kind, const char *tenant)
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

bool
conf_is_tenant(const struct conf_section *s)
{
	return strcmp(s->kind, "crm") == 0;
}
