"""The small graph of the Learn page, its edits and its arithmetic."""
