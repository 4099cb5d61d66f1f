# chatwoot.jq: requests to Chatwoot, and how its answers and webhooks become
# records. messaging-profile(5) says what each function gets and returns.
#
# What Chatwoot reports and what it does not:
#
# - Lists of conversations have page numbers, 25 rows a page, but for what
#   changed in the last seconds (updated_within), which is one page. So a poll
#   asks for changes, and now and then for all: a deleted conversation, or one of
#   an inbox that the token sees no more, is in no list of changes.
# - Closings, openings and assignments are among the messages, as lines in the
#   language of the account; newer servers add the status.
# - REST shows times in seconds and types as numbers, webhooks times in
#   milliseconds and types by name. A message counts once, so where it is polled,
#   too, its time is cut to the second.
# - A policy that forbids something is a 401, as a wrong token is.
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
# - Users, contacts and agent bots have separate ids, which may be the same
#   number; from says which one it is. An agent bot that has a conversation is
#   its operator, "bot-ID", so the conversation is not unassigned.
# - Deleting a conversation raises no event.
# - Chatwoot assigns a conversation to any agent of the account that it is asked
#   for. Only members of an inbox and of a team see what is assigned to them, so
#   where we assign, both are tags.

# The account is in the paths; a null among the headers says that it is missing.
# Chatwoot's pages write api_access_token, but many proxies drop headers with
# underscores. Ruby's servers read both spellings as one header, and older ones
# join them if both are sent.
def about:
    {auth: {header: "Api-Access-Token", prefix: ""},
     headers: (if .options.account == null then {account: null} else {} end),
     operators_first: true,
     begins_unassigned: true,
     changes: 3600,
     backfill: 300,
     period: 60,
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

def account_path:
    "/api/v1/accounts/\(.options.account | @uri)";

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

# By name, or by the number that the database has.
def status_word:
    if type == "number" and . >= 0
    then ["open", "resolved", "pending", "snoozed"][.] // . else . end;

def status_change:
    change("status")
    | values | map_values(status_word);

# A status of a later version, or a type of message, makes a record that is
# refused; what else the webhook tells counts.
def status_name:
    status_word
    | if . == "open" or . == "pending" or . == "snoozed" then .
    elif . == "resolved" then "closed"
    else "unknown: \(.)" end;

def bot_id:
    given | if . == null then null else "bot-\(.)" end;

# Older servers do not give the type.
def assignee_id:
    (.meta.assignee_type // "User") as $type
    | .meta.assignee | member("id")
    | if $type == "User" then .
      elif $type == "AgentBot" then bot_id
      else null end;

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
    ([status_change] | .[0]) as $change
    | if $change.current_value == "resolved"
         and (change("updated_at").current_value | given) != null
      then changed_at($now)
      elif ($change != null or .event == "conversation_status_changed")
           and untouched
      then as_of($now)
      else empty end;

# What the operator needs.
def needed($in):
    if $in.options.assign
    then [(.inbox_id | given | values | "inbox-\(.)"),
          (.meta.team | member("id") | given | values | "team-\(.)")]
         | join(",") | some_text
    else null end;

# closing is when it was resolved, if it is; without one there is no record. A
# closing that polls read, too, is told to the second, as they tell it.
def chat($in; closing):
    as_of($in.now) as $at
    | (.status | status_name) as $status
    | (if $status != "closed" then null
       elif $in.options.polled then closing | second
       else closing end) as $closed_at
    | .meta.sender as $customer
    | {type: "chat",
       chat: chat_id,
       at: $at,
       status: $status,
       operator: assignee_id,
       customer: ($customer | member("id")),
       customer_name: ($customer | member("name") | some_text),
       customer_phone: ($customer | member("phone_number") | some_text),
       channel: .inbox_id,
       tag: ([.labels | arrays | .[] | some_text] | .[0]),
       tags: needed($in),
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
    status_change as {previous_value: $from, current_value: $to}
    | if $to == "resolved" then system_message($now; "closed")
      elif $to == "open" and $from == "pending"
      then system_message($now; "handoff")
      elif $to == "open" then system_message($now; "opened")
      else empty end;

# To a person, to a bot, or to nobody.
def assignee_message($now):
    change("assignee_id") as $person
    | change("assignee_agent_bot_id") as $bot
    | if $person == null and $bot == null then empty
      else system_message($now; "assigned")
           | .operator = ($person.current_value
                          // ($bot.current_value | bot_id)) end;

# --- messages ---

def content_kind:
    ([.attachments | arrays | .[] | member("file_type") | some_text] | .[0])
    // (.content_type | some_text) // "text";

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
    (.sender | member("id")) as $id
    | if .sender | is_person($bots)
      then {from: "operator", user: $id, operator: $id}
      elif is_typed_on_phone then {from: "operator"}
      elif (.sender | member("type")) == null
      then {from: "bot", automated: true}
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
    or (.content_attributes | member("external_error") | some_text) != null;

def written($chat; $channel; $bots):
    select(is_reaction | not)
    | {type: "message",
       id,
       chat: $chat,
       channel: $channel,
       at: (.created_at | given | second),
       kind: content_kind,
       private: (.private == true or has_failed),
       automated: (is_automated or is_auto_reply),
       text: .content}
      + (author($bots)
         | if .from == "system" then .kind = "other" else . end);

def message($in):
    select(lacks_author | not)
    | (.created_at | given) as $created
    | written(.conversation | chat_id;
              (.inbox | member("id")) // .conversation.inbox_id;
              $in.options.bot_operators)
    | .at = ((if $in.options.polled then .at else $created end) // $in.now)
    | if $in.payload.event == "message_updated"
      then .updated_at = $in.now else . end;

# --- operators ---

# stale: the name alone. Who is named is neither in a directory nor available,
# and allocation gives chats to operators whose availability it is not told.
def name_of($id):
    {type: "operator", operator: $id, name: (.name | some_text),
     stale: true}
    | select((.operator | given) != null and .name != null);

# Of the payload of any event, each once.
def names($bots):
    [(.conversation // . | assignee_id as $id | .meta.assignee | objects
      | name_of($id)),
     (.sender | objects | select(is_person($bots)) | name_of(.id))]
    | unique_by(.operator | tostring)[];

# --- polls: operators ---
# Where we assign, the members of each inbox and team are asked for, too. The
# cursor is {operators: their records, todo: [{path, and list: "inbox" or "team"
# of a list of them, or tag of the members of one]}, tags: {OPERATOR: [TAG]}}.

def operators_request:
    {path: (account_path + (.cursor.todo[0].path // "/agents"))};

# Everybody who may have conversations; administrators answer, too.
def agents:
    [rows(.)[]
     | {type: "operator",
        operator: .id,
        name: ([.name, .available_name, .email | some_text | values] | .[0]),
        available: (.availability_status == "online")}];

# Some lists are in an object, some are not.
def listed_rows:
    rows(if type == "object" then .payload else . end);

def with_tags:
    .tags as $tags
    | [.operators[]
       | .tags = ($tags["\(.operator)"] // [] | join(",") | some_text)];

def operators_read:
    if (.options.assign | not) then {records: agents}
    elif .cursor == null then
        {records: [],
         next: {operators: agents, tags: {},
                todo: [{path: "/inboxes", list: "inbox"},
                       {path: "/teams", list: "team"}]}}
    else
        listed_rows as $rows
        | .cursor
        | .todo[0] as $did
        | .todo |= .[1:]
        | if $did.list == "inbox" then
              .todo += [$rows[] | {path: "/inbox_members/\(.id)",
                                   tag: "inbox-\(.id)"}]
          elif $did.list == "team" then
              .todo += [$rows[] | {path: "/teams/\(.id)/team_members",
                                   tag: "team-\(.id)"}]
          else
              reduce $rows[] as $r (.; .tags["\($r.id)"] += [$did.tag])
          end
        | if .todo == [] then {records: with_tags}
          else {records: [], moved: true, next: .} end
    end;

# --- polls: names of inboxes, then of teams ---

def names_request:
    {path: (account_path + (.cursor // "/inboxes"))};

def names_read:
    (if .cursor == null then "channel" else "team" end) as $kind
    | {records: [listed_rows[]
                 | {type: "name", kind: $kind, id, name: (.name | some_text)}
                 | select(.name != null)],
       next: (if .cursor == null then "/teams" else null end)};

# --- polls: messages ---

# Lines of servers that do not add the status, in English, Portuguese, Spanish,
# French, German and Russian. In other languages they are of kind other.

def is_closing_line:
    test("^Conversation was (marked )?resolved by "
         + "|^(A c|C)onversa foi (marcada como )?resolvida p"
         + "|^(La c|C)onversación fue (marcada (como resuelta )?|resuelta )por "
         + "|marcó la conversación como resuelta$"
         + "|^La conversation a été (marquée (comme )?)?résolue par "
         + "|^(Das Gespräch|Konversation|Die Unterhaltung) wurde vo[nm] .* gelöst$"
         + "|^Разговор был (закрыт |помечен системой решённым )"
         + "| завершил диалог$");

def is_opening_line:
    test("^Conversation was (reopened|marked open) by "
         + "|^System reopened the conversation"
         + "|^(A c|C)onversa foi (reaberta|(marcada como )?aberta) p"
         + "|^O sistema reabriu a conversa"
         + "|^(La c|C)onversación fue reabierta por "
         + "|^El sistema reabrió la conversación"
         + "|^La conversation a été ré-?ouverte par "
         + "|^(Das Gespräch|Konversation|Die Unterhaltung) wurde von .* wieder er?öffnet$"
         + "|^Das System hat die Unterhaltung .* wieder geöffnet"
         + "|^Система переоткрыла разговор | открыл заново диалог$");

def is_unassigning_line:
    test("^(Conversation unassigned by|Conversa desatribuída por"
         + "|Conversación no asignada por|Responsable de la conversation supprimé par"
         + "|Gespräch nicht zugewiesen von|Ответственный снят) ");

def is_assigning_line:
    test("^(Assigned to|Atribuído a|Asignado a|Assigné à|Zugewiesen an) "
         + "| self-assigned | atribuiu a si mesmo | auto-asignado "
         + "| s'est auto-assigné | zugewiesen$| назначил");

# With an operator's name: how the line of an assignment to them begins, or ends.
def begins:
    "Assigned to \(.) by ", "Assigned to \(.) via ", "\(.) self-assigned ",
    "Atribuído a \(.) por ", "Atribuído a \(.) via ",
    "\(.) atribuiu a si mesmo ",
    "Asignado a \(.) por ", "Asignado a \(.) via ", "\(.) auto-asignado ",
    "Assigné à \(.) par ", "Assigné à \(.) via ", "\(.) s'est auto-assigné ",
    "Zugewiesen an \(.) über ", "\(.) hat sich dieses Gespräch selbst ",
    "\(.) назначил(а) разговор себе";

def ends:
    " von \(.) zugewiesen", " назначил \(.) ответственным";

# The operator whom the line names, if it is exactly one.
def named($in):
    . as $text
    | def whom: [.[] | select(.name | strings
                              | any(begins; . as $x | $text | startswith($x))
                                or any(ends; . as $x | $text | endswith($x)))
                 | .operator] | unique;
      ($in.operators | whom)
    | if . == [] then ($in.former | whom) else . end
    | if length == 1 then .[0] else null end;

# What a line says, and of whom.
def line_kind($in):
    if is_closing_line then {kind: "closed"}
    elif is_opening_line then {kind: "opened"}
    elif is_unassigning_line then {kind: "assigned", operator: null}
    elif is_assigning_line then
        named($in) as $who
        | if $who == null then {kind: "other"}
          else {kind: "assigned", operator: $who} end
    else {kind: "other"} end;

def activity($in):
    (.content_attributes | member("activity") | member("status")) as $status
    | if $status == "resolved" then {kind: "closed"}
      elif $status == "open" then {kind: "opened"}
      elif $status != null then {kind: "other"}
      else .content // "" | tostring | line_kind($in) end;

def polled_message($in):
    written(.conversation_id; .inbox_id; $in.options.bot_operators)
    + (if message_type == "activity" then activity($in) else {} end);

# The newest message, of any kind.
def last_message:
    [.messages | arrays | .[] | objects] | .[-1];

# Lists of messages are sorted by time, but limited and continued by id: "after"
# shows the first hundred of greater ids, "before" the last twenty of lesser
# ids, both together up to a thousand. Ids and times may disagree: a bridge that
# imports a past conversation gives greater ids to earlier times. So a full page
# after A, up to the greatest id M, may lack ids that are less than M. It lacks
# none if one of the last twenty up to M is on it; otherwise those between A and
# M are asked for. The cursor is {after: A}, with page, the ids of a full page,
# and between, if they are not among the last twenty.

def after_page: 100;
def between_page: 1000;

# A server commits messages a moment after it numbers them, so a lesser id may
# appear later. This profile reads so many ids again, and the poller the
# messages of the last hour.
def late_ids: 100;

def after_id:
    [.cursor.after, (.known.last | number | values | . - late_ids), 0] | max;

def messages_request:
    after_id as $after
    | .cursor as $cursor
    | {path: "\(account_path)/conversations/\(.chat.chat | tostring | @uri)/messages",
       query: (if $cursor.page == null then {after: $after}
               else
                   {before: (($cursor.page | max) + 1)}
                   + if $cursor.between then {$after} else {} end
               end)};

# Whether one of the ids is on the full page of the cursor.
def is_on_page($cursor):
    . - ($cursor.page // []) != .;

def next_messages($ids; $after; $cursor):
    if $cursor.page == null then
        if ($ids | length) < after_page then null else {$after, page: $ids} end
    elif $cursor.between or ($ids | is_on_page($cursor))
    then {after: ($cursor.page | max)}
    else $cursor | .between = true end;

def messages_fault($ids; $after; $cursor):
    if $cursor.page == null then
        if any($ids[]; . <= $after) then
            "it ignores after: it shows messages up to \($after)"
        else null end
    elif any($ids[]; . > ($cursor.page | max)) then
        "it ignores before: it shows later messages"
    elif $cursor.between and ($ids - $cursor.page == []) then
        "it ignores before where it has after: it lacks messages whose ids "
        + "and times disagree"
    elif $cursor.between and ($ids | length) >= between_page then
        "the ids and the times of too many messages disagree"
    else null end;

def messages_read:
    . as $in
    | rows(.payload) as $rows
    | [$rows[] | .id] as $ids
    | messages_fault($ids; after_id; .cursor) as $fault
    | if $fault != null then error($fault)
      else
          next_messages($ids; after_id; .cursor) as $next
          | {records: [$rows[] | polled_message($in)], $next}
            + if $next == null then {} else {moved: true} end
      end;

# --- polls: conversations ---
# Whole lists are read from the last page to the first, the longest silent
# conversation first: one that leaves moves others to pages that are still to
# come, and one that changes or joins them is at the end. What changed meanwhile
# is asked for last. The cursor is {status, page, size, began: when it began,
# first: it only counts pages}, or {since: ask for changes, again}.

def statuses: ["open", "pending", "snoozed"];

# In seconds: more than the poller's and Chatwoot's clocks may differ, and than a
# change may be committed after its updated_at.
def overlap: 300;

def changes_since:
    .cursor.since // .since;

def is_of_changes:
    .cursor.since != null or (.cursor == null and .since != null);

def window:
    .now - changes_since | [., 0] | max | ceil + overlap;

def chats_request:
    {path: (account_path + "/conversations"),
     query: (if is_of_changes then {status: "all", updated_within: window}
             else {status: (.cursor.status // statuses[0]),
                   sort_by: "last_activity_at_asc",
                   page: (.cursor.page // 1)} end)};

# When it was closed, by its last message; null if that does not tell.
def closed_at_of($in):
    last_message
    | if . != null and message_type == "activity"
         and (activity($in).kind == "closed")
      then .created_at | second else null end;

def polled_chat($in; closing):
    last_message as $last
    | chat($in; closing)
    | del(.at)
    | .last = $last.id
    | .mark = "\($last.id) \(.status) \(.operator)";

def listed_chat($in):
    if type != "object" then {type: "chat"}
    else polled_chat($in; closed_at_of($in) // (.last_activity_at | given)),
         (last_message | objects | polled_message($in)) end;

# A server that does not know updated_within shows the first of all.
def check_window($rows):
    (.now - (.asked - changes_since + 3 * overlap)) as $since
    | if any($rows[] | .updated_at | numbers; . < $since) then
          error("it ignores updated_within: Chatwoot 3.7 or a later one is needed")
      else . end;

# The poller's idea of Chatwoot's clock was wrong: too little was asked for.
def was_too_short:
    .now - .asked > overlap / 2 and (.cursor.again | not);

def next_status:
    statuses[(. as $s | statuses | index($s)) + 1];

def next_page($rows):
    . as $in
    | (.cursor // {status: statuses[0], page: 1, first: true, began: .now})
    | .first as $first
    | (if $first then .size = ($rows | length) else . end)
    | (if $first and .size > 0
       then (($in.answer.data.meta.all_count // 0) / .size | ceil)
       elif $first then 0
       else .page - 1 end) as $page
    | if $page > 1 or ($page == 1 and ($first | not))
      then .page = $page | .first = false
      else .status |= next_status
           | .page = 1 | .first = true
           | if .status == null then {since: .began} else . end end;

def chats_read:
    . as $in
    | rows(.data.payload) as $rows
    | if is_of_changes and was_too_short then
          {records: [], moved: true,
           next: {since: changes_since, again: true}}
      elif is_of_changes then
          check_window($rows) | {records: [$rows[] | listed_chat($in)]}
      else
          {records: [$rows[] | listed_chat($in)],
           moved: true,
           next: next_page($rows)} end;

# --- the past ---
# By its last activity, so that what is new moves others only to pages that are
# still to come.

def past_request:
    {path: (account_path + "/conversations"),
     query: {status: "all", sort_by: "last_activity_at_desc",
             page: (.cursor // 1)}};

def past_read:
    . as $in
    | rows(.data.payload) as $rows
    | {records: [$rows[] | .last_activity_at as $last_at
                 | polled_chat($in; closed_at_of($in) // ($last_at | given))
                 | .last_at = $last_at],
       moved: true,
       next: (if $rows == [] or any($rows[]; .last_activity_at < $in.since)
              then null else ($in.cursor // 1) + 1 end)};

# A conversation that was resolved, and written into since, does not say when:
# then its messages do. The cursor is its record.
def chat_request:
    {path: ("\(account_path)/conversations/\(.chat.chat | tostring | @uri)"
            + if .cursor == null then "" else "/messages" end)};

def closing_among($rows; $in):
    [$rows[] | select(message_type == "activity")
     | select(activity($in).kind == "closed") | .created_at | second]
    | max;

def chat_read:
    . as $in
    | if .cursor != null then
          closing_among(rows(.payload); $in) as $closed_at
          | {records: [.cursor | .closed_at = ($closed_at // .closed_at)]}
      elif (.answer | type) != "object" or (.answer.status | type) != "string"
      then error("the answer has no conversation")
      else
          .answer
          | closed_at_of($in) as $closed_at
          | [listed_chat($in)] as $records
          | if .status == "resolved" and $closed_at == null
            then {records: [], next: $records[0]}
            else {records: $records} end
      end;

# --- polls: errors, and the self-check ---

# A policy denies this alone; the rest of a 401 is about the token. Of these, one
# asks to sign in: it has seen no token.
def failure:
    .chat as $chat
    | http_failure
    | if . == null or .error != "denied" then .
      elif $chat != null
           and (.message | test("not authorized to do this action"))
      then .alone = true
      elif .message | test("You need to sign in") then
          .message += (" (Chatwoot has not received the token; does a proxy "
                       + "drop the header Api-Access-Token?)")
      else . end;

# --- assigning ---

def assign_request:
    {path: "\(account_path)/conversations/\(.chat.chat | tostring | @uri)/assignments",
     body: {assignee_id: (.operator | number_if_one)}};

# null: there is no such agent, and the conversation has none now.
def assign_read:
    .answer
    | if . == null then {operator: null}
      elif type != "object" or .id == null then
          error("the answer does not say who has the conversation")
      else {operator: .id} end;

# Chatwoot's own assigning, of an inbox and of a team.
def auto_assign_request:
    {path: (account_path + (.cursor // "/inboxes"))};

def auto_assign_read:
    .cursor as $path
    | [listed_rows[]
       | select(.enable_auto_assignment == true or .allow_auto_assign == true)
       | "'\(.name)'"]
    | {advice: (if . == [] then null
                else "Chatwoot itself assigns conversations of the "
                     + (if $path == null then "inboxes " else "teams " end)
                     + join(", ") + "; turn that off in their settings" end),
       next: (if $path == null then "/teams" else null end)};

def check_request:
    {path: "/api/v1/profile"};

def check_read:
    .options.account as $account
    | .answer | member("accounts")
    | [arrays[] | objects | select("\(.id)" == $account)] | .[0]
    | if . == null then
          {error: "denied",
           message: ("the owner of the token is not in account \($account);"
                     + " is that the account number?")}
      else
          {info: ({account: .name, role: .role}
                  | if .role == "administrator" then .
                    else .sees = "conversations of the inboxes of that user"
                    end)} end;

# --- webhooks ---

# What a blocked or muted contact writes does not open a resolved conversation;
# it does open the chat, so the conversation is told as it stands after it.
def message_chat($in):
    (.event == "message_created" and message_type == "incoming"
     and ((is_reaction or is_auto_reply) | not)) as $opens
    | .conversation
    | select(.status != null)
    | chat($in; if $opens then as_of($in.now) else empty end);

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
          {records: [message_chat($in), message($in), names($bots)]}
      elif .event == "conversation_created" then
          {records: [chat($in; as_of($now)), names($bots)]}
      elif .event == "conversation_status_changed" then
          {records: [chat($in; resolved_at($now)), names($bots)]}
      elif .event == "conversation_updated" then
          {records: [chat($in; resolved_at($now)),
                     # Polls read these among the messages, to the second.
                     (select($in.options.polled | not)
                      | assignee_message($now), status_message($now)),
                     names($bots)]}
      elif .event as $event | any(silent_events[]; . == $event)
      then {records: []}
      else {unknown: "\(.event)"} end;

def hooks_path:
    account_path + "/webhooks";

def listed:
    {id, url, events: .subscriptions, active: true, secret};

def hooks_request:
    {path: hooks_path};

def hooks_read:
    {hooks: [.answer.payload.webhooks[] | listed]};

# A webhook that exists already keeps its secret.
def hook_add_request:
    {path: (hooks_path + (if .hook.id == null then "" else "/\(.hook.id)" end)),
     method: (if .hook.id == null then "POST" else "PATCH" end),
     body: {webhook: {url: .hook.url, name: "messaging-analytics",
                      subscriptions: hook_events}}};

def hook_add_read:
    {hooks: [.answer.payload.webhook | listed]};

def hook_remove_request:
    {path: "\(hooks_path)/\(.hook.id)", method: "DELETE"};
