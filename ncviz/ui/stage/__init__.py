"""The stage: presenter mode, prepared steps, the tour, a code for the phones in the room."""
