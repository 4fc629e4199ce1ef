"""The forward of a network as its user has it: what is wrapped around it, which argument is the image, how it runs."""
