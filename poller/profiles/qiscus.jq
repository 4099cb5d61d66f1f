# qiscus.jq: requests to Qiscus Omnichannel, and how its answers and webhooks
# become records. messaging-profile(5) says what each function gets and returns.
#
# What Qiscus reports and what it does not:
#
# - A room is the permanent thread of one customer on one channel. A contact
#   in it is a session, from its first message until the room is resolved; the
#   list has no sessions, so one begins at the first message after the last
#   system message of a resolving.
# - A room does not name its agent: rooms are listed for each agent, after those
#   without one. A single room says only whether it waits for an agent.
# - Messages are on another host, which identifies people by their sdk_email.
#   Lists of messages have page numbers, newest first, so a message that is
#   written meanwhile moves rows to the next page.
# - Of the last message the list has the time and the text, not the id.
# - Webhooks: a customer's message in a room without an agent, for each message
#   until it has one; resolving, without a time, by a user who need not be the
#   agent; new sessions; messages. None is signed.
# - ids come as numbers or as strings, times as "2022-05-25T03:21:42Z".

def room_page: 50;
def agent_page: 100;
def comment_page: 100;

# Whatever the server makes of comment_page, a page has so many rows.
def least_page: 20;

def about:
    .options.account as $app
    | {url: "https://omnichannel.qiscus.com",
       auth: {header: "Qiscus-Secret-Key", prefix: ""},
       headers: {"Qiscus-App-Id": $app},
       hosts: {messages: {url: "https://api.qiscus.com",
                          auth: {header: "QISCUS_SDK_SECRET", prefix: ""},
                          headers: {"QISCUS_SDK_APP_ID": $app}},
               admin: {auth: {header: "Authorization", prefix: "",
                              key: "admin_token"},
                       headers: {"Qiscus-App-Id": $app}}},
       by_operator: true,
       needs: true,
       backfill: 60,
       originals: true,
       hooks: {}};

# The strings of errors are not documented. A missing agent does not mean that
# the room is gone, nor does what a server in trouble says of it.
def failure:
    (.answer | if type == "object" then [.errors, .error, .message] else . end
     | flat_text) as $text
    | (.answer | if type == "object" then .status else null end) as $inner
    | (if .status < 300 and ($inner | type) == "number" then
           .status = $inner else . end)
    | http_failure
    | if . == null then null
      else .message = $text
           | if (.error == "unusable" or .error == "gone")
                and ($text | test("\\broom.*not (be )?found"; "i")) then
                 .error = "gone"
             elif .error == "gone" and ($text | test("agent|user"; "i")) then
                 .error = "unusable"
             else . end
      end;

# "", 0 and null count as absent.
def given:
    . != null and . != "" and . != 0;

# Webhooks write an id that is not known as 0 or "0".
def is_id:
    given and . != "0";

# Some members are JSON in a string.
def decoded:
    if type == "string" then (try fromjson catch null) else . end
    | if type == "object" then . else {} end;

# --- operators ---

