/*
 * conf_keys: every key of the configuration file. conf.c uses this table, and
 * messaging.conf(5) is tested against it. Keys are in the order of the page;
 * limits of durations are in milliseconds.
 */
#include "common/conf/conf.h"

#include "common/base/xalloc.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define MIB (INT64_C(1024) * 1024)

/* messaging.conf(5) explains the keys. */
#define KEY(section, name, type, def, min, max, choices, env)                  \
	{                                                                      \
		section, name, type, def, min, max, choices, env               \
	}
#define TEXT(section, name, def, env)                                          \
	KEY(section, name, CONF_TEXT, def, 0, 0, NULL, env)
#define PATH(section, name, env)                                               \
	KEY(section, name, CONF_PATH, NULL, 0, 0, NULL, env)
#define SECRET(section, name, env)                                             \
	KEY(section, name, CONF_SECRET, NULL, 0, 0, NULL, env)
#define LIST(section, name)                                                    \
	KEY(section, name, CONF_LIST, NULL, 0, 0, NULL, NULL)
#define WORDS(section, name, def)                                              \
	KEY(section, name, CONF_LIST, def, 0, 0, NULL, NULL)
#define LINE(section, name)                                                    \
	KEY(section, name, CONF_LINE, NULL, 0, 0, NULL, NULL)
#define BOOL(section, name, def)                                               \
	KEY(section, name, CONF_BOOL, def, 0, 0, NULL, NULL)
#define CHOICE(section, name, def, choices)                                    \
	KEY(section, name, CONF_CHOICE, def, 0, 0, choices, NULL)
#define INT(section, name, def, min, max)                                      \
	KEY(section, name, CONF_INT, def, min, max, NULL, NULL)
#define SIZE(section, name, def, min, max)                                     \
	KEY(section, name, CONF_SIZE, def, min, max, NULL, NULL)
#define DURATION(section, name, def, min, max)                                 \
	KEY(section, name, CONF_DURATION, def, min, max, NULL, NULL)

/* Keys of every HTTP server; the defaults differ. */
#define HTTP_SERVER(                                                           \
    section, connections, per_address, rate, burst, keep_alive)                \
	INT(section, "connections", connections, 1, 100000),                   \
	    INT(section, "connections_per_address", per_address, 1, 100000),   \
	    INT(section, "rate", rate, 0, 100000000),                          \
	    INT(section, "burst", burst, 1, 100000000),                        \
	    LIST(section, "proxies"),                                          \
	    DURATION(section, "header_timeout", "10s", 100, HOUR),             \
	    DURATION(section, "request_timeout", "30s", 100, HOUR),            \
	    DURATION(section, "keep_alive", keep_alive, SECOND, HOUR)

/* Keys for bearer tokens. */
#define TOKENS(section, env)                                                   \
	SECRET(section, "secret_key", env),                                    \
	    PATH(section, "secret_key_file", NULL),                            \
	    PATH(section, "secret_key_old_file", NULL),                        \
	    TEXT(section, "tenant_claim", "tenant_id", NULL),                  \
	    TEXT(section, "issuer", NULL, NULL),                               \
	    TEXT(section, "audience", NULL, NULL)

