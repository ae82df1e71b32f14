"""Render the artwork of the sticker set from openly licensed emoji. Run once; the result is committed.

    python -m authoring.bundle_stickers FOLDER

FOLDER holds the unpacked npm packages @iconify-json/… that `FAMILIES` names with their versions; each as a folder with
the part of its name after the slash (`npm pack @iconify-json/noto@1.2.9`, then unpack it as FOLDER/noto). Every icon
there is an SVG drawing.

Chromium draws each chosen icon. It is trimmed to what is painted, scaled so that its longer side fills a tile, and put
on one sheet per family: data/stickers/<family>.webp, without loss, with transparency. data/stickers/stickers.csv says
what lies where. Nothing else of the artwork is changed.
"""

import argparse
import csv
import html
import io
import json
from pathlib import Path

from PIL import Image

from helpers.places import DATA

# The version of each package, and the licence under which its artists give the drawings (data/README.md names them).
# Left out on purpose: sets that may not be passed on (those of Apple, Samsung, Facebook, EmojiOne from version 3).
FAMILIES = {
    "noto": ("1.2.9", "Apache-2.0"),
    "noto-v1": ("1.2.5", "Apache-2.0"),
    "openmoji": ("1.2.29", "CC-BY-SA-4.0"),
    "fluent-emoji-flat": ("1.2.6", "MIT"),
    "emojione": ("1.2.3", "CC-BY-4.0"),
    "fxemoji": ("1.2.2", "CC-BY-4.0"),
    "twemoji": ("1.2.5", "CC-BY-4.0"),
}

# The meaning of each class is CIFAR-10's own: an automobile is no truck, a truck is a big one, pickups are neither.
# "prop" is what may stand in the way; it belongs to no class.
GLYPHS = {
    "airplane": {
        "2708": "airplane",
        "1f6e9": "small-airplane",
        "1f6eb": "airplane-departure",
        "1f6ec": "airplane-arrival",
    },
    "automobile": {
        "1f697": "automobile",
        "1f698": "oncoming-automobile",
        "1f699": "sport-utility-vehicle",
        "1f695": "taxi",
        "1f696": "oncoming-taxi",
        "1f693": "police-car",
        "1f694": "oncoming-police-car",
    },
    "bird": {
        "1f426": "bird",
        "1f424": "baby-chick",
        "1f413": "rooster",
        "1f986": "duck",
        "1f985": "eagle",
        "1f989": "owl",
        "1f99c": "parrot",
        "1f54a": "dove",
        "1f9a2": "swan",
        "1f9a9": "flamingo",
    },
    "cat": {
        "1f408": "cat",
        "1f431": "cat-face",
        "1f408-200d-2b1b": "black-cat",
        "1f63a": "grinning-cat",
        "1f63c": "cat-with-wry-smile",
        "1f63e": "pouting-cat",
    },
    "deer": {"1f98c": "deer", "1face": "moose"},
    "dog": {
        "1f415": "dog",
        "1f436": "dog-face",
        "1f429": "poodle",
        "1f9ae": "guide-dog",
        "1f415-200d-1f9ba": "service-dog",
    },
    "frog": {"1f438": "frog"},
    "horse": {"1f40e": "horse", "1f434": "horse-face", "1f3c7": "horse-racing"},
    "ship": {
        "1f6a2": "ship",
        "26f4": "ferry",
        "1f6f3": "passenger-ship",
        "1f6e5": "motor-boat",
        "1f6a4": "speedboat",
        "26f5": "sailboat",
    },
    "truck": {"1f69a": "delivery-truck", "1f69b": "articulated-lorry", "1f692": "fire-engine"},
    "prop": {
        "1f333": "deciduous-tree",
        "1f335": "cactus",
        "2601": "cloud",
        "1f33b": "sunflower",
        "1f344": "mushroom",
        "1f388": "balloon",
    },
}
SIDE = {"cat": 256, "dog": 256}  # pixels; cats and dogs are also shown large
OTHER_SIDE = 96
DRAWN = 768  # pixels at which the browser draws a 1:1 icon, before trimming
ACROSS = 1024  # width of a sheet in pixels

# Drawings that do not show their class alone and whole, or not anew.
NOT_TAKEN = {
    ("openmoji", "delivery-truck"),  # a van
    ("openmoji", "moose"),  # two antlers
    ("openmoji", "ship"),  # half of it
    ("openmoji", "ferry"),  # half of it
    ("fluent-emoji-flat", "bird"),  # head and breast, cut straight
    ("fluent-emoji-flat", "eagle"),  # head and neck, cut straight
    ("fluent-emoji-flat", "grinning-cat"),  # the same as its cat's face
    ("emojione", "passenger-ship"),  # half of it
    ("fxemoji", "baby-chick"),  # no more than an eye and a beak
    ("fxemoji", "bird"),  # no more than an eye
    ("fxemoji", "ship"),  # in a framed picture
    ("fxemoji", "sailboat"),  # in a framed picture
}

