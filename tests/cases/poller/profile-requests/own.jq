# Makes the request that the test gives.
def chats_request: .cursor;
