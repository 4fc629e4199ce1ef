"""Files that visitors bring, read in a process of its own."""
