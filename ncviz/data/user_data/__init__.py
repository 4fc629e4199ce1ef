"""Images that a user brings: checked before they are read, held by name, kept in files that no one unpickles."""
