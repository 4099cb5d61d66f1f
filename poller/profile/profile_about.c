/*
 * profile_about: reads the result of a profile's about; see profile_impl.h.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "poller/profile/profile_impl.h"

static double
number_member(jv object, const char *key, double def)
{
	jv v = profile_member(object, key);
	double n = jv_get_kind(v) == JV_KIND_NUMBER ? jv_number_value(v) : def;

	jv_free(v);
	return n;
}

static bool
flag_member(jv object, const char *key)
{
	jv v = profile_member(object, key);
	bool is = jv_get_kind(v) == JV_KIND_TRUE;

	jv_free(v);
	return is;
}

/* The keys of an object (taken); an empty array when it is absent. */
static jv
object_keys(jv object)
{
	if (jv_get_kind(object) == JV_KIND_OBJECT)
		return jv_keys(object);
	jv_free(object);
	return jv_array();
}

/* Reads headers (taken). A null value means that [crm] account is missing. */
static void
read_headers(jv headers, struct profile_host *h, bool *needs_account)
{
	jv keys = object_keys(jv_copy(headers));
	int i, n = jv_array_length(jv_copy(keys));
	size_t at = 0;

	h->headers = xcalloc((size_t)n + 1, sizeof *h->headers);
	for (i = 0; i < n; i++) {
		jv key = jv_array_get(jv_copy(keys), i);
		char *value = profile_text(headers, jv_string_value(key));

		if (value != NULL)
			h->headers[at++] =
			    xasprintf("%s: %s", jv_string_value(key), value);
		else
			*needs_account = true;
		free(value);
		jv_free(key);
	}
	jv_free(keys);
	jv_free(headers);
}

/* Reads one host: about itself, or a member of about.hosts. */
static void
read_host(jv from, const char *name, struct profile_about *out)
{
	struct profile_host *h = &out->hosts[out->hosts_n++];
	jv auth = profile_member(from, "auth");
	char *key = profile_text(auth, "key");

	h->name = name != NULL ? xstrdup(name) : NULL;
	h->url = profile_text(from, "url");
	h->auth_header = profile_text(auth, "header");
	h->auth_prefix = profile_text(auth, "prefix");
	h->for_admin = key != NULL && strcmp(key, "admin_token") == 0;
	free(key);
	read_headers(profile_member(from, "headers"), h, &out->needs_account);
	jv_free(auth);
}

int
profile_about_read(jv about, struct profile_about *out, struct buf *why)
{
	jv hosts, names;
	int i, n;

	if (profile_about_check(about, why) != 0) {
		jv_free(about);
		return -1;
	}
	hosts = profile_member(about, "hosts");
	names = object_keys(jv_copy(hosts));
	n = jv_array_length(jv_copy(names));
	out->hosts = xcalloc((size_t)n + 1, sizeof *out->hosts);
	read_host(about, NULL, out);
	for (i = 0; i < n; i++) {
		jv name = jv_array_get(jv_copy(names), i);
		jv host = profile_member(hosts, jv_string_value(name));

		read_host(host, jv_string_value(name), out);
		jv_free(host);
		jv_free(name);
	}
	out->by_operator = flag_member(about, "by_operator");
	out->operators_first =
	    out->by_operator || flag_member(about, "operators_first");
	out->needs = flag_member(about, "needs");
	out->max_pages = (unsigned)number_member(about, "max_pages", 1000);
	out->backfill = (unsigned)number_member(about, "backfill", 0);
	out->period_ms = (int64_t)(number_member(about, "period", 0) * 1000);
	out->changes_ms = (int64_t)(number_member(about, "changes", 0) * 1000);
	jv_free(names);
	jv_free(hosts);
	jv_free(about);
	return 0;
}

void
profile_about_release(struct profile_about *a)
{
	size_t i;
	char **line;

	for (i = 0; i < a->hosts_n; i++) {
		struct profile_host *h = &a->hosts[i];

		for (line = h->headers; *line != NULL; line++)
			free(*line);
		free(h->headers);
		free(h->name);
		free(h->url);
		free(h->auth_header);
		free(h->auth_prefix);
	}
	free(a->hosts);
	*a = (struct profile_about){ .hosts = NULL };
}
