"""What the card beside the picture says of a selection."""
