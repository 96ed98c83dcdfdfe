"""What an account refuses."""

from nodes.protocols.errors import Refused


class NoSuchAccount(Refused):
    """This party has no account here."""

    code = "accounts/no-such-account"
    status = 404


class BalanceTooSmall(Refused):
    """There is less in the account than is to be taken out."""

    code = "accounts/balance-too-small"
    status = 402


class AccountIsFrozen(Refused):
    """Nothing leaves this account: its owner spent a coin twice."""

    code = "accounts/account-is-frozen"
    status = 403
