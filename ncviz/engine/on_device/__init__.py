"""One connection on a torch device: closed forms, certificates and bounds in batches, a kernel for the rest."""
