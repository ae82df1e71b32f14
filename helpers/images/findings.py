"""What is wrong with one file among pictures: `look_at` gives a verdict, and reasons in plain sentences."""

import contextlib
import errno
import hashlib
import io
import stat
import threading
from pathlib import PurePosixPath

import numpy as np
from PIL import Image, ImageOps

from helpers.images import duplicates
from helpers.images.folders import is_link

try:
    import simplejpeg
except ImportError:  # then `helpers.images.audit` says what it cannot see
    simplejpeg = None

# From harmless to grave. A file with several findings gets the gravest verdict and all the reasons.
VERDICTS = {
    "good": "an ordinary picture",
    "odd": "a readable picture with something unusual; the reason says what",
    "near duplicate": "a picture that shows the same as another file, re-encoded, resized or mirrored",
    "duplicate": "byte for byte the same as another file",
    "not a picture": "a file or link that does not belong among pictures",
    "broken": "cannot be read as a picture, or must not be (too large)",
}
COLUMNS = ["file", "verdict", "reason", "width", "height", "mode", "format", "bytes", "same_as"]
# Formats that PIL reads by itself. EPS is left out: for it PIL starts another program.
FORMATS = ["JPEG", "MPO", "PNG", "GIF", "BMP", "WEBP", "TIFF", "AVIF", "JPEG2000", "PPM", "ICO"]
MOST_BYTES = 100_000_000
MANY_PIXELS = 20_000_000
ONE_LARGE_PICTURE = threading.Lock()
SMALL = 32  # pixels
SYSTEM_FILES = {"thumbs.db", "ehthumbs.db", "desktop.ini", ".ds_store", "icon\r"}
MODES = {"1": "black and white", "L": "grey", "LA": "grey with transparency", "P": "indexed colours (a palette)",
         "RGBA": "with transparency (RGBA)", "CMYK": "CMYK, four printing colours"}  # fmt: skip
TURNS = {2: "mirrored", 3: "upside down", 4: "upside down and mirrored", 5: "on its side and mirrored",
         6: "on its side", 7: "on its side and mirrored", 8: "on its side"}  # fmt: skip
PICTURES = {b"\xff\xd8": "JPEG", b"\x89PNG": "PNG", b"GIF8": "GIF", b"II*\0": "TIFF", b"MM\0*": "TIFF"}
OTHERS = {b"%PDF": "a PDF", b"PK\x03\x04": "a zip archive", b"\xd0\xcf\x11\xe0": "a Microsoft compound file",
          b"\x00\x05\x16\x07": "macOS's notes on another file", b"\x1f\x8b": "a gzip archive",
          b"\x7fELF": "a program", b"MZ": "a program", b"SQLite": "a database"}  # fmt: skip


def known(verdicts):
    """Verdicts as a tuple. Raises ValueError for one that does not exist."""
    verdicts = (verdicts,) if isinstance(verdicts, str) else tuple(verdicts)
    if unknown := [verdict for verdict in verdicts if verdict not in VERDICTS]:
        raise ValueError(f"There is no verdict {unknown[0]!r}. The verdicts are: {', '.join(VERDICTS)}.")
    return verdicts


