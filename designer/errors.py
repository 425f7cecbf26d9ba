"""The one exception a user can cause."""


class UserError(Exception):
    """The input or the call cannot be used; the message says where, what was received, what was expected."""
