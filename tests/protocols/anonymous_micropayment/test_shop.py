"""S1, S2, G1, G2: a vendor's name is bound once; its catalogue is its own."""

import pytest

from crypto.documents import Signed, sign_document
from nodes.protocols.anonymous_micropayment import shop
from nodes.protocols.anonymous_micropayment.refusals import (
    CatalogueNotTheVendors,
    NoSuchGoods,
    NotTheVendor,
    PriceDiffers,
    VendorNameTaken,
)
from tests.protocols.anonymous_micropayment.market import (
    CATALOGUE,
    OTHER,
    PRICE,
    SIGNED_CATALOGUE,
    V12,
    VENDOR,
    WARE,
    altered,
    secret,
)


def test_a_name_is_bound_to_who_asked_first_and_its_key_stays() -> None:
    vendor, answer = shop.register("v12", VENDOR.public_key, None, V12.key)
    assert vendor == V12
    again, repeated = shop.register("v12", VENDOR.public_key, vendor, secret("another"))
    assert (again, repeated) == (vendor, answer)
    with pytest.raises(VendorNameTaken):
        shop.register("v12", OTHER.public_key, vendor, secret("another"))


def test_the_key_of_another_name_is_not_taken() -> None:
    _, answer = shop.register("v12", VENDOR.public_key, None, V12.key)
    assert shop.take_registration(answer, "v12") == V12.key
    with pytest.raises(NotTheVendor):
        shop.take_registration(answer, "v1")


def test_a_catalogue_is_read_once_its_vendor_signed_it() -> None:
    assert shop.read_catalogue(SIGNED_CATALOGUE, VENDOR.public_key) == CATALOGUE
    forged = sign_document(CATALOGUE, OTHER)
    others = sign_document(altered(CATALOGUE, vendor=OTHER.public_key), OTHER)
    for bad in (forged, others, Signed(SIGNED_CATALOGUE.content, ())):
        with pytest.raises(CatalogueNotTheVendors):
            shop.read_catalogue(bad, VENDOR.public_key)


def test_goods_are_selected_at_the_price_the_customer_agrees_to() -> None:
    assert shop.select(CATALOGUE, "song", PRICE) == WARE.goods
    with pytest.raises(PriceDiffers):
        shop.select(CATALOGUE, "song", PRICE - 1)
    with pytest.raises(NoSuchGoods):
        shop.select(CATALOGUE, "poem", PRICE)
