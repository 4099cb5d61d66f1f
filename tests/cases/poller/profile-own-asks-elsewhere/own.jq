def about: {url: "http://127.0.0.1:9/"};
def hooks_request: {url: "http://127.0.0.2:9/hooks"};
def hooks_read: .;
