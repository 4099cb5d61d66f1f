def about: {hooks: {}};
