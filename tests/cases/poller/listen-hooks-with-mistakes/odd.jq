def about: {hooks: {sign: {header: "X", parts: ["time"]}}};
