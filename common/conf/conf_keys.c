/*
 * conf_keys: every key of the configuration file, once. conf.c reads by this
 * table, messaging.conf(5) is tested against it. Keys stand in the order of
 * the page; limits of durations are in milliseconds.
 */
#include "common/conf/conf.h"

#include "common/base/xalloc.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define MIB (INT64_C(1024) * 1024)

/* A row in three parts: what it is called, what it may be, what it means. */
#define KEY(section, name, type, def, min, max, choices, env, help)            \
	{                                                                      \
		section, name, type, def, min, max, choices, env, help         \
	}
#define TEXT(section, name, def, env, help)                                    \
	KEY(section, name, CONF_TEXT, def, 0, 0, NULL, env, help)
#define PATH(section, name, env, help)                                         \
	KEY(section, name, CONF_PATH, NULL, 0, 0, NULL, env, help)
#define SECRET(section, name, env, help)                                       \
	KEY(section, name, CONF_SECRET, NULL, 0, 0, NULL, env, help)
#define LIST(section, name, help)                                              \
	KEY(section, name, CONF_LIST, NULL, 0, 0, NULL, NULL, help)
#define WORDS(section, name, def, help)                                        \
	KEY(section, name, CONF_LIST, def, 0, 0, NULL, NULL, help)
#define BOOL(section, name, def, help)                                         \
	KEY(section, name, CONF_BOOL, def, 0, 0, NULL, NULL, help)
#define CHOICE(section, name, def, choices, help)                              \
	KEY(section, name, CONF_CHOICE, def, 0, 0, choices, NULL, help)
#define INT(section, name, def, min, max, help)                                \
	KEY(section, name, CONF_INT, def, min, max, NULL, NULL, help)
#define SIZE(section, name, def, min, max, help)                               \
	KEY(section, name, CONF_SIZE, def, min, max, NULL, NULL, help)
#define DURATION(section, name, def, min, max, help)                           \
	KEY(section, name, CONF_DURATION, def, min, max, NULL, NULL, help)

/* What each server of HTTP has; their defaults differ. */
#define HTTP_SERVER(                                                           \
    section, connections, per_address, rate, burst, keep_alive)                \
	INT(section, "connections", connections, 1, 100000,                    \
	    "connections at a time"),                                          \
	    INT(section, "connections_per_address", per_address, 1, 100000,    \
		"connections of one client at a time"),                        \
	    INT(section, "rate", rate, 0, 100000000,                           \
		"requests a second of one client; 0: no limit"),               \
	    INT(section, "burst", burst, 1, 100000000,                         \
		"requests of one client at once"),                             \
	    LIST(section, "proxies", "whose X-Forwarded-For is believed"),     \
	    DURATION(section, "header_timeout", "10s", 100, HOUR,              \
		"how long a request's headers may take"),                      \
	    DURATION(section, "request_timeout", "30s", 100, HOUR,             \
		"how long a whole request may take"),                          \
	    DURATION(section, "keep_alive", keep_alive, SECOND, HOUR,          \
		"how long a connection without a request stays"),              \
	    INT(section, "threads", "0", 0, 64,                                \
		"that serve connections; 0: one for each core, at most 8")

/* What bearer tokens need. */
#define TOKENS(section, env)                                                   \
	SECRET(                                                                \
	    section, "secret_key", env, "bearer tokens are signed with it"),   \
	    PATH(section, "secret_key_file", NULL,                             \
		"the file whose first line is the secret key"),                \
	    PATH(section, "secret_key_old_file", NULL,                         \
		"the file of the key before, while its tokens still count"),   \
	    TEXT(section, "tenant_claim", "tenant_id", NULL,                   \
		"the claim of a bearer token that names the tenant"),          \
	    TEXT(section, "issuer", NULL, NULL,                                \
		"who must have issued a bearer token"),                        \
	    TEXT(section, "audience", NULL, NULL,                              \
		"for whom a bearer token must have been issued")