# Firefox OS Emoji writes its names without hyphens, and some of them otherwise.
FXEMOJI = {
    "cat": "catside",
    "cat-face": "cat",
    "dog": "dogside",
    "dog-face": "dog",
    "dove": "doveofpeace",
    "sport-utility-vehicle": "recreationalvehicle",
}


def drawing(icons, family, name):
    """The SVG of an icon as text, None where the family has no icon of that name in its own drawing."""
    names = [name, name.replace("cat", "cat-face"), f"{name}-face"]
    if family == "fxemoji":
        names = [FXEMOJI.get(name, name.replace("-", ""))]
    for candidate in names:
        candidate = icons.get("aliases", {}).get(candidate, {}).get("parent", candidate)
        icon = icons["icons"].get(candidate)
        if icon:
            box = [
                icon.get("left", 0),
                icon.get("top", 0),
                icon.get("width", icons["width"]),
                icon.get("height", icons["height"]),
            ]
            size = f'width="{DRAWN}" height="{round(DRAWN * box[3] / box[2])}"'
            view = " ".join(map(str, box))
            return f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="{html.escape(view)}">{icon["body"]}</svg>'
    return None


def painted(page, svg, side):
    """Draw `svg` in the browser page; return it as an RGBA picture, trimmed, its longer side `side` pixels long."""
    page.set_content(f"<style>*{{margin:0}}svg{{display:block}}</style>{svg}")
    raw = page.locator("svg").first.screenshot(omit_background=True)
    picture = Image.open(io.BytesIO(raw)).convert("RGBA")
    picture = picture.crop(picture.getchannel("A").point(lambda alpha: 255 * (alpha > 8)).getbbox())
    scale = side / max(picture.size)
    return picture.resize([max(1, round(length * scale)) for length in picture.size], Image.Resampling.LANCZOS)


def sheet(pieces):
    """Put (row, picture) pieces on one sheet, shelf by shelf; return the sheet and the rows with their places."""
    pieces = sorted(pieces, key=lambda piece: -piece[1].height)  # stable: equal heights keep their order
    x = y = shelf = 0
    placed = []
    for row, picture in pieces:
        if x + picture.width > ACROSS:
            x, y, shelf = 0, y + shelf, 0
        placed.append(({**row, "x": x, "y": y, "width": picture.width, "height": picture.height}, picture))
        x, shelf = x + picture.width, max(shelf, picture.height)
    whole = Image.new("RGBA", (ACROSS, y + shelf))
    for row, picture in placed:
        whole.paste(picture, (row["x"], row["y"]))
    return whole, [row for row, _ in placed]


def bundle(source, folder):
    """Write one sheet per family and the table of all stickers into `folder`."""
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 2 * DRAWN, "height": 2 * DRAWN})
        for family, (version, licence) in FAMILIES.items():
            package = json.loads((source / family / "package.json").read_text(encoding="utf-8"))
            if package["version"] != version:
                raise ValueError(f"{family} is {package['version']}, expected {version}: unpack that version.")
            icons = json.loads((source / family / "icons.json").read_text(encoding="utf-8"))
            pieces = []
            for name, glyphs in GLYPHS.items():
                for codepoint, glyph in glyphs.items():
                    svg = drawing(icons, family, glyph)
                    if svg and (family, glyph) not in NOT_TAKEN:
                        row = {
                            "family": family,
                            "class": name,
                            "codepoint": codepoint,
                            "name": glyph,
                            "licence": licence,
                        }
                        pieces.append((row, painted(page, svg, SIDE.get(name, OTHER_SIDE))))
            whole, placed = sheet(pieces)
            whole.save(folder / f"{family}.webp", lossless=True, quality=100, method=6, exact=False)
            order = [(name, codepoint) for name, glyphs in GLYPHS.items() for codepoint in glyphs]
            rows += sorted(placed, key=lambda row: order.index((row["class"], row["codepoint"])))
            print(f"{family}: {len(placed)} pieces, {(folder / f'{family}.webp').stat().st_size:,} bytes")
        browser.close()
    with open(folder / "stickers.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Render the artwork of the sticker set.")
    parser.add_argument("folder", type=Path, help="where the unpacked packages lie")
    bundle(parser.parse_args().folder, DATA / "stickers")
