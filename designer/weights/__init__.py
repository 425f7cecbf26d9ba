"""Weights as files: read, rearranged and written tensor by tensor, without PyTorch and without unpickling."""
