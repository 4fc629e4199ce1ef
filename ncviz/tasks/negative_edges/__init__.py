"""An image's share of negative edges beside the smallest attack that fools the network on it.

After Tan, Sia, Bogdan, Ivanov, *Analyzing Neural Network Robustness Using Graph Curvature*, arXiv 2410.19607:
bottleneck edges occur more often on images on which a network is less robust.
"""
