"""The live panel, which leads the pictures of its page, and the heading that follows it."""
