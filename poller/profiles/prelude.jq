# prelude.jq: is put in front of every profile: helpers, and defaults for the
# functions that a profile leaves out. messaging-profile(5) explains how to
# write a profile; chat2desk.jq is one to start from.
#
# A profile is a set of functions without arguments. Each gets one object:
#
#   tenant    name of the [crm NAME] section
#   now       the CRM's clock, seconds since 1970
#   options   {account: string or null, customers, customer_phone, with_text:
#             polled (the tenant has a token): true or false, history:
#             "episode" or "all",
#             bot_operators: [strings], need: [strings]}
#   cursor    null for the first page, then next of the last page
#   asked     (*_read) now, as X_request had it: that clock may have been wrong
#   since     (chats_*) with about.changes: the time since which changes are
#             wanted, seconds since 1970; null: all open chats
#   chat      (messages_*, chat_*) the chat's object as chats_read returned it;
#             in chat_* perhaps only {chat: "id"}
#   known     (messages_*) {last: the id, as a string, up to which the chat
#             was read before, or null}
#   customer  (customer_*) the customer's id, a string
#   operator  (assign_*) the operator's id, a string; (chats_*, see by_operator)
#             whose chats are asked for, null: the unassigned ones
#   replaces  (assign_*) the operator who is to be replaced, or null
#   operators what operators_read returned last, with the profile's own
#             members if it adds any; [] if that was not needed
#   former    what it returned at earlier polls, of operators that are no more;
#             [] without a state
#   status    (*_read, failure) the HTTP status
#   answer    (*_read, failure) the answer's JSON; null if it is none. Whole
#             numbers above 2^53 come as strings, so that no digit is lost.
#
# X_request returns {path, query} - the path is appended to the configured URL,
# a value of query may be an array (sent once per element), null values are
# left out - or {url} with an address from an answer, which has to be on the
# same host; or null: there is nothing to ask. Optional members beside them:
#   method    "GET" (the default without a body), "POST" (the default with a
#             body or a form), "PUT", "PATCH" or "DELETE"
#   body      what is sent as JSON
#   form      an object that is sent as form data, its values as in query
#   host      a name of about.hosts: the request is sent to that host
#
# X_read returns {records: [...], next: the cursor of the next page or null},
# or {error: KIND, message: "..."} as failure does. A page or cursor that comes
# twice is an error, unless the page before had moved: true beside its next,
# which says that rows moved while it was read and the next page may be the
# same.
#
#   about       facts of the CRM that do not change, all of them optional:
#                 url          the default of [crm] url
#                 auth         {header, prefix}: the header that carries the
#                              token, and a prefix of it
#                 headers      {NAME: text}: others of each request; null means
#                              that [crm] account is missing
#                 hosts        {NAME: {url, auth, headers}}: other hosts; with
#                              key: "admin_token" in its auth, the one of hook
#                              requests that want [crm] admin_token, which is
#                              the CRM itself unless it has a url
#                 by_operator  true if no list of chats names the assignees:
#                              chats_* are then called with operator null, and
#                              after that for each operator
#                 operators_first  true if the operators are needed for what
#                              follows; implied by by_operator
#                 changes      seconds: a list of open chats may be of those
#                              that changed since the last, whatever their
#                              status now, as long as a whole one is no older
#                 backfill     how many calls a minute --backfill may make; left
#                              out if there is no past_request
#                 needs        true if chats get tags of .options.need, and
#                              operators have such tags
#                 max_pages    how many pages one question may have
#                 period       the seconds after which the CRM's count of calls
#                              starts over, if it refuses without saying for
#                              how long
#                 hooks        see below
#   operators   all who can reply: {type: "operator", operator, name,
#               available, available_at, max_chats, reported_open_chats}; with
#               stale: true only the name is known
#   chats       all open chats: {type: "chat", chat, status, operator,
#               customer, channel, tag, opened_at, customer_name,
#               customer_phone, and the following for the poller's own use}
#                 mark     a string or a number that changes whenever
#                          something of the chat changes
#                 last     id of the chat's last message; the chat counts as
#                          read when that one was among its messages
#                 last_at  the time of that message, where the id is not given
#                 taken    true if the chat is assigned and the list does not
#                          name the operator; ignored if it has an operator
#                 episode  what all messages of the current episode have as
#                          their episode; opened_at is then the first one's
#               and the messages that are in the list, as below
#   messages    of one chat: {type: "message", id, chat, at, from, user,
#               operator, to, channel, private, automated, kind, text, data,
#               updated_at, episode}
#   chat        one chat, whatever its state, with closed_at
#   past        for --backfill: chats of any status, the newest activity first,
#               with last_at and closed_at, until last_at is before .since
#   customer    {type: "customer", customer, customer_name, customer_phone,
#               tag}
#   assign      assigns the chat to the operator; its read returns {operator:
#               the id of the assignee now, or null}. It is sent once: when no
#               answer comes, the chat is read again instead
#   check       the self-check's question: does the token work? Its read returns
#               {info: {label: value}} to show
#   failure     null if the answer is good, else {error: KIND, message}
#
# Webhooks. hook_read gets tenant, options, and
#   now         when it was received, on our clock: for what bears no time
#   signed      the time of its signature, seconds since 1970; null if none is
#               signed
#   payload     its JSON, as answer above
#   headers     those that about.hooks.headers names, {NAME: text or null}
# and returns {records: [...]}, operators, chats and messages as above, but
# complete: a chat has at (the time of this state; without it: now), status, and
# operator, without which it is unassigned. A message has the same id and time
# as in a poll, so that it counts once. Records may come twice and in any order.
# {records: []} if the event has nothing that is counted; with once: TEXT beside
# the records, a payload with the same text within a day is read with the now of
# the first. {refused: why, half a sentence} for a payload of another account than
# options.account: the listener answers 403 and keeps nothing of it. {unknown: its
# name} for an event that the profile does not support. That payload becomes a
# dead letter, as does one at which hook_read fails. A payload with a record that
# is partly unreadable becomes a dead letter as well; its other records count.
#
#   about.hooks {sign: {header, timestamp, prefix, parts, key, window},
#               headers}. sign
#               says how the CRM signs, and is left out if it does not: the
#               header with the HMAC-SHA256 in hexadecimal digits, the prefix
#               of the digits; the header with the time, in seconds since
#               1970, or null; what is signed, a list of "timestamp", "body"
#               and other text; key: "secret", "token" (of the API, unless a
#               secret is configured), or "md5 of token"; window: the default
#               of [crm] hook_window in seconds, 300 if it is left out
#   hooks       the webhooks that the CRM has; its read returns {hooks: [{id,
#               url, events: [strings], active: true or false, secret: null or
#               the one the CRM made to sign with}], next}
#   hook_add    registers .hook, {url, id: null, or of one that has that url
#               already}; its read returns the same as hooks_read, of this one;
#               with a next, another request is sent
#   hook_remove removes .hook, one of hooks_read's
#
# KIND is one of
#   later       a temporary error: the poller retries
#   throttled   too many calls: it waits as the headers say, and retries
#   quota       the calls that were paid for are used up: it gives up
#   denied      the token is refused: it gives up; with alone: true, or after a
#               403 whose message does not speak of the token, only on that chat
#               or customer
#   gone        what was asked for does not exist
#   short       the list of open chats or operators ends before the total that
#               it names, by the number of rows in missing: it retries once or
#               twice; in the third poll in a row that lacks 50 or fewer it takes
#               what the pages before had. Operators it takes at once, unless
#               by_operator; then one of chats never
#   unusable    anything else: it retries once or twice; what the profile
#               itself cannot read (an error, a bad record) is not retried
#
# In the lists of operators and chats a record without a required field (its
# id; of a message also its time) is left out, and any other field that cannot
# be read; the poller warns. If most of a list is bad, it is unusable. Of
# messages and webhooks only user, to, channel, customer and text are left out.
#
# In records an id is a string or a whole number, and 0, "" and null are no
# id; a time is RFC 3339, with " UTC" allowed for Z, or a number of seconds
# since 1970. messaging-records(5) has the meaning of each field.
#
# A profile has no environment and no files; a call may take five seconds, of
# hook_read one second.

