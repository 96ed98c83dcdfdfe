"""S1, S2: a vendor registers at the broker. G1, G2: it shows what it sells.

An order is paid to the name it bears, so a name is bound once, to an account and to BVend_key. The
paper's customer "connects to the vendor and selects goods"; here it fetches a catalogue, which is
signed once for all customers and serves for any number of orders.
"""

from crypto.documents import Signed, open_document
from crypto.hashing import Digest, digest
from nodes.protocols.anonymous_micropayment.messages import VendorRegistered
from nodes.protocols.anonymous_micropayment.refusals import (
    CatalogueNotTheVendors,
    NoSuchGoods,
    NotTheVendor,
    PriceDiffers,
    VendorNameTaken,
)
from nodes.protocols.anonymous_micropayment.state import Vendor, Ware
from nodes.protocols.anonymous_micropayment.values import (
    Catalogue,
    Goods,
    GoodsBytes,
    GoodsName,
    Price,
    Secret,
    VendorName,
)
from nodes.protocols.message import PartyId


def register(
    name: VendorName, party: PartyId, existing: Vendor | None, fresh_key: Secret
) -> tuple[Vendor, VendorRegistered]:
    """S1 -> S2, broker. Raises VendorNameTaken; asked again it is the same key."""
    if existing is not None and existing.account != party:
        raise VendorNameTaken(name)
    vendor = existing or Vendor(name, party, fresh_key)
    return vendor, VendorRegistered(name, vendor.key)


def take_registration(registered: VendorRegistered, name: VendorName) -> Secret:
    """S2, vendor: BVend_key. Raises NotTheVendor for another name's."""
    if registered.vendor != name:
        raise NotTheVendor(registered.vendor)
    return registered.key


def goods_digest(content: GoodsBytes) -> Digest:
    """H(goods), as orders name them."""
    return digest("anonymous_micropayment/goods", content)


def ware(name: GoodsName, price: Price, content: GoodsBytes) -> Ware:
    return Ware(Goods(name, price, goods_digest(content), len(content)), content)


def read_catalogue(signed: Signed[Catalogue], vendor: PartyId) -> Catalogue:
    """G2, customer. Raises CatalogueNotTheVendors."""
    try:
        catalogue = open_document(Catalogue, signed)
    except ValueError as error:
        raise CatalogueNotTheVendors(str(error)) from error
    if catalogue.vendor != vendor:
        raise CatalogueNotTheVendors()
    return catalogue


def select(catalogue: Catalogue, name: GoodsName, price: Price) -> Goods:
    """The goods, at the price the customer agrees to. Raises NoSuchGoods or PriceDiffers."""
    for goods in catalogue.goods:
        if goods.name == name:
            if goods.price != price:
                raise PriceDiffers(f"{name} costs {goods.price}")
            return goods
    raise NoSuchGoods(name)
