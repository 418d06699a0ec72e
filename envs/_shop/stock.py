"""What the shop's own catalogue is made of: kinds of products with their qualities, options and prices.

No quality and no option's value is "alike" another of its kind by the verifier's fuzzy match, save that colours are
compared by name: else another option than the wanted one would earn the whole reward.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["KINDS", "Kind", "Values"]

Values = tuple[tuple[str, int], ...]
"""An option's values, each with what it costs more, in cents."""

_COLORS = "black white red blue green grey brown pink purple yellow orange navy teal beige ivory burgundy olive khaki"
COLORS: Values = tuple((name, 0) for name in _COLORS.split())
SIZES: Values = (("s", 0), ("m", 0), ("l", 0), ("xl", 200), ("xxl", 400))
SHOE_SIZES: Values = tuple((size, 0) for size in ("6", "7", "8", "9", "10", "11", "12"))
OUNCES: Values = (("8 oz", 0), ("16 oz", 350), ("24 oz", 600), ("64 oz", 900))
FEET: Values = (("3 ft", 0), ("6 ft", 250), ("10 ft", 500))
PACKS: Values = (("single", 0), ("twin pack", 800), ("family box", 1900))
FINISHES: Values = (("oak", 0), ("maple", 0), ("walnut", 500), ("bamboo", 0), ("pine", 0))
FLAVORS: Values = tuple((x, 0) for x in ("vanilla", "hazelnut", "cinnamon", "lemon", "peppermint", "berry", "mango"))
SCENTS: Values = tuple((x, 0) for x in ("lavender", "eucalyptus", "citrus", "sandalwood", "unscented", "jasmine"))
WIDTHS: Values = (("narrow", 0), ("standard", 1500), ("extra wide", 3000))


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of product.

    Attributes:
        name: What it is called, in the singular.
        query: What the catalogue lists it under.
        path: Its category, names joined by ›.
        category: The department.
        adjectives: Qualities that stand before the name.
        features: Qualities that stand after "with".
        options: By name.
        cents: Lowest and highest base price.
    """

    name: str
    query: str
    path: str
    category: str
    adjectives: tuple[str, ...]
    features: tuple[str, ...]
    options: Mapping[str, Values]
    cents: tuple[int, int]


_DEPARTMENTS = {
    "fashion": (
        "Clothing, Shoes & Jewelry",
        "machine washable|moisture wicking|wrinkle free|hand made|quick drying|eco friendly|lightweight|breathable",
        "reinforced stitching|contrast trim|gift wrapping|recycled fibers",
    ),
    "beauty": (
        "Beauty & Personal Care",
        "cruelty free|paraben free|alcohol free|dermatologist tested|fragrance neutral|travel sized|long lasting|vegan",
        "coconut oil|vitamin c|hyaluronic acid|green tea extract",
    ),
    "electronics": (
        "Electronics",
        "water resistant|fast charging|ultra slim|noise cancelling|plug and play|heavy duty|energy saving|portable",
        "carrying case|led indicator|lifetime warranty|braided cord",
    ),
    "garden": (
        "Home & Kitchen",
        "easy to assemble|stain resistant|space saving|rust proof|scratch resistant|foldable|non slip|stackable",
        "two year warranty|rounded corners|natural dyes|matte coating",
    ),
    "grocery": (
        "Grocery & Gourmet Food",
        "gluten free|non gmo|sugar free|usda organic|keto friendly|low sodium|fair trade|kosher",
        "resealable bag|natural ingredients|high protein|no artificial colors",
    ),
}


def _kind(
    category: str,
    name: str,
    query: str,
    path: str,
    adjectives: str,
    features: str,
    options: Mapping[str, Values],
    cents: tuple[int, int],
) -> Kind:
    top, common, shared = _DEPARTMENTS[category]
    return Kind(
        name=name,
        query=query,
        path=f"{top} › {path}",
        category=category,
        adjectives=(*adjectives.split("|"), *common.split("|")),
        features=(*features.split("|"), *shared.split("|")),
        options=options,
        cents=cents,
    )


KINDS = (
    _kind(
        "fashion",
        "t-shirt",
        "men's t-shirts",
        "Men › Shirts",
        "slim fit|tagless",
        "long sleeves|crew neckline|chest pocket",
        {"color": COLORS, "size": SIZES},
        (900, 3500),
    ),
    _kind(
        "fashion",
        "dress",
        "women's dresses",
        "Women › Dresses",
        "knee length|sleeveless",
        "elastic waist|floral print|side pockets",
        {"color": COLORS, "size": SIZES},
        (1900, 9000),
    ),
    _kind(
        "fashion",
        "hiking boots",
        "hiking boots",
        "Shoes › Outdoor",
        "waterproof|ankle high",
        "rubber sole|arch support|memory foam",
        {"color": COLORS, "size": SHOE_SIZES},
        (3900, 15900),
    ),
    _kind(
        "fashion",
        "jacket",
        "women's jackets",
        "Women › Coats",
        "windproof|fleece lined",
        "full zipper|detachable hood|inner pocket",
        {"color": COLORS, "size": SIZES},
        (2900, 14900),
    ),
    _kind(
        "beauty",
        "shampoo",
        "shampoo & conditioner",
        "Hair Care › Shampoos",
        "sulfate free|color safe",
        "argan oil|tea tree|biotin complex",
        {"scent": SCENTS, "size": OUNCES},
        (600, 2900),
    ),
    _kind(
        "beauty",
        "face cream",
        "face moisturizers",
        "Skin Care › Face",
        "oil free|fast absorbing",
        "shea butter|aloe vera|spf protection",
        {"scent": SCENTS, "size": OUNCES},
        (900, 5900),
    ),
    _kind(
        "beauty",
        "lip balm",
        "lip care",
        "Skin Care › Lips",
        "tinted|quick healing",
        "beeswax base|mint cooling|peptide blend",
        {"color": COLORS, "pack": PACKS},
        (300, 1900),
    ),
    _kind(
        "beauty",
        "makeup brush set",
        "makeup brushes",
        "Tools › Brushes",
        "soft bristled|professional",
        "bamboo handles|zip pouch|metal ferrules",
        {"color": COLORS},
        (800, 4900),
    ),
    _kind(
        "electronics",
        "headphones",
        "wireless headphones",
        "Headphones › Over-Ear",
        "bluetooth enabled|over ear",
        "deep bass|inline microphone|cushioned headband",
        {"color": COLORS},
        (1900, 24900),
    ),
    _kind(
        "electronics",
        "usb cable",
        "usb cables",
        "Accessories › Cables",
        "gold plated|tangle proof",
        "aluminum connectors|data sync|strain relief",
        {"color": COLORS, "length": FEET},
        (400, 2500),
    ),
    _kind(
        "electronics",
        "bluetooth speaker",
        "portable speakers",
        "Audio › Speakers",
        "shock proof|battery powered",
        "stereo sound|aux input|party lights",
        {"color": COLORS},
        (1500, 19900),
    ),
    _kind(
        "electronics",
        "tablet case",
        "tablet cases",
        "Accessories › Cases",
        "drop proof|magnetic",
        "auto sleep|pencil holder|viewing stand",
        {"color": COLORS, "size": (("mini", 0), ("regular", 300), ("pro", 700))},
        (900, 4900),
    ),
    _kind(
        "garden",
        "bookshelf",
        "bookcases",
        "Furniture › Bookcases",
        "wall mounted|industrial",
        "solid wood|steel frame|adjustable shelves",
        {"finish": FINISHES, "width": WIDTHS},
        (3900, 24900),
    ),
    _kind(
        "garden",
        "desk lamp",
        "desk lamps",
        "Lighting › Lamps",
        "dimmable|rechargeable",
        "touch control|flexible neck|usb port",
        {"color": COLORS},
        (1500, 7900),
    ),
    _kind(
        "garden",
        "area rug",
        "area rugs",
        "Decor › Rugs",
        "hand woven|pet friendly",
        "geometric pattern|fringed edges|thick pile",
        {"color": COLORS, "width": WIDTHS},
        (2900, 29900),
    ),
    _kind(
        "garden",
        "dining chair",
        "dining chairs",
        "Furniture › Chairs",
        "upholstered|mid century",
        "padded seat|high backrest|swivel base",
        {"color": COLORS, "finish": FINISHES},
        (4900, 19900),
    ),
    _kind(
        "grocery",
        "granola",
        "granola & muesli",
        "Breakfast › Granola",
        "oven baked|crunchy",
        "whole grain|dried fruit|roasted nuts",
        {"flavor": FLAVORS, "pack": PACKS},
        (400, 1900),
    ),
    _kind(
        "grocery",
        "ground coffee",
        "ground coffee",
        "Beverages › Coffee",
        "dark roasted|caffeine reduced",
        "single origin|smooth finish|low acidity",
        {"flavor": FLAVORS, "size": OUNCES},
        (600, 2900),
    ),
    _kind(
        "grocery",
        "herbal tea",
        "herbal tea",
        "Beverages › Tea",
        "caffeine free|hand picked",
        "loose leaves|ginger root|honey notes",
        {"flavor": FLAVORS, "pack": PACKS},
        (400, 1900),
    ),
    _kind(
        "grocery",
        "snack bars",
        "snack bars",
        "Snacks › Bars",
        "plant based|dairy free",
        "dark chocolate|almond butter|added fiber",
        {"flavor": FLAVORS, "pack": PACKS},
        (500, 2500),
    ),
)
