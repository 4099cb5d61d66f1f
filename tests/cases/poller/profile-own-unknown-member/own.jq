def about: {url: "https://crm.example", max_page: 20};
