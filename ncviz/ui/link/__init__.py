"""What a link says of what a person looks at."""