def operators_request:
    {path: "/api/v2/admin/agents",
     query: {page: (.cursor.page // 1), limit: agent_page}};

def is_agent:
    .type == 2 or .type_as_string == "agent";

# Any account may have rooms, but only agents get rooms assigned.
def agent:
    {type: "operator",
     operator: .id,
     name: ([.name, .email | strings | select(. != "")] | .[0]),
     available: (is_agent and .is_available == true
                 and .force_offline != true),
     reported_open_chats: .current_customer_count,
     tags: ([(.user_channels | arrays | .[] | row | .id | select(given)
              | "channel-\(.)"),
             (.user_roles | arrays | .[] | row
              | (.id | select(given) | "division-\(.)"),
                (.name | strings | select(given)))]
            | if . == [] then null else join(",") end),
     sdk_email};

# Agents name the channels that they serve.
def channel_names($rows):
    [$rows[] | .user_channels | arrays | .[] | row
     | select((.id | given) and (.name | some_text) != null)
     | {type: "name", kind: "channel", id, name}]
    | unique_by(.id);

# Rows are counted, because a page may have fewer than asked for. Where the page
# is empty and the total is not reached, agents are missing.
def is_last_of_agents($rows; $before; $total; $size):
    ($rows | length) as $n
    | $n == 0
      or (if $total != null then $before + $n >= $total
          else $n < ($size // least_page) end);

# The cursor is {page, total, before: how many rows the pages before have}. When
# the total shrinks between two pages, rows have moved to a page that was read,
# and these agents would be missing: the list is read once more from its
# beginning. If it shrinks again, the same cursor comes twice, which is an error.
def operators_read:
    {page: 1, total: null, before: 0} as $beginning
    | [rows(.data.agents)[] | row] as $rows
    | (.cursor // $beginning) as $cursor
    | (.answer.meta | row) as $meta
    | ($meta.total_count | number) as $total
    | if $total != null and $cursor.total != null and $total < $cursor.total then
          {records: [], moved: true, next: ($beginning + {again: true})}
      elif $rows == [] and $cursor.before < ($total // 0) then
          ends_short($total - $cursor.before; $total)
      else
          {records: ([$rows[] | agent] + channel_names($rows)),
           next: (if is_last_of_agents($rows; $cursor.before; $total;
                                       $meta.per_page | number) then null
                  else $cursor
                       | .page += 1
                       | .total = $total
                       | .before += ($rows | length) end)}
          | if $cursor.again then .moved = true else . end
      end;

# --- chats ---

def chats_request:
    {path: "/api/v2/customer_rooms",
     body: ({status: "unresolved", limit: room_page}
            + (if .operator == null then {serve_status: "unserved"}
               else {serve_status: "served",
                     user_ids: [.operator | number_if_one]} end)
            + (if .cursor == null then {} else {cursor_after: .cursor} end))};

# A hash of a text, by which a change is noticed.
def checksum:
    if type == "string" then
        reduce explode[] as $c (7; (. * 31 + $c) % 1000000007)
    else 0 end;

def bot_has_it:
    .is_handled_by_bot == true and .is_waiting != true;

def room_status($operator):
    if .is_resolved == true then "closed"
    elif $operator == null and bot_has_it then "pending"
    else "open" end;

# The tags that an agent needs. As long as the channel is unknown, no agent is
# suitable.
def needed($in; $channel):
    [$in.options.need[]
     | if . != "channel" then .
       elif $channel | given then "channel-\($channel)"
       else "channel-?" end]
    | if . == [] then null else join(",") end;

# Of WhatsApp, a customer's id is the phone number.
def chat($in; $operator):
    {type: "chat",
     chat: .room_id,
     status: room_status($operator),
     operator: $operator,
     customer: .user_id,
     customer_name: (.name | some_text),
     customer_phone: (if .source == "wa" then .user_id else null end),
     channel: .channel_id,
     tags: needed($in; .channel_id),
     last_at: .last_comment_timestamp,
     mark: "\(.last_comment_timestamp) \(.last_customer_timestamp) \(
            .last_comment_text | checksum) \(.is_resolved) \(
            .is_waiting) \($operator)"};

# Some lists have rows that do not belong there.
def belongs($operator):
    . == {}
    or (.is_resolved != true
        and (if $operator == null then .is_waiting != false or bot_has_it
             else .is_waiting != true end));

# A page may be empty and yet lead on, because rows that do not fit the filter
# are taken out of it.
def chats_read:
    . as $in
    | rows(.data.customer_rooms) as $rows
    | .operator as $operator
    | (.answer.meta | row | .cursor_after) as $next
    | {records: [$rows[] | row | select(belongs($operator))
               | chat($in; $operator)],
       next: (if ($next | given | not)
                 or ($rows == [] and $next == $in.cursor) then null
              else $next end)};

def chat_request:
    {path: @uri "/api/v2/customer_rooms/\(.chat.chat)"};

# The resolving itself is the last message.
def chat_read:
    . as $in
    | .answer.data.customer_room
    | if type != "object" then error("the answer has no room")
      elif (.is_resolved | type) != "boolean" then
          error("the room does not say whether it is resolved")
      else chat($in; null)
           + {taken: (.is_resolved == false and .is_waiting == false
                      and (bot_has_it | not)),
              closed_at: (if .is_resolved then .last_comment_timestamp
                          else null end)}
      end
    | {records: [.]};

# With replace_latest_agent false and max_agent 1 the CRM refuses to assign a
# room that was assigned to another agent meanwhile.
def assign_request:
    {path: "/api/v1/admin/service/assign_agent",
     form: {room_id: .chat.chat, agent_id: .operator, max_agent: 1,
            replace_latest_agent: (.replaces | given)}};

# An answer that does not say who has the room is none: it is read again.
def assign_read:
    .answer.data
    | if type != "object" then error("the answer has no data")
      elif has("added_agent") | not then
          error("the answer does not say who has the room")
      elif .added_agent == null then {operator: null}
      elif .added_agent | row | .id | is_id then
          {operator: .added_agent.id}
      else error("the answer has no id of the agent") end;

# --- messages of one chat ---
# The cursor is {page, low: the least id so far, stuck: how often a page had
# nothing new}.

def messages_request:
    {host: "messages", path: "/api/v2.1/rest/load_comments",
     query: {room_id: .chat.chat, page: (.cursor.page // 1),
             limit: comment_page}};

def file_kind:
    (.payload | decoded | [.url, .file_name | strings] | join(" ")) as $name
    | if $name | test("[.](jpe?g|png|gif|webp|bmp|heic)\\b"; "i") then "image"
      elif $name | test("[.](mp4|3gp|mov|webm|avi|mkv)\\b"; "i") then "video"
      elif $name | test("[.](mp3|ogg|oga|opus|m4a|aac|wav|amr)\\b"; "i") then
          "audio"
      else "file" end;

def content_kind:
    if .type == "file_attachment" then file_kind
    elif .type == "location" or .type == "contact_person" then .type
    else "text" end;

# Who joins is given by name, which identifies an agent if only one has it, or
# none and only one that has left.
def joined($operators; $former):
    [.message | strings | capture("^(?<name>.+?) (has )?joined\\b")?
     | .name] as $name
    | def named: [.[] | select([.name] == $name) | .operator];
      ($operators | named)
    | if . == [] then ($former | named) else . end
    | if length == 1 then .[0] else null end;

def system_event($operators; $former):
    if .message | type == "string" and test("\\bresolved\\b"; "i") then
        {from: "system", kind: "closed"}
    else
        joined($operators; $former) as $who
        | if $who == null then {from: "system", kind: "other"}
          else {from: "system", kind: "assigned", operator: $who} end
    end;

# {sdk_email: id}
def by_email:
    map(select(.sdk_email | given) | {key: .sdk_email, value: .operator})
    | from_entries;

# A bot may write under the account of an agent or the admin.
def is_bot_reply:
    .extras | decoded | .action == "bot_reply";

# Agents write under their sdk_email, which stays if no operator has or had it.
def written($user; $ids; $bots):
    (if $user | type == "string" then $ids[$user] else null end) as $who
    | if is_bot_reply
         or ($bots != []
             and any($bots[]; . == ($who | tostring) or . == $user)) then
          {from: "bot", user: ($who // $user)}
      else {from: "operator", user: ($who // $user), operator: $who} end;

# $in is the input of the call. Called for every comment of every page, so it
# must be fast.
def comment($in; $ids):
    (.user | row) as $who
    | ($who.extras | decoded) as $extras
    | {type: "message", id, chat: $in.chat.chat, channel: $in.chat.channel,
       at: .timestamp, text: .message}
    + if .type == "system_event" then system_event($in.operators; $in.former)
      else
          {kind: content_kind}
          + if $extras.is_customer == true
               or ($who.user_id | given and . == $in.chat.customer) then
                {from: "customer", user: $who.user_id}
            elif $extras.type == "bot" then
                {from: "bot", user: $who.user_id}
            else written($who.user_id; $ids; $in.options.bot_operators) end
      end;

# Of a time as Qiscus writes it.
def is_before($seconds):
    type == "string" and . < ($seconds | floor | todate);

# Whether the rest was read before, or belongs to earlier sessions; in the past,
# whether it was written before .since.
def reaches_back($rows; $in):
    ($in.known.last | number) as $known
    | if $in.since != null then
          any($rows[]; .timestamp | is_before($in.since))
      else
          ($known != null
           and any($rows[]; .id | number | . != null and . <= $known))
          or ($in.options.history != "all"
              and any($rows[]; .type == "system_event"
                               and system_event([]; []).kind == "closed"))
      end;

def next_page($rows; $in):
    ($in.cursor // {page: 1, low: null, stuck: 0}) as $cursor
    | ([$rows[] | .id | number | values] | min) as $low
    | ($cursor.low != null and ($low == null or $low >= $cursor.low)) as $stuck
    | if ($rows | length) < least_page or reaches_back($rows; $in) then null
      elif $stuck and $cursor.stuck >= 3 then
          error("load_comments shows the same page again and again")
      else {page: ($cursor.page + 1),
            low: ([$low, $cursor.low] | map(values) | min),
            stuck: (if $stuck then $cursor.stuck + 1 else 0 end)} end;

def messages_read:
    . as $in
    | [rows(.results.comments)[] | row] as $rows
    | (.former + .operators | by_email) as $ids
    | {records: [$rows[] | comment($in; $ids)],
       next: next_page($rows; $in),
       moved: true};

# --- the past ---
# Rooms of any state, the latest activity first; that order is not documented, so
# only a page without later activity is the last one. The agent of a room is known
# by its messages.

def past_request:
    {path: "/api/v2/customer_rooms",
     body: ({limit: room_page}
            + (if .cursor == null then {} else {cursor_after: .cursor} end))};

def past_read:
    . as $in
    | [rows(.data.customer_rooms)[] | row] as $rows
    | (.answer.meta | row | .cursor_after) as $next
    | {records: [$rows[]
                 | chat($in; null)
                   + {closed_at: (if .is_resolved == true
                                  then .last_comment_timestamp
                                  else null end)}],
       moved: true,
       next: (if ($next | given | not) or $next == $in.cursor
                 or ($rows != []
                     and all($rows[]; .last_comment_timestamp
                                      | is_before($in.since)))
              then null else $next end)};

# --- webhooks ---
# Without signature, and without a time of their own.

# A customer wrote and the room has no agent.
def allocation($in):
    if .room_id | is_id | not then error("room_id is missing")
    else {type: "chat", chat: .room_id, at: $in.now, status: "open",
          customer: .email, customer_name: (.name | some_text),
          customer_phone: (if .source == "wa" then .email else null end),
          channel: (.channel | row | .id),
          tags: needed($in; .channel | row | .id)} end;

# The user who resolved it need not be the agent of the room.
def resolved($in):
    (.customer | row) as $customer
    | (.channel | row | .id) as $channel
    | .service
    | if .room_id | is_id | not then error("service.room_id is missing")
      else {type: "chat", chat: .room_id, at: $in.now, status: "closed",
            closed_at: $in.now, customer: $customer.user_id,
            customer_name: ($customer.name | some_text),
            channel: $channel} end;

# A session is resolved once: a repeat has the same id.
def resolved_once:
    .service
    | if .id | is_id then {once: "resolved \(.room_id) \(.id)"} else {} end;

def room_of:
    (.payload | row | .room | row) as $room
    | (.room_log | row | .room_id) as $logged
    | [$logged, $room.id_str, $room.id | select(is_id)] | .[0];

def channel_of:
    (.room_log | row | .channel_id) as $logged
    | if $logged | is_id then $logged else .channel | row | .id end;

# Only room_log names the customer of the room, and only the poll knows the
# operators. So all other messages are left to the poll: those without a
# room_log, who joined, and what operators and bots wrote. A resolving has a
# webhook of its own.
def is_of_customer:
    (.payload | row) as $payload
    | ($payload.message | row) as $m
    | ($payload.from | row | .email) as $writer
    | (.room_log | row | .user_id) as $customer
    | all(.type, $payload.type, $m.type; . != "system_event")
      and ($m | is_bot_reply | not)
      and ($customer | given)
      and ($writer | tostring) == ($customer | tostring);

# A message of a customer; if the id is 0, only the next poll has it.
def posted($room):
    (.payload | row) as $payload
    | channel_of as $channel
    | ($payload.message | row) as $m
    | ([$m.id, $m.id_str | select(is_id)] | .[0]) as $id
    | if $id == null or $room == null or (is_of_customer | not) then empty
      else {type: "message", id: $id, chat: $room, channel: $channel,
            at: ([$m.timestamp, $m.created_at | select(given)] | .[0]),
            from: "customer", user: ($payload.from | row | .email),
            kind: ($m | content_kind), text: $m.text} end;

# A room that does not wait has an agent, whom the next poll finds.
def new_session($in):
    room_of as $room
    | .room_log
    | if .is_waiting == true then
          {type: "chat", chat: $room, at: $in.now, status: "open",
           customer: .user_id, customer_name: (.name | some_text),
           customer_phone: (if .source == "wa" then .user_id else null end),
           channel: .channel_id,
           tags: needed($in; .channel_id)}
      else empty end;

# Payloads of other kinds, such as those of custom buttons, have a room_id too;
# but only an allocation names the customer by an email beside it.
def is_allocation:
    has("room_id") and has("email");

# Only an allocation has it, as a text.
def is_of_another_app($app):
    $app != null and (.app_id | type == "string" and given and . != $app);

def hook_read:
    . as $in
    | .payload
    | if type != "object" then error("the payload is not an object")
      elif is_of_another_app($in.options.account) then
          {refused: "it is of app \(.app_id), not of \($in.options.account)"}
      elif (.service | type) == "object" then
          {records: [resolved($in)]} + resolved_once
      elif (.room_log | type) == "object" then
          {records: [new_session($in), posted(room_of)]}
      elif (.payload | type) == "object" then {records: [posted(room_of)]}
      elif is_allocation then {records: [allocation($in)]}
      else {unknown: ([.webhook_type, .type | strings, "no name"] | .[0])}
      end;

# What can be registered: the name in the path, and what the flags of the app
# are called. That takes the token of an admin, not the app's secret key.
# Sessions need no webhook: their first message is reported as one in a room
# without an agent.
def webhooks:
    [{id: "agent_allocation", flag: "allocate_agent"},
     {id: "mark_as_resolved", flag: "mark_as_resolved"}];

def hooks_request:
    {host: "admin", path: "/api/v2/admin/webhook_config"};

# The flags may stand at any depth.
def shown_hook($id; $flag):
    [.. | objects | select(has($flag + "_webhook_url"))] | .[0] // {}
    | .[$flag + "_webhook_url"] as $url
    | select($url | given)
    | {id: $id, url: $url, events: [$id],
       active: .["is_" + $flag + "_webhook_enabled"], secret: null};

def hooks_read:
    .answer as $answer
    | {hooks: [webhooks[] as $w | $answer | shown_hook($w.id; $w.flag)]};

def set_hook($id; $url; $on):
    {host: "admin", path: @uri "/api/v1/app/webhook/\($id)",
     form: {webhook_url: $url, is_webhook_enabled: $on}};

def hook_add_request:
    set_hook(.cursor // webhooks[0].id; .hook.url; true);

def hook_add_read:
    (.cursor // webhooks[0].id) as $id
    | .hook.url as $url
    | {hooks: [{id: $id, url: $url, events: [$id], active: true,
                secret: null}],
       next: (if $id == webhooks[0].id then webhooks[1].id else null end)};

def hook_remove_request:
    set_hook(.hook.id; .hook.url; false);

def hook_remove_read:
    {hooks: []};

# --- the self-check ---

def check_request:
    {path: "/api/v2/admin/agents", query: {page: 1, limit: 1}};

def check_read:
    {info: ({"app": .options.account,
             "accounts": (.answer.meta | row | .total_count)}
            | with_entries(select(.value != null)))};
