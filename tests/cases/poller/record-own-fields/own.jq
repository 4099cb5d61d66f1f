# Returns the records of the answer as they are.
def chats_read: {records: .answer};
