"""The network canvas: a layered network in the browser, pruned there without a rerun."""