const struct conf_key conf_keys[] = {
	TEXT("crm", "url", NULL, "CRM_URL",
	    "where the CRM's API is; default: what the profile says"),
	SECRET("crm", "token", "CRM_TOKEN", "the access token"),
	PATH("crm", "token_file", "CRM_TOKEN_FILE",
	    "the file whose first line is the access token"),
	SECRET("crm", "admin_token", NULL,
	    "what registers webhooks, where the token may not"),
	PATH("crm", "admin_token_file", NULL,
	    "the file whose first line that is"),
	TEXT("crm", "account", NULL, "CRM_ACCOUNT",
	    "the account at the CRM, where the profile needs one"),
	LIST("crm", "hosts", "where a CRM's other hosts are, NAME=URL each"),
	KEY("crm", "profile", CONF_NAME_OR_PATH, "chat2desk", 0, 0, NULL,
	    "CRM_PROFILE",
	    "which CRM it is: the name of a profile, or its file"),
	INT("crm", "concurrency", "4", 1, 64,
	    "requests under way at the same time"),
	DURATION("crm", "timeout", "30s", SECOND, HOUR,
	    "how long one request may take"),
	DURATION("crm", "connect_timeout", "10s", 100, HOUR,
	    "how long connecting may take"),
	SIZE("crm", "max_body", "16M", 1024, 1024 * MIB,
	    "the longest answer that is read"),
	PATH("crm", "ca_file", NULL,
	    "certificates to trust instead of the system's"),
	BOOL("crm", "plaintext", "no",
	    "speak http:// to a host that is not this one"),
	DURATION("crm", "operators_every", "10m", 0, DAY,
	    "how often the list of operators is asked for"),
	BOOL("crm", "customers", "no", "ask for customers' names and tags"),
	BOOL(
	    "crm", "customer_phone", "no", "keep customers' phone numbers too"),
	LIST("crm", "bot_operators",
	    "ids of operator accounts that are really bots"),
	LIST("crm", "operators",
	    "ids of operators beside those that the CRM lists"),
	TEXT("crm", "chat_url", NULL, NULL,
	    "address of a chat in the CRM, with {chat}: a link on the board"),
	LIST("crm", "teams",
	    "whose figures a token of teams shows: TEAM: ID ID, TEAM: ID"),
	CHOICE("crm", "history", "episode", "episode|all",
	    "how far back messages are read"),
	INT("crm", "budget", "0", 0, INT64_C(1000000000),
	    "calls a month that are paid for, which polls are paced by; 0: no "
	    "limit"),
	LIST("crm", "need",
	    "tags that the operator who gets a chat must have; channel: that "
	    "of the chat's channel"),
	BOOL("crm", "assign", "no",
	    "poller --assign may give its chats to operators"),
	CHOICE("crm", "hook", "off", "off|signature|secret",
	    "how the CRM's webhooks prove where they come from; off: none"),
	SECRET("crm", "hook_secret", NULL, "what proves it"),
	PATH("crm", "hook_secret_file", NULL,
	    "the file whose first line proves it"),
	TEXT("crm", "hook_signature", NULL, NULL,
	    "the header with the signature; default: what the profile says"),
	TEXT("crm", "hook_timestamp", NULL, NULL,
	    "the header with its time; default: what the profile says"),
	DURATION("crm", "hook_window", NULL, SECOND, DAY,
	    "how far that time may be from ours; default: what the profile "
	    "says, else 5m"),

	SECRET("amqp", "url", "AMQP_URL", "the broker"),
	PATH("amqp", "ca_file", NULL,
	    "certificates to trust instead of the system's"),
	BOOL("amqp", "plaintext", "no",
	    "speak amqp:// to a host that is not this one"),
	INT("amqp", "prefetch", "0", 0, 65535,
	    "messages sent ahead of their acknowledgement; 0: by their size"),
	BOOL("amqp", "compress", "no",
	    "write LZ4 frames, a quarter of the bytes"),
	DURATION("amqp", "heartbeat", "30s", SECOND, HOUR,
	    "a broker silent for twice that long is taken for lost"),
	DURATION("amqp", "wait_timeout", "30s", 0, DAY,
	    "how long a run from cron waits for the broker"),
	/* A dead letter with a record of 1 MiB, escaped, needs so much. */
	SIZE("amqp", "max_message", "16M", 8 * MIB, 512 * MIB,
	    "the longest message that is read"),
	DURATION("amqp", "dead_letters", "30d", HOUR, 3650 * DAY,
	    "how long a new queue of dead letters keeps each"),

	SECRET("mysql", "url", "MYSQL_URL", "the database"),
	PATH("mysql", "ca_file", NULL,
	    "certificates to trust instead of the system's"),
	BOOL("mysql", "plaintext", "no",
	    "speak without TLS to a host that is not this one"),
	DURATION("mysql", "timeout", "30s", SECOND, HOUR,
	    "how long one statement may take"),
	DURATION("mysql", "wait_timeout", "30s", 0, DAY,
	    "how long a run from cron waits for the database"),
	CHOICE("mysql", "bulk", "auto", "auto|off",
	    "store rows as bulk arrays where the server can"),

	PATH("poller", "state", NULL,
	    "the folder that keeps what was read; --state; default: see "
	    "poller(1)"),
	PATH("poller", "tenants", NULL,
	    "a folder of NAME.conf files, a tenant each"),
	DURATION("poller", "retry_budget", "40s", 0, HOUR,
	    "how long a failing request is tried again"),
	TEXT("poller", "to", "-", NULL, "where records go; -t"),
	BOOL("poller", "with_text", "no", "with what was written; --with-text"),

	SIZE("listen", "max_body", "1M", 1024, 256 * MIB,
	    "the longest body of a request"),
	SIZE("listen", "max_hook", "256K", 1024, 256 * MIB,
	    "a longer webhook is read with its long texts cut"),
	SIZE("listen", "memory", "64M", MIB, 64 * 1024 * MIB,
	    "bodies of all requests under way together"),
	HTTP_SERVER("listen", "1024", "64", "1000", "2000", "15s"),
	SIZE("listen", "min_rate", "500", 1, MIB,
	    "bytes a second of a body; slower ones are cut off"),
	SIZE("listen", "spool", "1G", MIB, 1024 * 1024 * MIB,
	    "bytes of requests that are kept until the broker has them"),
	TEXT("listen", "tenant", NULL, NULL,
	    "the tenant of the routes whose paths name none"),
	WORDS("listen", "trusted", "127.0.0.1, ::1, unix",
	    "who may use the routes that ask for no secret"),
	TOKENS("listen", "SECRET_KEY"),
	INT("listen", "max_events", "1000", 1, 100000, "events in one request"),
	INT("listen", "idempotency_keys", "1000000", 1, 100000000,
	    "keys of requests that are remembered, for a day at most"),

	CHOICE("aggregator", "definition", "ours", "ours|chatwoot",
	    "what the metrics mean; --definition"),
	PATH("aggregator", "state", NULL,
	    "the folder that keeps what must survive; --state"),
	WORDS("aggregator", "metrics", NULL, "what is computed; -a"),
	DURATION("aggregator", "every", "0s", 0, MINUTE,
	    "a stream's rows come that often, or sooner; 0: none; --every"),
	DURATION("aggregator", "window", "24h", MINUTE, 30 * DAY,
	    "how late a record of a stream may be; --window"),
	CHOICE("aggregator", "clock", "system", "system|records",
	    "what bounds the times of records; --clock"),
	DURATION("aggregator", "ahead", "5m", SECOND, 36500 * DAY,
	    "how long after the system clock a record may be"),
	TEXT("aggregator", "part", NULL, NULL,
	    "which of several this is, 0/2 or 1/2 of two; --part"),
	INT("aggregator", "generation", "1", 1, 999999,
	    "of parts: one more whenever their number changes; --generation"),
	DURATION("aggregator", "refresh", "5s", 100, HOUR,
	    "how often rows with a running wait are rewritten"),
	SIZE("aggregator", "state_limit", "24G", MIB, 1024 * 1024 * MIB,
	    "the largest state of a stream"),
	SIZE("aggregator", "cache", "256M", MIB, 1024 * 1024 * MIB,
	    "memory for what a stream's metrics count by key"),
	DURATION("aggregator", "forget", "90d", DAY, 3650 * DAY,
	    "counts of what was silent for longer start over"),
	DURATION("aggregator", "user_active", "24h", SECOND, 366 * DAY,
	    "how long a conversation of a user is active"),
	INT("aggregator", "event_pairs", "2000000", 1, 1000000000,
	    "pairs of user and event that are counted, of a tenant"),
	INT("aggregator", "user_conversations", "100000", 1, 1000000000,
	    "active conversations of a user that are told apart"),
	INT("aggregator", "conversation_users", "10000", 1, 1000000000,
	    "participants of a conversation that are told apart"),
	INT("aggregator", "channel_conversations", "100000", 1, 1000000000,
	    "chats of a channel in an hour that are told apart"),
	INT("aggregator", "alert_minute", "8", 1, 1000000000,
	    "more messages of a user in a minute are an alert"),
	INT("aggregator", "alert_five_minutes", "20", 1, 1000000000,
	    "more messages of a user in five minutes are an alert"),
	DURATION("aggregator", "trend_window", "2m", SECOND, DAY,
	    "the window in which words are counted"),
	INT("aggregator", "trend_count", "2", 1, 1000000000,
	    "a word in more messages than that is a trend"),
	INT("aggregator", "trend_length", "3", 0, 60,
	    "words of more characters than that are counted"),
	INT("aggregator", "trend_words", "100000", 1, 1000000000,
	    "words of a window that are counted"),
	LIST("aggregator", "trend_stop_words", "words that are no trends"),
	TEXT("aggregator", "assign_to", NULL, NULL,
	    "where reservations of allocation go; --assign-to"),
	INT("aggregator", "allocation_limit", "2", 0, 1000000,
	    "chats of an operator whose limit is not known"),
	DURATION("aggregator", "allocation_expiry", "60s", SECOND, DAY,
	    "how long a reservation holds"),
	DURATION("aggregator", "allocation_pause", "1s", 100, MINUTE,
	    "after a refusal; doubled with each more, to a minute"),
	DURATION("aggregator", "allocation_sticky", "0s", 0, 3650 * DAY,
	    "how long a customer's last operator is remembered; 0: not"),
	DURATION("aggregator", "allocation_sticky_wait", "0s", 0, DAY,
	    "how long a chat waits for that one if they are full"),
	DURATION("aggregator", "allocation_silent", "0s", 0, DAY,
	    "an unanswered chat goes on to another one after that; 0: not"),
	DURATION("aggregator", "allocation_offline", "0s", 0, DAY,
	    "and so long after its operator went away; 0: not"),

	TEXT("sink", "from", "-", NULL, "where rows come from; -f"),
	INT("sink", "batch", "5000", 1, 100000,
	    "rows stored in one transaction"),
	DURATION("sink", "batch_age", "200ms", 1, MINUTE,
	    "how long a row from a pipe waits for others"),
	INT("sink", "connections", "2", 1, 8,
	    "transactions at the same time, a connection each"),

	HTTP_SERVER("serve", "2048", "256", "200", "400", "60s"),
	INT("serve", "queries", "4", 1, 64,
	    "requests that ask the database at a time, a connection each"),
	DURATION("serve", "query_timeout", "5s", 10, HOUR,
	    "how long the database may take for a statement"),
	TOKENS("serve", NULL),
	PATH("serve", "audit", NULL,
	    "the file in which it is written down who has read what"),

	PATH("metrics", "folder", NULL,
	    "where jobs and daemons write NAME.prom for node_exporter"),

	CHOICE(
	    "reaper", "on_close", "live", "live|all", "what a closing removes"),
	PATH("reaper", "archive", NULL,
	    "the file what is deleted is written to first; --archive"),
	DURATION("reaper", "tombstones", "7d", HOUR, 3650 * DAY,
	    "how long it is remembered that a chat was deleted"),
	DURATION("reaper", "retention", NULL, DAY, 36500 * DAY,
	    "how long history is kept, if not for ever; --retention"),
	DURATION("reaper", "stale", NULL, SECOND, DAY,
	    "the age of a snapshot from which all chats are asked about"),
	INT("reaper", "gone_percent", "20", 0, 100,
	    "more of the known chats gone at once, and it refuses"),
	INT("reaper", "gone_least", "10", 0, INT64_C(1000000000),
	    "unless it is no more chats than that"),
};

const size_t conf_keys_n = ARRAY_LEN(conf_keys);
