def operators_request: null;
def assing_request: null;
