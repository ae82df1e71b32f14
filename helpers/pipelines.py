"""From picture files to batches for training, with tf.data: read, decode, resize, batch, prefetch."""

from pathlib import Path

import numpy as np

from helpers.arguments import whole_number

RESIZES = ("crop", "pad", "squash")


def from_files(paths, labels, image_size=(180, 180), batch_size=32, resize="crop", shuffle=None, cache=False):
    """Return a `tf.data.Dataset` of batches (pictures, labels) that reads the files as it goes.

    Parameters
    ----------
    paths, labels : sequences of the same length
        Picture files (JPEG, PNG, BMP or GIF, of any size) and one label for each.
    image_size : (int, int)
        Height and width in pixels that every picture gets.
    batch_size : int
    resize : "crop", "pad" or "squash"
        What happens to a picture of another shape, see `resize_picture`.
    shuffle : int, optional
        A seed, 0 or more: then every epoch has another order, the same ones in every run. None keeps the order given.
    cache : bool
        Keep the decoded pictures in memory: height × width × 3 bytes each. The first epoch fills the cache.

    Pictures are uint8 of shape (batch, height, width, 3), 0 to 255; labels have the dtype given. The last batch may be
    smaller. Raises ValueError if the arguments do not fit, naming the first file that is missing. A file that cannot be
    decoded stops the run: audit the folder first (`helpers.images.audit`).
    """
    import tensorflow as tf

    check_size(image_size)
    check_resize(resize)
    paths, labels = [str(path) for path in paths], np.asarray(labels)
    if len(paths) != len(labels) or not paths:
        raise ValueError(
            f"{len(paths)} paths and {len(labels)} labels: give as many of one as of the other, at least 1."
        )
    whole_number("batch_size", batch_size, 1)
    whole_number("shuffle", shuffle, 0, optional=True)
    missing = next((path for path in paths if not Path(path).is_file()), None)
    if missing:
        raise ValueError(
            f"There is no file {Path(missing).name!r} in {Path(missing).parent.name}/. Load the data again."
        )

    def load(path, label):
        return resized(decoded(path), image_size, resize), label

    batches = tf.data.Dataset.from_tensor_slices((paths, labels))
    if shuffle is not None and not cache:
        batches = batches.shuffle(len(paths), seed=shuffle)  # names are small: the buffer holds them all
    batches = batches.map(load, num_parallel_calls=tf.data.AUTOTUNE)
    if cache:
        batches = batches.cache()
        if shuffle is not None:
            batches = batches.shuffle(len(paths), seed=shuffle)  # after the cache, or every epoch had one order
    return batches.batch(batch_size).prefetch(tf.data.AUTOTUNE)


def resize_picture(picture, image_size, resize="crop"):
    """Resize one picture as `from_files` does, for looking at what a choice means.

    Parameters
    ----------
    picture : path, or uint8 array of shape (height, width, 3)
    image_size : (int, int)
        Height and width of the result.
    resize : "crop", "pad" or "squash"
        "crop" keeps the shape of things and loses the margins of the longer side; "pad" keeps the shape and everything,
        and adds black bars; "squash" keeps everything and stretches it.

    Returns a uint8 array of shape (height, width, 3).
    """
    check_size(image_size)
    check_resize(resize)
    if isinstance(picture, str | Path):
        if not Path(picture).is_file():
            raise ValueError(f"There is no file {Path(picture).name!r}. Check the path.")
        picture = decoded(str(picture))
    elif np.ndim(picture) != 3 or np.shape(picture)[-1] != 3:
        raise ValueError(f"A picture of shape {np.shape(picture)}; expected (height, width, 3).")
    return resized(picture, image_size, resize).numpy()


def check_size(image_size):
    """Raise ValueError unless `image_size` is two whole numbers, 1 or more."""
    sizes = tuple(image_size) if isinstance(image_size, tuple | list) else ()
    if len(sizes) != 2 or not all(isinstance(side, int | np.integer) and side > 0 for side in sizes):
        raise ValueError(f"image_size={image_size!r}: give height and width in pixels, for example (180, 180).")


def check_resize(resize):
    """Raise ValueError unless `resize` is one of the three choices."""
    if resize not in RESIZES:
        raise ValueError(f'resize={resize!r}: choose "crop", "pad" or "squash".')


def decoded(path):
    """The picture in a file as a uint8 tensor (height, width, 3); greys get three equal channels."""
    import tensorflow as tf

    picture = tf.io.decode_image(tf.io.read_file(path), channels=3, expand_animations=False)
    picture.set_shape((None, None, 3))
    return picture


def resized(picture, image_size, resize):
    """`picture` with the size `image_size`, as a uint8 tensor; see `resize_picture`."""
    import tensorflow as tf

    height, width = image_size
    full = tf.shape(picture)
    if resize == "pad":
        tall, wide = full[0] * width // full[1], full[1] * height // full[0]
        tall, wide = (tf.clip_by_value(side, 1, most) for side, most in ((tall, height), (wide, width)))
        picture = tf.image.resize(picture, (tall, wide), antialias=True)
        picture = tf.image.pad_to_bounding_box(picture, (height - tall) // 2, (width - wide) // 2, height, width)
    else:
        if resize == "crop":  # cut first, then resize: fewer pixels to compute
            tall = tf.maximum(1, tf.minimum(full[0], full[1] * height // width))
            wide = tf.maximum(1, tf.minimum(full[1], full[0] * width // height))
            above, left = (full[0] - tall) // 2, (full[1] - wide) // 2
            picture = tf.image.crop_to_bounding_box(picture, above, left, tall, wide)
        picture = tf.image.resize(picture, (height, width), antialias=True)
    picture = tf.ensure_shape(picture, (height, width, 3))
    # The method is bilinear, so no value leaves 0..255.
    return tf.cast(tf.round(picture), tf.uint8)
