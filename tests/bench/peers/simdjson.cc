// simdjson: a reader of records that takes the fastest library there is,
// on-demand over a block of lines at a time, then the figures. It checks
// structure and UTF-8; values nobody asked for are only stepped over.
#include <simdjson.h>

#include <cstdio>
#include <cstring>
#include <string_view>

#include "tests/bench/peers/figures.h"

using namespace simdjson;

static ondemand::parser parser;
constexpr int QUIET = PEER_FIELDS, OTHER = PEER_FIELDS + 1;

// The key stands there as it was written, up to its closing quote.
static int
field_of(const char *k)
{
	auto is = [k](const char *s, size_t n) { return !memcmp(k, s, n); };

	switch (k[0]) {
	case 't':
		if (is("type\"", 5))
			return PEER_TYPE;
		return is("tenant\"", 7) ? int{ PEER_TENANT } : OTHER;
	case 'c':
		return is("chat\"", 5) ? int{ PEER_CHAT } : OTHER;
	case 'i':
		return is("id\"", 3) ? int{ PEER_ID } : OTHER;
	case 'a':
		if (is("at\"", 3))
			return PEER_AT;
		return is("automated\"", 10) ? QUIET : OTHER;
	case 'f':
		return is("from\"", 5) ? int{ PEER_FROM } : OTHER;
	case 'u':
		return is("user\"", 5) ? int{ PEER_USER } : OTHER;
	case 'o':
		if (is("operator\"", 9))
			return PEER_OPERATOR;
		return is("opened_at\"", 10) ? int{ PEER_OPENED_AT } : OTHER;
	case 'k':
		return is("kind\"", 5) ? int{ PEER_KIND } : OTHER;
	case 'p':
		return is("private\"", 8) ? QUIET : OTHER;
	}
	return OTHER;
}

static void
take(ondemand::object o)
{
	peer_record r = {};

	for (auto field : o) {
		int f = field_of(field.key().value().raw());
		if (f == OTHER)
			continue;
		ondemand::value v = field.value();
		if (f == QUIET) {
			r.quiet |= v.get_bool().value();
			continue;
		}
		if (v.type() != ondemand::json_type::string)
			continue;
		std::string_view s = v.get_string();
		r.f[f] = peer_text{ s.data(), s.size() };
	}
	peer_take(&r);
}

static void
each(char *block, size_t len)
{
	ondemand::document_stream docs =
	    parser.iterate_many(block, len, PEER_BLOCK);

	for (auto doc : docs)
		take(doc.get_object());
}

int
main()
try {
	peer_blocks(each);
	peer_print();
	return fflush(stdout) == 0 ? 0 : 74;
} catch (const simdjson_error &e) {
	fprintf(stderr, "simdjson: %s\n", e.what());
	return 65;
}
