"""What a user who was wronged in a withdrawal shows a judge."""

from nodes.protocols.electronic_cash.documents import ShownSecrets
from nodes.protocols.electronic_cash.holding import Withdrawing
from nodes.protocols.electronic_cash.messages import Deliver
from nodes.protocols.electronic_cash.wallet import Wallet
from nodes.protocols.electronic_cash.withdrawal import open_entropies, public_keys


def shown_secrets(withdrawing: Withdrawing, delivery: Deliver, wallet: Wallet) -> ShownSecrets:
    """User: what a judge computes everything again from. Raises IssueDiffers."""
    return ShownSecrets(
        withdrawing.withdrawal,
        wallet.session_key(withdrawing.index),
        public_keys(wallet, withdrawing),
        open_entropies(delivery, withdrawing, wallet.reply_key(withdrawing.index)),
        withdrawing.denominations,
    )