const struct conf_key conf_keys[] = {
	TEXT("crm", "url", NULL, "CRM_URL"),
	SECRET("crm", "token", "CRM_TOKEN"),
	PATH("crm", "token_file", "CRM_TOKEN_FILE"),
	SECRET("crm", "admin_token", NULL),
	PATH("crm", "admin_token_file", NULL),
	TEXT("crm", "account", NULL, "CRM_ACCOUNT"),
	LIST("crm", "hosts"),
	KEY("crm", "profile", CONF_NAME_OR_PATH, NULL, 0, 0, NULL,
	    "CRM_PROFILE"),
	INT("crm", "concurrency", "4", 1, 64),
	DURATION("crm", "timeout", "30s", SECOND, HOUR),
	SIZE("crm", "max_body", "16M", 1024, 1024 * MIB),
	PATH("crm", "ca_file", NULL),
	BOOL("crm", "plaintext", "no"),
	DURATION("crm", "operators_every", "10m", 0, DAY),
	BOOL("crm", "customers", "no"),
	BOOL("crm", "customer_phone", "no"),
	LIST("crm", "bot_operators"),
	LIST("crm", "operators"),
	TEXT("crm", "chat_url", NULL, NULL),
	LIST("crm", "teams"),
	CHOICE("crm", "history", "episode", "episode|all"),
	INT("crm", "budget", "0", 0, INT64_C(1000000000)),
	LIST("crm", "need"),
	BOOL("crm", "assign", "no"),
	CHOICE("crm", "hook", "off", "off|signature|secret"),
	SECRET("crm", "hook_secret", NULL),
	PATH("crm", "hook_secret_file", NULL),
	DURATION("crm", "hook_window", NULL, SECOND, DAY),
	TEXT("crm", "hours", NULL, NULL),
	LINE("crm", "hours.*"),
	TEXT("crm", "targets", NULL, NULL),
	LINE("crm", "targets.*"),
	TEXT("crm", "zone", NULL, NULL),

	LINE("hours", "since"),
	LINE("hours", "zone"),
	LINE("hours", "mon"),
	LINE("hours", "tue"),
	LINE("hours", "wed"),
	LINE("hours", "thu"),
	LINE("hours", "fri"),
	LINE("hours", "sat"),
	LINE("hours", "sun"),
	LINE("hours", "closed"),
	LINE("hours", "open"),
	KEY("hours", "holidays", CONF_LINE_PATH, NULL, 0, 0, NULL, NULL),

	LINE("targets", "since"),
	LINE("targets", "first_response"),
	LINE("targets", "reply"),
	LINE("targets", "resolution"),
	LINE("targets", "soon"),

	CHOICE("notice", "when", NULL, "soon|late|waiting|nobody_online"),
	DURATION("notice", "for", "0s", 0, 30 * DAY),
	DURATION("notice", "left", NULL, SECOND, 30 * DAY),
	INT("notice", "customers", "1", 1, 1000000),
	INT("notice", "clear", "0", 0, 1000000),
	LIST("notice", "tenants"),
	LIST("notice", "channels"),
	LIST("notice", "teams"),
	LIST("notice", "to"),

	SECRET("notify", "url", NULL),
	PATH("notify", "url_file", NULL),
	KEY("notify", "format", CONF_NAME_OR_PATH, "json", 0, 0, NULL, NULL),
	TEXT("notify", "recipient", NULL, NULL),
	LIST("notify", "mail"),
	SECRET("notify", "secret", NULL),
	PATH("notify", "secret_file", NULL),
	PATH("notify", "ca_file", NULL),
	BOOL("notify", "plaintext", "no"),
	DURATION("notify", "timeout", "10s", SECOND, 10 * MINUTE),
	DURATION("notify", "every", "1m", SECOND, DAY),
	DURATION("notify", "give_up", "1h", SECOND, 7 * DAY),
	BOOL("notify", "over", "no"),

	SECRET("amqp", "url", "AMQP_URL"),
	PATH("amqp", "ca_file", NULL),
	BOOL("amqp", "plaintext", "no"),
	INT("amqp", "prefetch", "2000", 1, 65535),
	DURATION("amqp", "heartbeat", "30s", SECOND, HOUR),
	DURATION("amqp", "wait_timeout", "30s", 0, DAY),
	DURATION("amqp", "dead_letters", "30d", HOUR, 3650 * DAY),

	SECRET("mysql", "url", "MYSQL_URL"),
	PATH("mysql", "ca_file", NULL),
	BOOL("mysql", "plaintext", "no"),
	DURATION("mysql", "timeout", "30s", SECOND, HOUR),
	DURATION("mysql", "wait_timeout", "30s", 0, DAY),
	CHOICE("mysql", "bulk", "auto", "auto|off"),

	PATH("poller", "state", NULL),
	PATH("poller", "tenants", NULL),
	DURATION("poller", "retry_budget", "40s", 0, HOUR),
	TEXT("poller", "to", "-", NULL),
	BOOL("poller", "with_text", "no"),

	SIZE("listen", "max_body", "1M", 1024, 256 * MIB),
	SIZE("listen", "memory", "64M", MIB, 64 * 1024 * MIB),
	HTTP_SERVER("listen", "1024", "64", "1000", "2000", "15s"),
	SIZE("listen", "spool", "1G", MIB, 8 * 1024 * MIB),
	TEXT("listen", "tenant", NULL, NULL),
	WORDS("listen", "trusted", "127.0.0.1, ::1"),
	TOKENS("listen", "SECRET_KEY"),
	INT("listen", "max_events", "1000", 1, 100000),
	INT("listen", "idempotency_keys", "1000000", 1, 100000000),

	CHOICE("aggregator", "definition", "ours", "ours|chatwoot"),
	PATH("aggregator", "state", NULL),
	CHOICE("aggregator", "keep_state", "auto", "auto|local|database"),
	WORDS("aggregator", "metrics", NULL),
	DURATION("aggregator", "every", "50ms", 1, MINUTE),
	DURATION("aggregator", "window", "24h", MINUTE, 30 * DAY),
	CHOICE("aggregator", "clock", "system", "system|records"),
	DURATION("aggregator", "ahead", "5m", SECOND, 36500 * DAY),
	DURATION("aggregator", "refresh", "5s", 100, HOUR),
	SIZE("aggregator", "state_limit", "24G", MIB, 1024 * 1024 * MIB),
	SIZE("aggregator", "cache", "256M", MIB, 1024 * 1024 * MIB),
	DURATION("aggregator", "forget", "90d", DAY, 3650 * DAY),
	DURATION("aggregator", "user_active", "24h", SECOND, 366 * DAY),
	INT("aggregator", "alert_minute", "8", 1, 1000000000),
	INT("aggregator", "alert_five_minutes", "20", 1, 1000000000),
	DURATION("aggregator", "trend_window", "2m", SECOND, DAY),
	INT("aggregator", "trend_count", "2", 1, 1000000000),
	INT("aggregator", "trend_length", "3", 0, 60),
	LIST("aggregator", "trend_stop_words"),
	TEXT("aggregator", "assign_to", NULL, NULL),
	TEXT("aggregator", "notices_to", "queue:notices", NULL),
	INT("aggregator", "allocation_limit", "2", 0, 1000000),
	DURATION("aggregator", "allocation_expiry", "60s", SECOND, DAY),
	DURATION("aggregator", "allocation_pause", "1s", 100, MINUTE),
	DURATION("aggregator", "allocation_sticky", "0s", 0, 3650 * DAY),
	DURATION("aggregator", "allocation_sticky_wait", "0s", 0, DAY),
	DURATION("aggregator", "allocation_silent", "0s", 0, DAY),
	DURATION("aggregator", "allocation_offline", "0s", 0, DAY),

	TEXT("sink", "from", "-", NULL),
	INT("sink", "batch", "5000", 1, 100000),
	DURATION("sink", "batch_age", "200ms", 1, MINUTE),
	INT("sink", "connections", "3", 1, 8),

	HTTP_SERVER("serve", "2048", "256", "200", "400", "60s"),
	INT("serve", "queries", "4", 1, 64),
	DURATION("serve", "query_timeout", "5s", 10, HOUR),
	TOKENS("serve", NULL),
	PATH("serve", "audit", NULL),

	PATH("metrics", "folder", NULL),

	CHOICE("reaper", "on_close", "live", "live|all"),
	PATH("reaper", "archive", NULL),
	DURATION("reaper", "tombstones", "7d", HOUR, 3650 * DAY),
	DURATION("reaper", "retention", NULL, DAY, 36500 * DAY),
	DURATION("reaper", "stale", NULL, SECOND, DAY),
	INT("reaper", "gone_percent", "20", 0, 100),
	INT("reaper", "gone_least", "10", 0, INT64_C(1000000000)),
};

const size_t conf_keys_n = ARRAY_LEN(conf_keys);
