# prelude.jq: is put in front of every profile: helpers, and defaults for the
# functions that a profile leaves out. messaging-profile(5) says what each
# function gets and returns; chat2desk.jq is one to start from.

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

# An id as a number if it is one, for CRMs whose ids are numbers.
def number_if_one:
    . as $id
    | try (tonumber | if tostring == $id then . else $id end) catch $id;

def some_text:
    if type == "string" and . != "" then . else null end;

# A row that is not an object becomes a record without an id: counted and
# reported.
def row:
    if type == "object" then . else {} end;

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
    else error("the answer has no list in the expected place") end;

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
def names_request: null;
def names_read: missing("names_read");
def check_request: null;
def check_read: {info: {}};
def auto_assign_request: null;
def auto_assign_read: missing("auto_assign_read");
def failure: http_failure;

# A query or a form, "KEY=VALUE&...", sorted by key. A list becomes one parameter
# for each element.
def jq_form:
    [objects | keys[] as $key
     | .[$key] | if type == "array" then .[] else . end
     | select(. != null) | "\($key | @uri)=\(tostring | @uri)"]
    | join("&");

# The result of an X_request function as fetch.c sends it: a method, a path and
# a body as text.
def jq_http:
    def target:
        if .path | type == "string" and startswith("/") then .path
        else error("path must be a string that begins with a slash") end;
    if . == null then null
    elif type != "object"
    then error("it must return {path, query} or null")
    else
        (if .body != null then ["application/json", (.body | tojson)]
         elif .form | type == "object"
         then ["application/x-www-form-urlencoded", (.form | jq_form)]
         else [null, null] end) as [$type, $body]
        | (.method // if $type != null then "POST" else "GET" end) as $method
        | (.query | jq_form) as $query
        | if all(("GET", "POST", "PUT", "PATCH", "DELETE"); . != $method)
          then error("method must be GET, POST, PUT, PATCH or DELETE")
          elif $method == "GET" and $type != null
          then error("a GET request must not have a body")
          else
              {$method, $type, $body, host,
               target: (target
                        | if $query == "" then .
                          elif contains("?") then "\(.)&\($query)"
                          else "\(.)?\($query)" end)}
          end
    end;

# The result of the X_read function with that name, if it has the member that is
# due: a misspelled one would mean an empty list, or an unassigned chat. Such a
# function only gets answers for which neither failure nor the HTTP status
# indicates an error.
def jq_given($call):
    ({check_read: "info", assign_read: "operator", auto_assign_read: "advice",
      hooks_read: "hooks", hook_add_read: "hooks", hook_remove_read: "hooks"}
     | .[$call] // "records") as $due
    | ($due == "records" or $due == "hooks") as $is_list
    | if type == "object"
         and ((.error | type == "string")
              or ($is_list and (.[$due] | type == "array"))
              or ($due == "operator" and has($due))
              or $due == "info" or $due == "advice")
      then .
      else
          (if $is_list then ", next" else "" end) as $next
          | error("it must return {\($due)\($next)} or {error, message}")
      end;

# The faults of a value by its schema, which is a text such as "a text", a list
# of the least and the greatest whole number, or an object with the schemas of
# members, where "*" stands for any name. null counts as absent.
def jq_faults($schema; $path):
    ($schema | type) as $kind
    | def fits:
          if $kind == "object" then type == $kind
          elif $kind == "array" then
              type == "number" and . == floor
              and . >= $schema[0] and . <= $schema[1]
          elif $schema == "a list of texts" then
              type == "array" and all(.[]; type == "string")
          elif $schema == "a text" then type == "string"
          else type == "boolean" end;
      def wanted:
          if $kind == "object" then "an object"
          elif $kind == "array" then
              "a whole number from \($schema[0]) to \($schema[1])"
          else $schema end;
      if . == null then empty
      elif fits | not then
          "\(if $path == "" then "it" else $path end) must be \(wanted)"
      elif $kind == "object" then
          keys[] as $key
          | (if $path == "" then $key else "\($path).\($key)" end) as $at
          | ($schema[$key] // $schema["*"]) as $member
          | if $member == null then "\($at) is unknown"
            else .[$key] | jq_faults($member; $at) end
      else empty end;

# The result of about, if each member is what messaging-profile(5) says, or the
# first fault as an error.
def jq_checked_about:
    {url: "a text",
     auth: {header: "a text", prefix: "a text", key: "a text"},
     headers: {"*": "a text"}} as $host
    | ($host
       + {hosts: {"*": $host},
          by_operator: "true or false",
          operators_first: "true or false",
          needs: "true or false",
          begins_unassigned: "true or false",
          originals: "true or false",
          backfill: [1, 60000],
          period: [0, 86400],
          changes: [0, 86400],
          hooks: {sign: {header: "a text", timestamp: "a text",
                         prefix: "a text", parts: "a list of texts",
                         key: "a text", window: [1, 86400]}}}) as $schema
    | . as $about
    | first(jq_faults($schema; ""),
            (.hooks.sign
             | select(. != null
                      and (.header == null or .parts == null
                           or all(.parts[]; . != "body")
                           or any(.parts[]; . == "timestamp")
                              != (.timestamp != null)))
             | "hooks.sign must be {header, parts}; parts must have body, "
               + "and timestamp if the header has one")
            | error), $about;
