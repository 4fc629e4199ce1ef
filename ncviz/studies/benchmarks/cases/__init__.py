"""What can be measured, its kinds, and the networks that it takes."""