def env: {};
def debug: .;
def stderr: .;
def input: error("a profile has no input");
def inputs: empty;
def input_filename: null;
def modulemeta: error("a profile has no modules");
def get_search_list: [];
def halt: error("a profile cannot halt");
def halt_error: error("a profile cannot halt");
def halt_error($code): error("a profile cannot halt");

# jq 1.6 never frees what it compares when it looks for something in an array,
# nor the error of trimming what is not text. These functions have the same
# results without the leaks.
def jq_indices($what): indices($what);
def indices($what):
    if type != "array" then jq_indices($what)
    else . as $all
         | (if $what | type == "array" then $what else [$what] end) as $run
         | ($run | length) as $n
         | [range(length) | select($n > 0 and $all[. : . + $n] == $run)] end;
def index($what): indices($what) | .[0];
def rindex($what): indices($what) | .[-1:][0];

def can_trim($text): type == "string" and ($text | type) == "string";
def jq_ltrimstr($text): ltrimstr($text);
def ltrimstr($text): if can_trim($text) then jq_ltrimstr($text) else . end;
def jq_rtrimstr($text): rtrimstr($text);
def rtrimstr($text): if can_trim($text) then jq_rtrimstr($text) else . end;

# How the poller calls a function: its first result. libjq aborts at the start
# of a call if the last one was stopped, by time or after its first result, in
# a path expression that has more results. It does not if that expression is
# inside another one, which first() ends before it is left. So the call is
# inside path(), and its result is the element after x of that path.
def jq_call(f):
    . as $in
    | null
    | path(.x | getpath([first($in | f | {result: .})]))
    | .[1:2][].result;

