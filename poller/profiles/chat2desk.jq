# chat2desk.jq: requests to Chat2Desk, and how its answers become records.
# messaging-profile(5) says what each function gets and returns.
#
# What Chat2Desk reports and what it does not:
#
# - A dialog is the permanent thread of one customer on one channel. A contact
#   in it is a request; last_request_id names the current one, so opened_at is
#   the first message with that request_id. Clusters without request ids: the
#   message after the last closing that was read, else the dialog's begin.
# - It does not report hand-offs by a bot. Closings and transfers are reported
#   only where a system message says so in extra_data.system_type or in an
#   unambiguous text; every other system message is of kind other.
# - It shows a message about a minute late in /messages; the list of dialogs
#   shows it at once (last_message), so that one is taken from the list.
# - operator_id of a message from the customer is the dialog's operator and
#   says nothing about the author.
# - Its times look like "2026-07-10T17:57:56 UTC" and are exact to the second.

def page_size: 200;

# The name of the header with the time is not documented, nor whether a webhook
# is signed again when it comes again, which it does for up to 2:05:10.
def about:
    {url: "https://api.chat2desk.com/v1",
     auth: {header: "Authorization", prefix: ""},
     backfill: 120,
     hooks: {sign: {header: "X-Signature", timestamp: "X-Timestamp",
                    parts: ["body", "timestamp"], key: "md5 of token",
                    window: 10800}}};

# What was asked for does not exist. A missing operator is none of it: it does
# not mean that the dialog is gone.
def is_missing:
    test("^not.found\\b"; "i")
    or test("\\b(dialog|chat|request|message|client)(_id)?( with)?( id)?[ #:=]*[0-9]* ?"
            + "(was |is )?not.found"; "i");

