"""What the components share: colours, numbers as people read them, channels within a page, a column's width."""
