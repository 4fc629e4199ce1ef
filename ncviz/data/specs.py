"""What is known of each dataset without reading it: classes, shapes, files, source, licence."""

from __future__ import annotations

from dataclasses import dataclass

# What the names of users' own data sets begin with; what follows is a digest of their content.
USER_DATA_PREFIX = "own-"
DIGITS = tuple(str(digit) for digit in range(10))
CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR100_CLASSES = (
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle", "bowl",
    "boy", "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle", "chair",
    "chimpanzee", "clock", "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur", "dolphin",
    "elephant", "flatfish", "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard", "lamp",
    "lawn_mower", "leopard", "lion", "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain",
    "mouse", "mushroom", "oak_tree", "orange", "orchid", "otter", "palm_tree", "pear", "pickup_truck",
    "pine_tree", "plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road",
    "rocket", "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake", "spider",
    "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank", "telephone", "television",
    "tiger", "tractor", "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf",
    "woman", "worm",
)  # fmt: skip


@dataclass(frozen=True)
class DatasetSpec:
    """What is known of a dataset without reading it.

    Attributes:
        name: Key in ``DATASETS``.
        title: Name for people.
        classes: Class names; a label is an index into them.
        input_shape: Shape of one image, (C, H, W).
        sizes: Number of images of each split of the complete data.
        is_bundled: Whether a sample ships with ncviz.
        files: Files that a folder with the data must hold, relative to it; none if no folder is ever read.
        source: Where the data come from.
        licence: Terms of use.
        citation: One sentence that cites the source.
        normalisation: How pixels become inputs.
        has_labels: Whether the right classes are known; where they are not, "right" is what the whole network says.
        sample_note: In what the bundled sample differs from the source, one sentence; empty if in nothing.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    input_shape: tuple[int, int, int]
    sizes: dict[str, int]
    is_bundled: bool
    files: tuple[str, ...]
    source: str
    licence: str
    citation: str
    normalisation: str = "pixels scaled to [0, 1], nothing else"
    sample_note: str = ""
    has_labels: bool = True

    @property
    def is_user_data(self) -> bool:
        """Whether it is a user's own, held by this server alone."""
        return self.name.startswith(USER_DATA_PREFIX)

    @property
    def first_file(self) -> str:
        """The first of ``files``, to tell a folder by; empty if there are none."""
        return self.files[0] if self.files else ""


_CIFAR_SOURCE = "https://www.cs.toronto.edu/~kriz/cifar.html"
_CIFAR_LICENCE = "No licence stated by its authors; cite the report and use it for research"
_CIFAR_CITATION = "A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009."

DATASETS: dict[str, DatasetSpec] = {
    spec.name: spec
    for spec in (
        DatasetSpec(
            name="digits", title="Digits 8×8", classes=DIGITS, input_shape=(1, 8, 8),
            sizes={"train": 1437, "test": 360}, is_bundled=True, files=(),
            source="https://archive.ics.uci.edu/dataset/80, as distributed with scikit-learn",
            licence="CC BY 4.0",
            citation="E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine "
            "Learning Repository, 1998.",
        ),
        DatasetSpec(
            name="mnist", title="MNIST", classes=DIGITS, input_shape=(1, 28, 28),
            sizes={"train": 60_000, "test": 10_000}, is_bundled=True,
            files=tuple(
                f"MNIST/raw/{split}-{kind}-ubyte"
                for split in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
            ),
            source="http://yann.lecun.com/exdb/mnist",
            licence="CC BY-SA 3.0",
            citation="Y. LeCun, C. Cortes and C. J. C. Burges, The MNIST Database of Handwritten Digits, 1998.",
        ),
        DatasetSpec(
            name="cifar10", title="CIFAR-10", classes=CIFAR10_CLASSES, input_shape=(3, 32, 32),
            sizes={"train": 50_000, "test": 10_000}, is_bundled=True,
            files=tuple(
                f"cifar-10-batches-py/{file}"
                for file in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta")
            ),
            source=_CIFAR_SOURCE, licence=_CIFAR_LICENCE, citation=_CIFAR_CITATION,
            sample_note="The bundled images were re-encoded as WebP at quality 90, so their pixels differ slightly "
            "from the source's.",
        ),
        DatasetSpec(
            name="cifar100", title="CIFAR-100", classes=CIFAR100_CLASSES, input_shape=(3, 32, 32),
            sizes={"train": 50_000, "test": 10_000}, is_bundled=False,
            files=tuple(f"cifar-100-python/{file}" for file in ("train", "test", "meta")),
            source=_CIFAR_SOURCE, licence=_CIFAR_LICENCE, citation=_CIFAR_CITATION,
        ),
    )
}  # fmt: skip
