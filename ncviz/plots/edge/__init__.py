"""Pictures of one edge: its plan, its cost, and κ over the idleness."""
