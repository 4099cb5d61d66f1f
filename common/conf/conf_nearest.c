/*
 * conf_nearest: see conf_nearest.h.
 */
#include "common/conf/conf_nearest.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define NAME_MAX_LEN 64

/* Levenshtein's distance of two short names, row by row. */
static size_t
distance(const char *a, const char *b)
{
	size_t row[NAME_MAX_LEN + 1], la = strlen(a), lb = strlen(b);
	size_t i, j, diagonal, above, best;

	if (la > NAME_MAX_LEN || lb > NAME_MAX_LEN)
		return NAME_MAX_LEN;
	for (j = 0; j <= lb; j++)
		row[j] = j;
	for (i = 1; i <= la; i++) {
		diagonal = row[0];
		row[0] = i;
		for (j = 1; j <= lb; j++) {
			above = row[j];
			best = diagonal + (a[i - 1] != b[j - 1]);
			if (above + 1 < best)
				best = above + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
			diagonal = above;
		}
	}
	return row[lb];
}

/* The better of the two, if it is near enough to have been meant. */
static bool
is_nearer(const char *typed, const char *candidate, size_t *least)
{
	size_t d = distance(typed, candidate);

	if (d >= *least)
		return false;
	*least = d;
	return true;
}

const struct conf_key *
conf_key_near(const char *section, const char *name)
{
	const struct conf_key *near = NULL;
	size_t i, least = strlen(name) / 3 + 1;

	for (i = 0; i < conf_keys_n; i++) {
		if (strcmp(conf_keys[i].section, section) == 0 &&
		    is_nearer(name, conf_keys[i].name, &least))
			near = &conf_keys[i];
	}
	/* Right name, wrong section. */
	for (i = 0; near == NULL && i < conf_keys_n; i++) {
		if (strcmp(conf_keys[i].name, name) == 0)
			near = &conf_keys[i];
	}
	return near;
}

const char *
conf_section_near(const char *name)
{
	const char *near = NULL;
	size_t i, least = strlen(name) / 3 + 1;

	for (i = 0; i < conf_keys_n; i++) {
		if (is_nearer(name, conf_keys[i].section, &least))
			near = conf_keys[i].section;
	}
	return near;
}
