"""What stands around a network in training: noise schedules, targets, preconditionings, weights of errors.

Nothing here imports torch before it handles tensors, so that rules and samplers can use it.
"""
