"""A Python callable, exported by torch.export in a child process, as a design."""
