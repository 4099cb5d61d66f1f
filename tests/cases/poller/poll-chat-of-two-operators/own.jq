def about: {by_operator: true};
def operators_request: {path: "/operators"};
def operators_read: {records: [.answer[] | {type: "operator", operator: .}]};
def chats_request: {path: "/chats/\(.operator)"};
def chats_read:
    .operator as $operator
    | {records: [.answer[] | {type: "chat", chat: ., status: "open",
                              operator: $operator}]};
def messages_request: null;
