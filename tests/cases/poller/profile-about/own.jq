def about: .options.account | fromjson;
