"""The curvature of a network: computed, kept, read back; the record that the pages draw."""
