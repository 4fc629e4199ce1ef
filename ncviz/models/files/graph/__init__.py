"""What both readers of graphs share: the list of steps that a file is read into, and the module built from it."""
