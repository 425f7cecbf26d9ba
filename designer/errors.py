"""The one exception a user can cause."""


class UserError(Exception):
    """The input or the call cannot be used; the message says where, what was received, what was expected."""


class DesignError(UserError):
    """The design can be read but is wrong: what was asked for needs a design without errors."""
