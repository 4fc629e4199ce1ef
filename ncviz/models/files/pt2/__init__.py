"""Programs of ``torch.export``, read from checked bytes and written back."""
