"""What the reader does by hand on the Explore page: one class, a group of images, and surgery in the picture."""
