"""Accuracy class by class over the evaluation images, as bars that follow the slider."""
