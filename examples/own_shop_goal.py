"""Ask the web shop for something of one's own, and shop for it by hand: `python examples/own_shop_goal.py`.

The first purchase forgets the color, the second does not. It prints

    Selli Classic Desk Lamp, Dimmable, with Natural Dyes $27.99 pink purple
    0.75 failed: option 1, strict, webshop
    1.00 failed: none
"""

from agentrl.envs.shop import Shop


def main() -> None:
    env = Shop(reward="webshop")
    words = "dimmable desk lamp usb port"
    lamp = env.catalogue.by_asin[env.catalogue.find(words)[0]]
    color = lamp.options["color"][-1]
    print(lamp.title, lamp.price_tag({}), *lamp.options["color"])
    task = env.ask(
        "lamp",
        f"my desk is dark: get me a dimmable {color} lamp with a usb port, for less than 90 dollars",
        asin=lamp.asin,
        attributes=("dimmable", "usb port"),
        options={"color": color},
        limit=90.0,
    )
    for choice in ((), (f"click[{color}]",)):
        env.reset(options={"task": task})
        for action in (f"search[{words}]", f"click[{lamp.asin}]", *choice, "click[Buy Now]"):
            _, reward, *_, info = env.step(action)
        failed = [check.name for check in info["verdict"].checks if not check.passed]
        print(f"{reward:.2f} failed: {', '.join(failed) or 'none'}")


if __name__ == "__main__":
    main()
