def hook_read: {unknown: (.options | "\(.account) \(.history)")};
