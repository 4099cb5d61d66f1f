# chatwoot.jq: webhooks of Chatwoot as records. Chatwoot is not polled yet: a
# poll of it is an error that says so. The contract of the functions is at the
# head of prelude.jq.
#
# What Chatwoot reports and what it does not:
#
# - A webhook that was not accepted is not sent again, and the order may change.
# - A conversation keeps its id and its created_at when it is opened again.
#   conversation_updated reports closing, opening, hand-off and transfer in
#   changed_attributes. conversation_status_changed comes beside it with null
#   there, or with less, or not at all: it only shows the current state. So each
#   change is read from one event, and its id and time are made from the time
#   at which it was saved, so that a repeat is the same record.
# - Every event shows the whole conversation as it is when the event is sent,
#   which is later than the change: it becomes a chat record as of updated_at,
#   and the newest counts. Servers of 2023 show no updated_at; timestamp is the
#   last message's, so there it is as of now.
# - When a conversation was resolved is told by the change of its status alone:
#   all that is written into it later moves updated_at, and resolving itself
#   writes a survey, before the change is told. So other events make no chat
#   record of a resolved one, but for those of resolved_at and message_chat.
# - What opens a conversation and assigns it at once (automatic assignment) is
#   reported as a transfer alone; a hand-off by a bot is lost then.
# - Users and contacts have separate ids, which may be the same number; from
#   says which one it is.
# - There is no list of the operators: their names stand where they write or
#   are the assignee.
# - Deleting a conversation raises no event.

# The account is in the paths; a null among the headers says that it is missing.
def about:
    {auth: {header: "api_access_token", prefix: ""},
     headers: (if .options.account == null then {account: null} else {} end),
     hooks: {
         sign: {header: "X-Chatwoot-Signature",
                timestamp: "X-Chatwoot-Timestamp",
                prefix: "sha256=",
                parts: ["timestamp", ".", "body"],
                key: "secret"}}};

def hook_events:
    ["conversation_created", "conversation_status_changed",
     "conversation_updated", "message_created", "message_updated"];

# Events without anything that is counted.
def silent_events:
    ["contact_created", "contact_updated", "webwidget_triggered",
     "inbox_created", "inbox_updated", "conversation_typing_on",
     "conversation_typing_off"];

def not_polled:
    error("Chatwoot is not polled yet, it only pushes; see WEBHOOKS in messaging-listen(7)");
def operators_request: not_polled;
def chats_request: not_polled;
def messages_request: not_polled;

# --- times and texts ---

# A number of seconds or a text; 0 and "" are absent.
def given:
    if . == 0 or . == "" then null else . end;

# The second of a time, a number; null if it is none.
def second:
    if type == "number" then floor
    elif type == "string" then
        sub("[.][0-9]+"; "") | sub(" UTC$"; "Z") | sub(" "; "T")
        | try fromdateiso8601 catch null
    else null end;

def text_or_null:
    if type == "string" and . != "" then . else null end;

def member($name):
    if type == "object" then .[$name] else null end;

# --- conversations ---

# {previous_value, current_value} of an attribute that changed, or null.
def change($name):
    [.changed_attributes | arrays | .[] | objects | .[$name] | objects] | .[0];

# The time as of which a conversation is shown.
def as_of($now):
    (.updated_at | given) // $now;

# The time at which the change was saved.
def changed_at($now):
    (change("updated_at").current_value | given) // as_of($now);

# A status of a later version, or a type of message, makes a record that is
# refused; what else the webhook tells counts.
def status_name:
    if . == "open" or . == "pending" or . == "snoozed" then .
    elif . == "resolved" then "closed"
    else "unknown: \(.)" end;

