"""Step U1: the owner takes its item off a market's list before its time.

What is being sold is not taken back: the trade ends first. In model 1 the market keeps what it was
given, and is trusted to forget it, as it is trusted with the sale; the owner's word runs out by its
own date. In model 2 it never had anything, and the seller ships for no offering that is closed.
"""

from nodes.protocols.item_trading.messages import Unlist
from nodes.protocols.item_trading.moves import To
from nodes.protocols.item_trading.players import Offering, OfferingState
from nodes.protocols.item_trading.reading import require_sender
from nodes.protocols.item_trading.refusals import ItemTaken, WrongState
from nodes.protocols.item_trading.state import Listing, ListingState
from nodes.protocols.message import PartyId


def ask_to_unlist(offering: Offering) -> To:
    """U1, owner. Raises WrongState for what is not listed, or is being sold."""
    if offering.state is not OfferingState.LISTED:
        raise WrongState(f"the offering is {offering.state.value}")
    return To(offering.market, Unlist())


def unlist(listing: Listing, sender: PartyId) -> Listing:
    """U1, market. A repeat changes nothing. Raises NotYours, ItemTaken."""
    require_sender(sender, listing.seller)
    if listing.state is ListingState.CLOSED:
        return listing
    if listing.state not in (ListingState.PROVING, ListingState.LISTED):
        raise ItemTaken(f"the listing is {listing.state.value}")
    return listing.moved(ListingState.CLOSED)


def unlisted(offering: Offering) -> Offering:
    """U1r, owner."""
    return offering.moved(OfferingState.CLOSED)
