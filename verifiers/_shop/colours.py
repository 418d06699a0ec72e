"""The colour inside an option's text, as WebShop finds it: the first name of a fixed list that occurs anywhere."""

from __future__ import annotations

__all__ = ["COLOURS", "colour_or_text"]

# The names that WebShop knows, in its order: another list would give other scores.
_NAMES = (
    "alabaster apricot aqua ash asphalt azure banana beige black blue blush bordeaux bronze brown burgundy "
    "camel camo caramel champagne charcoal cheetah chestnut chocolate christmas coffee cognac copper coral "
    "cranberry cream crystal dark denim eggplant elephant espresso fuchsia gold granite grape graphite grass "
    "gray green grey heather indigo ivory ivy khaki lavender lemon leopard light lilac lime magenta maroon "
    "mauve merlot midnight mint mocha multicolor mushroom mustard natural navy nude olive orange peach pewter "
    "pink plum purple rainbow red rose royal rust sand sapphire seashell silver skull slate steel stone "
    "stonewash sunflower tan taupe teal tiger turquoise violet walnut wheat white wine yellow "
)
COLOURS = tuple(_NAMES.split())


def colour_or_text(option: str) -> str:
    """The first known colour that occurs in an option, else the option itself.

    It looks inside words, in lower case only, and alphabetically: "dark blue" is blue, "bordered" is red.

    >>> [colour_or_text(x) for x in ("z2-pink", "dark blue", "bordered", "x-large", "Black")]
    ['pink', 'blue', 'red', 'x-large', 'Black']
    """
    return next((colour for colour in COLOURS if colour in option), option)