def look_at(name, path, root):
    """One row of the report as a dict, with `reasons` (a list), `sha256` and `fingerprint` of readable pictures."""
    row = dict.fromkeys(COLUMNS, "") | {"file": name, "verdict": "good", "reasons": [], "link": False}
    row |= {"width": None, "height": None, "bytes": None}

    def finding(verdict, reason):
        row["verdict"] = max(row["verdict"], verdict, key=list(VERDICTS).index)
        row["reasons"].append(reason)
        return row

    try:
        row["bytes"] = path.lstat().st_size
        row["link"] = is_link(path)
        if row["link"] and (reason := unfit_link(path, root)):
            return finding(*reason)
        if not stat.S_ISREG(path.stat().st_mode):
            if path.is_dir():
                return finding("broken", "The folder cannot be opened. Check its permissions.")
            return finding("not a picture", "It is a pipe, a socket or a device, not a file.")
        with open(path, "rb") as file:
            size = path.stat().st_size
            data = file.read(MOST_BYTES if size <= MOST_BYTES else 10**6)
    except OSError as error:
        gone = isinstance(error, FileNotFoundError)
        advice = "It has vanished meanwhile; audit again." if gone else "Check its permissions."
        return finding("broken", f"The file cannot be opened ({error.strerror}). {advice}")
    if PurePosixPath(name).name.lower() in SYSTEM_FILES or data.startswith(b"\x00\x05\x16\x07"):
        return finding("not a picture", "A hidden file that the operating system leaves in folders.")
    if not data:
        return finding("broken", "The file is empty (0 bytes).")
    try:
        with opened(data) as picture:
            row |= {"width": picture.width, "height": picture.height, "mode": picture.mode, "format": picture.format}
            if size > MOST_BYTES:
                limit = f"{MOST_BYTES / 1e6:,.0f} MB"
                return finding("broken", f"The file has {size / 1e6:,.0f} MB and was not read; up to {limit} are.")
            for reason in oddities(name, picture, data):
                finding("odd", reason)
            picture.draft(picture.mode, (128, 128))  # JPEGs only: all the data is read, the pixels come out smaller
            row["fingerprint"] = duplicates.fingerprint(as_rgb(picture))
    except Image.UnidentifiedImageError:
        return finding(*unidentified(data))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        limit = f"{Image.MAX_IMAGE_PIXELS / 1e6:.0f} million pixels"
        return finding("broken", f"A picture of more than {limit}, not decoded: it would fill the memory.")
    except Exception as error:  # a damaged file can make PIL raise anything
        row["reasons"].clear()
        return finding("broken", unreadable(error))
    if row["fingerprint"].contrast < 1:
        finding("odd", "The picture is of one colour.")
    if any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts):
        finding("odd", "The file is hidden.")
    row["sha256"] = hashlib.sha256(data).hexdigest()
    return row


@contextlib.contextmanager
def opened(data):
    """The bytes of a file as a PIL picture, if they are of one of `FORMATS`, for use in a `with` statement.

    Of pictures with more than `MANY_PIXELS` only one is open at a time: several threads would fill the memory.
    """
    picture = Image.open(io.BytesIO(data), formats=[kind for kind in FORMATS if kind in Image.OPEN])
    large = picture.width * picture.height > MANY_PIXELS
    # Unlike PIL's own `with`, `closing` also frees the pixels, and does so before the next picture may come.
    with ONE_LARGE_PICTURE if large else contextlib.nullcontext(), contextlib.closing(picture):
        yield picture


def unfit_link(path, root):
    """Verdict and reason for a link that leads nowhere or elsewhere; None for one to a file in the folder."""
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        loops = isinstance(error, RuntimeError) or error.errno == errno.ELOOP
        return "broken", "The link leads back to itself." if loops else "The link points to a file that does not exist."
    if not target.is_relative_to(root):
        return "not a picture", "The link leads out of the folder; it was not followed."
    if target.is_dir():
        return "not a picture", "The link leads to a folder; it was not followed."
    return None


def unidentified(data):
    """Verdict and reason for content that PIL does not know."""
    for start, kind in PICTURES.items():
        if data.startswith(start):
            return "broken", f"The file starts like a {kind}, but its header is damaged or breaks off."
    if data[4:8] == b"ftyp":
        return "broken", "The file is a HEIC photograph or a film, which is not read here. Export it as JPEG."
    if not data.strip(b"\0"):
        return "broken", "The file holds nothing but zero bytes."
    for start, kind in OTHERS.items():
        if data.startswith(start):
            return "not a picture", f"The file is {kind}, not a picture."
    text = data[:4096].decode("utf-8", "ignore")
    if "\0" in text or len(text.encode()) < 0.98 * len(data[:4096]):  # a cut at 4096 may split the last character
        return "not a picture", "The content is of no kind of picture that is read here."
    page = text.lstrip().lower().startswith(("<!doctype", "<html"))
    return "not a picture", f"The file holds {'a web page' if page else 'text'}, not a picture."


