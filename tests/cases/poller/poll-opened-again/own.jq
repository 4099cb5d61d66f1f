def about: {begins_unassigned: true};
def operators_request: {path: "/operators"};
def operators_read: {records: []};
def chats_request: {path: "/chats"};
def chats_read:
    {records: [.answer[] | {type: "chat", chat: .id, status: "open",
                            operator: .operator, opened_at: .created}]};
def messages_request: {path: "/chats/\(.chat.chat)/messages"};
def messages_read:
    .chat.chat as $chat
    | {records: [.answer[] | {type: "message", chat: $chat, at: .[0], id: .[1],
                              from: .[2], kind: .[3]}]};