# The text of an error body, whatever its shape, in one line.
def flat_text:
    [.. | strings] | join(" ");

# What a CRM writes as a number or as a text; null if it is none.
def number:
    try tonumber catch null;

# An HTTP status of a server in trouble, or of a proxy before it: whatever the
# text says, it says nothing about what was asked for.
def is_temporary:
    . >= 500 or . == 408 or . == 425;

# The error that the HTTP status alone shows.
def http_failure:
    .status as $s
    | (.answer | if type == "object" then flat_text else "" end) as $text
    | if $s >= 200 and $s < 300 then null
      else {error: (if $s == 401 or $s == 403 or $s == 407 then "denied"
                    elif $s == 404 or $s == 410 then "gone"
                    elif $s == 429 then "throttled"
                    elif $s | is_temporary then "later"
                    else "unusable" end),
            message: $text}
      end;

# The rows of a page in .answer.data; an error if there are none.
def rows(f):
    if (.answer | f | type) == "array" then .answer | f
    else error("the answer has no list where one is due") end;

# The error of a list that ends $lacking rows before the total that it names.
def ends_short($lacking; $total):
    {error: "short", missing: $lacking,
     message: "the list ends \($lacking) rows before its total of \($total)"};

def missing($name): error("the profile has no function " + $name);
def about: {};
def operators_request: missing("operators_request");
def operators_read: missing("operators_read");
def chats_request: missing("chats_request");
def chats_read: missing("chats_read");
def messages_request: missing("messages_request");
def messages_read: missing("messages_read");
def chat_request: null;
def chat_read: missing("chat_read");
def customer_request: null;
def customer_read: missing("customer_read");
def assign_request: null;
def assign_read: missing("assign_read");
def hook_read: missing("hook_read");
def hooks_request: null;
def hooks_read: missing("hooks_read");
def hook_add_request: null;
def hook_add_read: missing("hook_add_read");
def hook_remove_request: null;
def hook_remove_read: {hooks: []};
def past_request: null;
def past_read: missing("past_read");
def check_request: null;
def check_read: {info: {}};
def failure: http_failure;

# The result of about, if each member is what messaging-profile(5) says, or the
# first fault as an error. null counts as absent.
def jq_checked_about:
    def fails(is; $path; $what):
        select(. != null and (is | not)) | "\($path) must be \($what)";
    def text($path): fails(type == "string"; $path; "a text");
    def flag($path): fails(type == "boolean"; $path; "true or false");
    def texts($path):
        fails(type == "array" and all(.[]; type == "string"); $path;
              "a list of texts");
    def within($path; $least; $most; $what; is):
        fails(type == "number" and . >= $least and . <= $most and is; $path;
              "a \($what)number from \($least) to \($most)");
    def whole($path; $least; $most):
        within($path; $least; $most; "whole "; . == floor);
    def object($path): fails(type == "object"; $path; "an object");
    def texts_in($path; names):
        object($path),
        (objects | names[] as $name | .[$name] | text("\($path).\($name)"));
    def host($path):
        (.url | text($path + "url")),
        (.auth | texts_in($path + "auth"; ["header", "prefix", "key"])),
        (.headers | texts_in($path + "headers"; objects | keys));
    . as $about
    | first(if type != "object" then "it must be an object"
            else
                host(""),
                (.hosts | object("hosts"),
                 (objects | to_entries[] | "hosts.\(.key)" as $path | .value
                  | object($path), (objects | host($path + ".")))),
                (("by_operator", "operators_first", "needs") as $name
                 | .[$name] | flag($name)),
                (.max_pages | whole("max_pages"; 1; 1000000)),
                (.backfill | whole("backfill"; 1; 60000)),
                (("period", "changes") as $name
                 | .[$name] | within($name; 0; 86400; ""; true)),
                (.hooks | object("hooks"),
                 (objects
                  | (.sign | texts_in("hooks.sign"; ["header", "timestamp",
                                                     "prefix"]),
                     (objects | (.parts | texts("hooks.sign.parts")),
                      (.key | text("hooks.sign.key")),
                      (.window | whole("hooks.sign.window"; 1; 86400)))),
                    (.headers | texts("hooks.headers"))))
            end | error), $about;
