def chats_request: {path: "/chats"};
def chats_read: {records: []};