# The assignee, if it is a person. Older servers do not give the type.
def assignee_id:
    if (.meta.assignee_type // "User") == "User"
    then .meta.assignee | member("id") else null end;

# The messages that the vendor documents have the latter alone.
def chat_id:
    .id // .display_id;

def message_types:
    ["incoming", "outgoing", "activity", "template"];

# By name from webhooks, by number elsewhere.
def message_type:
    .message_type
    | if type == "number" then message_types[.] else . end;

def is_automated:
    (.content_attributes | member("automation_rule_id")) != null
    or (.additional_attributes | member("campaign_id")) != null;

# Whether updated_at is that of a change of the status: not where the last
# message may be newer, nor where resolving may have written it, such as the
# survey; an activity that comes after it moves updated_at once more. A note,
# which a rule may write before the change is told, shows in last_activity_at
# alone.
def untouched:
    ([.messages | arrays | .[] | objects] | .[-1]) as $last
    | (.updated_at | given | second) as $updated
    | ($last | . != null
       and (message_type == "template" or is_automated) | not)
      and ($last.created_at | given | second) < $updated
      and (.last_activity_at | given | second) < $updated;

# When a resolved conversation was resolved; nothing where it does not say.
def resolved_at($now):
    change("status") as $change
    | if $change.current_value == "resolved"
         and (change("updated_at").current_value | given) != null
      then changed_at($now)
      elif ($change != null or .event == "conversation_status_changed")
           and untouched
      then as_of($now)
      else empty end;

# closing is when it was resolved, if it is; without one there is no record.
def chat($now; closing):
    as_of($now) as $at
    | (.status | status_name) as $status
    | (if $status == "closed" then closing else null end) as $closed_at
    | .meta.sender as $customer
    | {type: "chat",
       chat: chat_id,
       at: $at,
       status: $status,
       operator: assignee_id,
       customer: ($customer | member("id")),
       customer_name: ($customer | member("name") | text_or_null),
       customer_phone: ($customer | member("phone_number") | text_or_null),
       channel: .inbox_id,
       tag: ([.labels | arrays | .[] | text_or_null] | .[0]),
       opened_at: (.created_at | given),
       closed_at: $closed_at};

def system_message($now; $kind):
    changed_at($now) as $at
    | {type: "message",
       id: "\($kind)-\(if $at | type == "number" then $at * 1000 | floor
                       else $at end)",
       chat: chat_id, channel: .inbox_id, at: $at, from: "system", kind: $kind};

# A bot's conversations are pending until it hands them over.
def status_message($now):
    change("status")
    as {previous_value: $from, current_value: $to}
    | if $to == "resolved" then system_message($now; "closed")
      elif $to == "open" and $from == "pending"
      then system_message($now; "handoff")
      elif $to == "open" then system_message($now; "opened")
      else empty end;

def assignee_message($now):
    change("assignee_id") as $change
    | if $change == null then empty
      else system_message($now; "assigned")
           | .operator = $change.current_value end;

# --- messages ---

def content_kind:
    ([.attachments | arrays | .[] | member("file_type") | text_or_null] | .[0])
    // (.content_type | text_or_null) // "text";

def is_bot($bots):
    . as $id | any($bots[]; . == ($id | tostring));

def is_person($bots):
    member("type") == "user" and (member("id") | is_bot($bots) | not);

# Chatwoot marks what a person typed on the phone that is paired with the inbox
# by external_echo; forks mark it by the other two.
def is_typed_on_phone:
    .content_attributes as $attributes
    | any("external_echo", "external_sender_name", "sent_from_device";
          . as $mark | $attributes | member($mark)
          | . != null and . != false and . != "");

# A contact has no type. Without a sender it is the system, unless it was typed
# on the phone; then a bridge may have sent it to Chatwoot under an account of
# its own.
def outgoing($bots):
    (.sender | member("type")) as $type
    | (.sender | member("id")) as $id
    | (.sender | is_person($bots)) as $is_person
    | if $is_person then {from: "operator", user: $id, operator: $id}
      elif is_typed_on_phone then {from: "operator"}
      elif $type == "user" then {from: "bot", user: $id}
      elif $type == null then {from: "bot", automated: true}
      else {from: "bot", user: $id} end;

def author($bots):
    message_type as $type
    | if $type == "incoming" then
          {from: "customer", user: (.sender | member("id"))}
      elif $type == "outgoing" then outgoing($bots)
      elif $type == "template" then {from: "bot", automated: true}
      elif $type == "activity" then {from: "system"}
      else {from: "unknown: \($type)"} end;

