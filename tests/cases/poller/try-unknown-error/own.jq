def chats_read: {records: []};
def failure: {error: "busy", message: .answer.fault};