# Errors share one envelope, also under HTTP 200, and which status goes with
# which is not documented: the text counts first, then the status. But what is
# "not found" under a 502 may be the proxy's server.
def failure:
    if .status < 300
       and (.answer | if type == "object" then .status else null end) != "error"
    then null
    else
        (.answer | if type == "object" then [.message, .errors, .error] else . end
         | flat_text) as $text
        | {message: $text,
           error: (if $text | test("API limit per month") then "quota"
                   elif $text | test("requests exceeded") then "throttled"
                   elif $text | test("oken is not correct|specify your token|need to auth")
                       then "denied"
                   elif .status | is_temporary then "later"
                   elif $text | test("Page not found|operator not.found")
                       then "unusable"
                   elif (.status < 300 or .status == 400 or .status == 422)
                        and ($text | is_missing) then "gone"
                   else http_failure.error? // "unusable" end)}
    end;

def meta:
    .answer.meta | if type == "object" then . else {} end;

# Whether a page says that there is more, with $before rows before it: it is
# full, also by a smaller limit that the CRM says it has, or does not reach the
# total. So neither a total that is too small nor a page that is smaller than we
# want ends a list.
def has_more($rows; $before):
    ($rows | length) as $n
    | (meta.total | number) as $total
    | $n > 0
      and ($n >= ([meta.limit | number // page_size, page_size] | min)
           or ($total != null and $before + $n < $total));

# All lists but /messages obey limit and offset. When the total shrinks between
# two pages, as many rows may have moved to the pages before: the page is read
# again from further up, and from then on pages overlap, so that the next rows
# that leave cost no page. overlap: how many of its rows a page has before those
# that are due, which may leave unnoticed. A full page that ends at the total is
# the last one: another call would be paid for. A total that is less than what
# was read is wrong, so it ends nothing.
def next_offset($rows):
    (.cursor // {offset: 0, moved: 0, overlap: 0}) as $cursor
    | ($rows | length) as $n
    | (meta.total | number) as $total
    | (if $cursor.total == null or $total == null then 0
       else $cursor.total - $total end) as $shrunk
    | if $shrunk > $cursor.overlap then
          ([2 * $shrunk, page_size / 2] | min) as $overlap
          | {offset: ([$cursor.offset + $cursor.overlap - $shrunk - $overlap, 0]
                      | max),
             total: $total, moved: ($cursor.moved + 1), overlap: $overlap}
      elif (has_more($rows; $cursor.offset) | not)
           or $cursor.offset + $n == $total then null
      else
          ([$cursor.overlap, ($n / 2 | floor)] | min) as $overlap
          | {offset: ($cursor.offset + $n - $overlap), total: $total,
             moved: $cursor.moved, overlap: $overlap}
      end;

# How many rows a page that is empty lacks of its own total.
def lacking($rows):
    (meta.total | number // 0) - (.cursor.offset // 0)
    | if $rows == [] and . > 0 then . else 0 end;

# The records of a page of such a list. One that moves without end, or ends
# before its total, is not a list of what there is.
def listed($rows; records):
    next_offset($rows) as $next
    | (if $next == null then lacking($rows) else 0 end) as $lacking
    | if $next.moved > 10 then
          {error: "later",
           message: "rows leave the list faster than it can be read"}
      elif $lacking > 0 then
          ends_short($lacking; meta.total)
      else {records: [records], next: $next} end;

# "", 0 and "0" count as absent.
def given:
    . != null and . != "" and . != [] and . != 0 and . != "0";

# Who there is; ids come as numbers or as texts.
def as_id:
    if given then . else null end;

# --- operators ---

def operators_request:
    {path: "/operators",
     query: {limit: page_size, offset: (.cursor.offset // 0)}};

# Disabled accounts may keep online = 1, so they are left out first.
def is_off:
    . == "disabled" or . == "deleted" or . == "unconfirmed";

# Works now, and is on no break.
def is_free:
    (.online == 1 or .online == true or .online == "1")
    and (.offline_type // "") == "";

def full_name:
    [.first_name, .last_name | strings] | join(" ")
    | gsub("^\\s+|\\s+$"; "")
    | if . == "" then null else . end;

def operators_read:
    rows(.data) as $rows
    | listed($rows;
             $rows[] | row
             | select((.role | is_off | not) and (.status | is_off | not))
             | {type: "operator",
                operator: .id,
                name: (full_name // .email),
                available: is_free,
                reported_open_chats: .opened_dialogs});

# --- messages: of the lists of dialogs and of messages ---

# The kind of a service line: "closed", "opened", "assigned", else "other".
# Words count only where they are unambiguous.
def system_kind:
    .extra_data as $data | .text as $text
    | if ($data | type) == "object" and ($data.system_type | type) == "string"
      then
          if $data.system_type | test("reopen|opened"; "i") then "opened"
          elif $data.system_type | test("close"; "i") then "closed"
          elif ($data.system_type | test("transfer|assign"; "i"))
               and ($data.operator_id | given) then "assigned"
          else "other" end
      elif ($text | type) == "string"
           and ($text | startswith("Chat") or startswith("Dialog") or startswith("Request"))
      then
          if $text | test("^\\w+( \\S+)? (was |has been )?closed\\b") then "closed"
          elif $text | test("^\\w+( \\S+)? (was |has been )?re-?opened\\b") then "opened"
          else "other" end
      else "other" end;

def content_kind:
    if .photo | given then "image"
    elif .video | given then "video"
    elif .audio | given then "audio"
    elif (.pdf | given) or (.attachments | given) then "file"
    elif .coordinates | given then "location"
    else "text" end;

def is_bot($bots):
    . as $id | $bots != [] and any($bots[]; . == ($id | tostring));

# Called for every message of every page, so it must be fast.
def message($chat; $bots):
    .type as $type | (.operator_id | as_id) as $operator
    | {type: "message", id, chat: $chat, channel: .channel_id,
       at: .created, episode: (.request_id | as_id), text}
    + if $type == "from_client" then
          {from: "customer", user: .client_id, kind: content_kind}
      elif $type == "to_client" then
          if $operator == null then
              {from: "bot", automated: true, kind: content_kind}
          elif $operator | is_bot($bots) then
              {from: "bot", user: $operator, kind: content_kind}
          else
              {from: "operator", user: $operator, operator: $operator,
               kind: content_kind}
          end
      elif $type == "comment" then
          {from: "operator", user: $operator, operator: $operator,
           private: true, kind: content_kind}
      elif $type == "system" then
          system_kind as $kind
          | {from: "system", kind: $kind,
             operator: (if $kind == "assigned" then .extra_data.operator_id
                        else null end)}
      else # autoreply, and null: an automatic survey
          {from: "bot", automated: true, kind: content_kind}
      end;

# --- chats ---

# Sorted by id, so that a dialog that is new while we read comes last.
def chats_request:
    {path: "/dialogs",
     query: {state: "open", order: "asc", limit: page_size,
             offset: (.cursor.offset // 0)}};

# An unknown state does not drop a dialog: it is a status that cannot be
# read, of which the poller warns, whatever it means elsewhere.
def status:
    if .state == null then null
    elif .state == "closed" or (.end | given) then "closed"
    elif .state == "open" then "open"
    else [.state] end;

def newest:
    .last_message | if type == "object" then . else null end;

def chat:
    {type: "chat",
     chat: .id,
     status: status,
     operator: (.operator_id | as_id),
     customer: newest.client_id,
     channel: newest.channel_id,
     opened_at: .begin,
     closed_at: .end,
     episode: (.last_request_id | as_id),
     last: newest.id,
     mark: "\(newest.id) \(.last_request_id) \(.operator_id) \(.state)"};

# A dialog's last message, unless it has none.
def last_message($bots):
    .id as $id | .last_message
    | select(. != null) | row
    | select(. == {} or (.id != null and .created != null))
    | message($id; $bots);

def chats_read:
    rows(.data) as $rows
    | .cursor as $cursor
    | .options.bot_operators as $bots
    | if ($rows | length) >= 20 and ([$rows[] | row | select(status == "closed")] | length) * 2
         > ($rows | length)
      then {error: "unusable",
            message: "/dialogs ignores state=open: most rows are closed"}
      else
          listed($rows;
                 $rows[] | row | select(status != "closed")
                 | chat, last_message($bots))
          | .moved = (.next.moved // 0) > ($cursor.moved // 0)
      end;

def chat_request:
    {path: @uri "/dialogs/\(.chat.chat)"};

def chat_read:
    (.answer.data | if type == "array" then .[0] else . end) as $dialog
    | .options.bot_operators as $bots
    | if ($dialog | type) != "object" then error("the answer has no dialog")
      elif ($dialog | .state | type) != "string"
      then error("the dialog has no state")
      else {records: [$dialog | chat, last_message($bots)]}
      end;

def assign_request:
    {method: "PUT", path: @uri "/dialogs/\(.chat.chat)",
     body: {operator_id: (.operator | number_if_one)}};

# An answer that does not say who has the dialog is none: it is read again.
def assign_read:
    (.answer.data | if type == "array" then .[0] else . end) as $dialog
    | if ($dialog | type) != "object" then error("the answer has no dialog")
      elif $dialog | has("operator_id") | not then
          error("the answer does not say who has the dialog")
      else {operator: ($dialog.operator_id | as_id)} end;

# --- messages of one chat ---
# offset is ignored here. The newest page comes first; if it does not reach
# back to .known (or to the first message of the current request), the rest is
# read in ascending order by start_id, the lowest id to come, up to the newest
# page: {from: ID, until: ID}. Imported messages may have greater ids and earlier
# times. If the ids of the newest page do not descend, it is sorted by time, so
# it does not tell where the rest ends: then all from .known on are read.

def messages_request:
    {path: "/messages",
     query: ({dialog_id: .chat.chat, limit: page_size}
             + if .cursor == null then {order: "desc"}
               else {order: "asc", start_id: .cursor.from} end)};

# The server ignores an unsupported filter and returns messages of all chats.
def check_filter($rows; $chat):
    if [$rows[] | .dialog_id | values | tostring] - [$chat | tostring] == []
    then .
    else error("/messages ignores dialog_id: it shows other dialogs") end;

# Of a time as Chat2Desk writes it.
def is_before($seconds):
    type == "string"
    and . < ($seconds | floor | strftime("%Y-%m-%dT%H:%M:%S UTC"));

# A survey comes late: one of an earlier request may lie within the current.
def is_earlier($episode):
    (.type == "from_client" or .type == "to_client")
    and (.request_id | as_id | number | . != null and . < $episode);

# In the past, up to .since.
def reaches_back($rows; $in):
    ($in.chat.episode | number) as $episode
    | if $in.since != null then
          any($rows[]; .created | is_before($in.since))
      else
          ($in.known.last != null
           and any($rows[]; .id | tostring == $in.known.last))
          or ($in.options.history != "all" and $episode != null
              and any($rows[]; is_earlier($episode)))
      end;

# Whether the ids of the rows ascend; with -1, descend.
def are_ascending($sign):
    [.[] | .id | number | values | . * $sign] | . == sort;

def next_messages($rows; $in):
    if has_more($rows; 0) | not then null
    elif $in.cursor == null then
        if $rows | are_ascending(-1) | not then {from: ($in.known.last // 1)}
        elif reaches_back($rows; $in) then null
        else {from: ($in.known.last // 1), until: $rows[-1].id} end
    elif any($rows[]; .id == $in.cursor.until)
         or ($rows[-1].id | tostring) == ($in.cursor.from | tostring)
    then null
    else $in.cursor | .from = $rows[-1].id end;

# A chat of the list has messages: one that shows none of those it counts is not
# an answer. The only one, which it shows late, is in the list already.
def messages_read:
    . as $in
    | rows(.data) as $rows
    | check_filter($rows; $in.chat.chat)
    | if $rows == [] and (meta.total | number // 0) > 1 then
          {error: "later",
           message: "it shows none of the \(meta.total) messages"}
      elif .cursor != null and ($rows | are_ascending(1) | not) then
          error("/messages ignores order=asc: its ids do not ascend")
      else
          {records: [$rows[]
                     | message($in.chat.chat; $in.options.bot_operators)],
           next: next_messages($rows; $in)}
      end;

# --- the past ---
# The order of a list of dialogs is not documented, and a dialog is permanent: one
# of long ago may have new requests. So both lists are read to their ends.

def past_state:
    .cursor.state // "closed";

def past_request:
    {path: "/dialogs",
     query: {state: past_state, order: "asc", limit: page_size,
             offset: (.cursor.offset // 0)}};

def past_read:
    past_state as $state
    | (.cursor.moved // 0) as $moved
    | rows(.data) as $rows
    | listed($rows; $rows[] | row | chat + {last_at: newest.created})
    | if .error != null then .
      elif .next != null then
          .moved = .next.moved > $moved | .next.state = $state
      elif $state == "closed" then
          # Both lists may be empty.
          .moved = true
          | .next = {offset: 0, moved: 0, overlap: 0, state: "open"}
      else . end;

# --- customers ---

def customer_request:
    {path: @uri "/clients/\(.customer)"};

# On a channel without phone numbers, phone is an id of the channel, such as
# "[tg] 807892" or "[chat] a72b222c". A customer without a name is called by
# what is in phone, or "unknown".
def client_name:
    .phone as $phone
    | [.assigned_name, .name | strings
       | select(. != "" and . != "unknown" and . != $phone)]
    | .[0];

def client_phone:
    [.phone, .client_phone | strings
     | select(. != "" and (startswith("[") | not))]
    | .[0];

def customer_read:
    .customer as $asked
    | .answer.data
    | if type != "object" then error("the answer has no client")
      elif (.id | tostring) != ($asked | tostring)
      then error("the answer is about another client")
      else . end
    | {records: [
           {type: "customer",
            customer: .id,
            customer_name: client_name,
            customer_phone: client_phone,
            tag: ([.tags | arrays | .[] | .label | strings] | .[0])}]};

# --- webhooks ---

def hook_events:
    ["inbox", "outbox", "comment", "system_message", "imported_message",
     "new_request", "close_dialog", "dialog_transferred",
     "operator_status_changed"];

# Events without anything that is counted.
def silent_hooks:
    ["outbox_status", "new_client", "client_updated",
     "client_added_to_blacklist", "close_request", "add_tag_to_client",
     "add_tag_to_request", "delete_tag_from_client", "delete_tag_from_request",
     "new_qr_code", "new_ticket", "ticket_updated", "ticket_deleted"];

def hook_time($now):
    if .event_time | given then .event_time else $now end;

# A time to the second, as that of a signature, may be any of the second.
def is_of_second:
    (type == "number" and . == floor)
    or (type == "string" and test("^[0-9T:-]{19}Z$"));

# What decides a state counts as of the last, behind what is told more exactly.
def latest_of_second:
    if is_of_second | not then .
    elif type == "number" then . + 0.999
    else sub("Z$"; ".999Z") end;

# To the second, as /messages has it: the same message from both counts once.
def hook_second($now):
    hook_time($now)
    | if type == "number" then floor else tostring | sub("[.][0-9]+"; "") end;

# The type is left out where the event implies it; null is a survey.
def hook_message($in):
    .hook_type as $hook
    | . + {id: .message_id, created: hook_second($in.now)}
    | if has("type") then . else
          .type = ({inbox: "from_client", outbox: "to_client",
                    comment: "comment", system_message: "system"}[$hook]) end
    | message(.dialog_id; $in.options.bot_operators);

# The vendor documents an inbox, of a new request, whose dialog_id is empty.
# Nothing else in it names the dialog: the request is new and the dialog may be.
# The listener does not ask the CRM, because calls are paid for.
def of_no_dialog:
    error("\(.hook_type) names no dialog (its dialog_id is empty), so it is not "
          + "known which chat it belongs to; the next poll reads it there");

# A customer who writes opens the dialog; operator_id is its assignee then.
def inbox_chat($now):
    hook_time($now) as $at
    | {type: "chat", chat: .dialog_id, at: $at, status: "open",
       operator: (.operator_id | as_id), customer: .client_id,
       channel: .channel_id,
       opened_at: (if .is_new_request == true then hook_second($now)
                   else null end)}
    + (.client | if type == "object" then
           {customer_name: client_name, customer_phone: client_phone}
       else {} end);

def hook_system($now; $kind; $name):
    hook_time($now) as $at
    | {type: "message", id: "\($kind)-\($name // $at)", chat: .dialog_id,
       channel: .channel_id, at: $at, from: "system", kind: $kind};

# Two within a second are in the order in which they came: of one time the
# greater id is later.
def hook_transfer($in):
    (.operator_id | as_id) as $to
    | hook_time($in.now) as $at
    | (hook_system($in.now; "assigned"; null) | .operator = $to) as $told
    | if $at | is_of_second | not then {records: [$told]}
      else
          {once: "transfer \(.dialog_id) \($at) \($to)",
           records: [$told | .at = ($at | latest_of_second)
                     | .id = "assigned-\($in.received * 1000 | round)-\($to)"]}
      end;

# An event without event_time has the time of its signature: when it comes again
# it counts once, as far as it is not signed again.
def hook_read:
    .received = .now | .now = (.signed // .now) | . as $in
    | .now as $now
    | .payload
    | .hook_type as $hook
    | if $hook != "operator_status_changed"
         and any(hook_events[]; . == $hook)
         and (.dialog_id | given | not) then of_no_dialog
      elif $hook == "inbox" then
          {records: [inbox_chat($now), hook_message($in)]}
      elif any("outbox", "comment", "system_message", "imported_message";
               . == $hook) then
          {records: [hook_message($in)]}
      elif $hook == "new_request" then
          # A survey is a request of its own, in which no customer waits.
          {records: [select(.type != "rating")
                     | hook_system($now; "opened";
                                   [.request_id, .id | select(given)] | .[0])]}
      elif $hook == "close_dialog" then
          # Not a message: the closing may come as one, by system_message.
          hook_time($now) as $at
          | {records: [{type: "chat", chat: .dialog_id,
                        at: ($at | latest_of_second), status: "closed",
                        operator: (.operator_id | as_id), closed_at: $at}]}
      elif $hook == "dialog_transferred" then hook_transfer($in)
      elif $hook == "operator_status_updated"
           or $hook == "operator_status_changed" then
          # One that comes again is older than what was told since.
          {records: [{type: "operator", operator: .id, available: is_free,
                      available_at: (hook_time($now) | latest_of_second)}]}
      elif any(silent_hooks[]; . == $hook) then {records: []}
      else {unknown: "\($hook)"} end;

def hooks_request:
    {path: "/webhooks", query: {limit: page_size, offset: (.cursor.offset // 0)}};

def hooks_read:
    rows(.data) as $rows
    | {hooks: [$rows[] | {id, url, events, active: (.status != "disable"),
                          secret: null}],
       next: next_offset($rows)};

def hook_add_request:
    {path: ("/webhooks" + (if .hook.id == null then "" else "/\(.hook.id)" end)),
     method: (if .hook.id == null then "POST" else "PUT" end),
     body: {name: "messaging-analytics", url: .hook.url, events: hook_events,
            status: "enable"}};

def hook_add_read:
    {hooks: []};

def hook_remove_request:
    {path: "/webhooks/\(.hook.id)", method: "DELETE"};

# --- the self-check ---

def check_request:
    {path: "/companies/api_info"};

# {"used": 1, "left": 9} as "used 1, left 9".
def in_words:
    if type == "object" then
        to_entries | map("\(.key | gsub("_"; " ")) \(.value | in_words)")
        | join(", ")
    else . end;

def check_read:
    .answer
    | if (.data | type) == "object" then .data else . end
    | {info: ({company: .company_name,
               "API version": .current_version,
               "calls this month": .requests_this_month,
               "API calls": (.api_calls | in_words)}
              | with_entries(select(.value != null)))};