def unreadable(error):
    """Why PIL gave up, without the names of its objects and of folders."""
    said = getattr(error, "strerror", None) or str(error).partition("<_io")[0].strip()
    if "truncated" in said.lower() or isinstance(error, EOFError):
        return "The file is truncated: it breaks off before the picture is complete."
    return f"The picture cannot be decoded ({type(error).__name__}: {said})."


def oddities(name, picture, data):
    """Sentences on what is unusual about an opened picture; few or none for a plain RGB photograph."""
    suffixes, suffix = Image.registered_extensions(), PurePosixPath(name).suffix.lower()
    kind = {"MPO": "JPEG", "DIB": "BMP"}.get(picture.format, picture.format)
    if suffixes.get(suffix) != kind:
        yield f"The content is {kind}, the suffix says {suffixes.get(suffix, repr(suffix) if suffix else 'nothing')}."
    if picture.mode in MODES:
        yield f"The picture is {MODES[picture.mode]}, not RGB."
    elif picture.mode[0] in "IF" or (kind == "PNG" and data[24] == 16):
        yield "The picture has 16 bits or more per channel."
    elif picture.mode != "RGB":
        yield f"The picture is in the mode {picture.mode}, not RGB."
    if (frames := getattr(picture, "n_frames", 1)) > 1:
        yield f"The file holds {frames} pictures (animated or several pages); the first one counts."
    if (turn := orientation(picture)) in TURNS:
        yield f"The pixels are stored {TURNS[turn]} (EXIF orientation {turn}); most training code ignores that."
    if min(picture.size) < SMALL:
        yield f"The picture is small: {picture.width} × {picture.height} pixels."
    if kind == "JPEG":
        if said := complaint(data):
            yield f"libjpeg complains: {said}."
        if after := len(data) - data.rfind(b"\xff\xd9") - 2:
            yield f"{after:,} bytes follow the end of the picture."


def orientation(picture):
    """EXIF's number for how the camera was held, 1 to 8; 1 (upright) also where the EXIF data is damaged."""
    try:
        return picture.getexif().get(0x0112, 1)
    except Exception:  # PIL raises many kinds here
        return 1


def complaint(jpeg):
    """What libjpeg says about these bytes while it decodes them, or an empty text. Nothing is printed."""
    if simplejpeg is None:
        return ""
    try:  # an eighth of the size: all the data is read, little is computed
        simplejpeg.decode_jpeg(jpeg, "GRAY", min_height=1, min_width=1, min_factor=8, strict=True)
    except ValueError as error:
        said = str(error).removeprefix("Warning: ").rstrip(".")
        # simplejpeg's own limits, not the file's; whether the file can be read is PIL's to say
        return "" if said.startswith(("tj", "Unsupported", "Could not")) else said
    return ""


def as_rgb(picture):
    """A PIL picture of any mode as RGB: first frame, EXIF orientation applied, on white, 16 bits scaled to 8."""
    picture.load()
    if orientation(picture) in TURNS:
        picture = ImageOps.exif_transpose(picture)
    if picture.mode[0] in "IF":
        values = np.array(picture, dtype=np.float64)  # changed in place from here on: it may fill 700 MB
        np.nan_to_num(values, copy=False)
        low, high = float(values.min()), float(values.max())
        if picture.mode != "F" and low >= 0 and high < 65536:
            low, high = 0, 65535
        values -= low
        values *= 255 / max(high - low, 1e-9)
        return Image.fromarray(values.astype(np.uint8)).convert("RGB")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    return picture.convert("RGB")