# An answering machine of the customer's mail.
def is_auto_reply:
    message_type == "incoming"
    and (.content_attributes | member("email") | member("auto_reply")) == true;

# An emoji on another message, of forks and bridges: it asks nothing and answers
# nothing.
def is_reaction:
    .content_attributes | member("is_reaction")
    | tostring | . == "true" or . == "1";

# The sender of what a deleted user wrote is null. Later versions of a message
# win, and its first one told who wrote it.
def lacks_author:
    .event == "message_updated"
    and (message_type | . == "incoming" or . == "outgoing")
    and (.sender | member("id")) == null
    and (is_automated | not)
    and (is_typed_on_phone | not);

# A reply that could not be delivered: the customer has not seen it.
def has_failed:
    .status == "failed"
    or (.content_attributes | member("external_error") | text_or_null) != null;

def message($in):
    select((is_reaction or lacks_author) | not)
    | {type: "message",
       id,
       chat: (.conversation | chat_id),
       channel: ((.inbox | member("id")) // .conversation.inbox_id),
       at: ((.created_at | given) // $in.now),
       kind: content_kind,
       private: (.private == true or has_failed),
       automated: (is_automated or is_auto_reply),
       text: .content}
      + (author($in.options.bot_operators)
         | if .from == "system" then .kind = "other" else . end)
    | if $in.payload.event == "message_updated"
      then .updated_at = $in.now else . end;

# --- operators ---

# stale: the name alone. Who is named is neither in a directory nor available,
# and allocation gives chats to operators whose availability it is not told.
def name_of:
    {type: "operator", operator: .id, name: (.name | text_or_null),
     stale: true}
    | select((.operator | given) != null and .name != null);

# Of the payload of any event, each once.
def names($bots):
    [(.conversation // . | select(assignee_id != null) | .meta.assignee | objects),
     (.sender | objects | select(is_person($bots)))
     | name_of]
    | unique_by(.operator | tostring)[];

# --- webhooks ---

# What a blocked or muted contact writes does not open a resolved conversation;
# it does open the chat, so the conversation is told as it stands after it.
def message_chat($now):
    (.event == "message_created" and message_type == "incoming"
     and ((is_reaction or is_auto_reply) | not)) as $opens
    | .conversation
    | select(.status != null)
    | chat($now; if $opens then as_of($now) else empty end);

def is_of_another_account($account):
    (.account | member("id")) as $id
    | $account != null and $id != null and ($id | tostring) != $account;

def hook_read:
    . as $in
    | .now as $now
    | .options.bot_operators as $bots
    | .payload
    | if is_of_another_account($in.options.account) then
          {refused: ("it is of account \(.account.id), not of "
                     + $in.options.account)}
      elif .event == "message_created" or .event == "message_updated" then
          {records: [message_chat($now), message($in), names($bots)]}
      elif .event == "conversation_created" then
          {records: [chat($now; as_of($now)), names($bots)]}
      elif .event == "conversation_status_changed" then
          {records: [chat($now; resolved_at($now)), names($bots)]}
      elif .event == "conversation_updated" then
          {records: [chat($now; resolved_at($now)), assignee_message($now),
                     status_message($now), names($bots)]}
      elif .event as $event | any(silent_events[]; . == $event)
      then {records: []}
      else {unknown: "\(.event)"} end;

def account_path:
    "/api/v1/accounts/\(.options.account | @uri)/webhooks";

def listed:
    {id, url, events: .subscriptions, active: true, secret};

def hooks_request:
    {path: account_path};

def hooks_read:
    {hooks: [.answer.payload.webhooks[] | listed]};

# A webhook that exists already keeps its secret.
def hook_add_request:
    {path: (account_path + (if .hook.id == null then "" else "/\(.hook.id)" end)),
     method: (if .hook.id == null then "POST" else "PATCH" end),
     body: {webhook: {url: .hook.url, name: "messaging-analytics",
                      subscriptions: hook_events}}};

def hook_add_read:
    {hooks: [.answer.payload.webhook | listed]};

def hook_remove_request:
    {path: "\(account_path)/\(.hook.id)", method: "DELETE"};
