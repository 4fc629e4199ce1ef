"""Put right what pruning leaves: statistics estimated anew, or kept weights updated in closed form; nothing is trained.

A pruned network is repaired on a few training images, by forward passes or from gradients at the whole network's
weights. Removed weights stay exactly zero.
"""
