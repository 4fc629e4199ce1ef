"""Which known architecture a state dict is of, told by its keys and shapes alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from torch import Tensor

from ncviz.budget import Budget
from ncviz.errors import ModelError
from ncviz.models.catalogue.architectures import ARCHITECTURES, build_without_weights, find_architecture
from ncviz.models.catalogue.torchvision_models import torchvision_names
from ncviz.models.files.choices import SeveralFitError
from ncviz.models.files.state_dict.candidates import Candidate, Part, is_counter, parts_for
from ncviz.text import quotable

_HELP = (
    "export the network with torch.onnx.export and bring the .onnx file, which holds its layers too, or build the same "
    "layers in the form"
)


@dataclass(frozen=True)
class Guess:
    """How well a state dict fits one architecture.

    Attributes:
        architecture: Its name, with "@" and the number of classes where the state dict has another than usual.
        fitting: Keys that both have, with the same shape.
        expected: Keys of the architecture.
        given: Keys of the state dict.
    """

    architecture: str
    fitting: int
    expected: int
    given: int

    @property
    def is_exact(self) -> bool:
        """Whether every key of both fits."""
        return self.fitting == self.expected == self.given


@cache
def _outline(architecture: str) -> tuple[Mapping[str, tuple[int, ...]], str]:
    """Return names and shapes of an architecture's weights, and the name before the dot of its last layer."""
    state = build_without_weights(find_architecture(architecture)).state_dict()
    shapes = {key: tuple(tensor.shape) for key, tensor in state.items() if not is_counter(key)}
    return shapes, list(shapes)[-1].rpartition(".")[0]


def guess_architectures(state: Mapping[str, Tensor]) -> list[Guess]:
    """Return the known architectures that share keys and shapes with a state dict, the likeliest first.

    Counters of normalisations do not count, because older files lack them. Activations have no weights, so several
    architectures may fit exactly.

    Args:
        state: Key → tensor, without a prefix; only the shapes are looked at.
    """
    given = {key: tuple(tensor.shape) for key, tensor in state.items() if not is_counter(key)}
    found = [_guess(name, given) for name in (*ARCHITECTURES, *torchvision_names(is_plain=False))]
    # Two names of one network may become one with another number of classes.
    likely = {guess.architecture: guess for guess in found if guess is not None}
    # Python sorts stably, so those that tie stay in the order of the lists.
    return sorted(likely.values(), key=lambda guess: -guess.fitting / max(guess.expected, guess.given))


def architectures_of(candidate: Candidate, budget: Budget) -> list[tuple[str, Part]]:
    """Return the known architectures that some of a candidate's tensors are of, behind whatever prefix, with these."""
    found = {}
    for architecture in (*ARCHITECTURES, *torchvision_names(is_plain=False)):
        with budget.apart():
            keys = _outline(architecture)[0]
        for part in parts_for(candidate, keys, budget, is_named=False):
            given = {key: tuple(each.shape) for key, each in part.tensors.items() if not is_counter(key)}
            guess = _guess(architecture, given)
            if guess is not None and guess.is_exact:
                found[guess.architecture, part.prefix] = part
    return [(name, part) for (name, _), part in found.items()]


def prepare() -> None:
    """Build the outlines that every file of weights is compared with; they are kept."""
    for architecture in (*ARCHITECTURES, *torchvision_names(is_plain=False)):
        _outline(architecture)


def recognise(state: Mapping[str, Tensor], label: str) -> str:
    """Return the one architecture that a state dict is of.

    Args:
        state: Key → tensor, without a prefix.
        label: The file's name, for messages.

    Raises:
        ModelError: If none fits, saying which comes nearest and what to do.
        SeveralFitError: If several do.
    """
    guesses = guess_architectures(state)
    exact = [guess.architecture for guess in guesses if guess.is_exact]
    if len(exact) == 1:
        return exact[0]
    if exact:
        raise SeveralFitError(
            f"The weights in {label} fit {' and '.join(exact)} alike, because activations have no weights; choose one.",
            "architecture",
            tuple(exact),
        )
    first = next(iter(state), "")
    nearest = guesses[0] if guesses else None
    # With fewer than half of its keys in place it is another network, and the comparison would mislead.
    if nearest is not None and 2 * nearest.fitting >= max(nearest.expected, nearest.given):
        raise ModelError(
            f"{label} fits no architecture that ncviz knows; {nearest.architecture} comes nearest, with "
            f"{nearest.fitting} of {nearest.expected} keys and shapes. To show it, {_HELP}."
        )
    raise ModelError(
        f"{label} holds the weights of a network that ncviz does not know (first key `{quotable(first)}`), and weights "
        f"alone do not say how they are joined. To show it, {_HELP}."
    )


def _guess(name: str, given: Mapping[str, tuple[int, ...]]) -> Guess | None:
    """Return how well an architecture fits, with the state dict's own number of classes; None if not at all."""
    shapes, head = _outline(name)
    usual, last = (each.get(f"{head}.weight", ()) for each in (shapes, given))
    classes = last[0] if last and last[1:] == usual[1:] else 0
    if classes and classes != usual[0]:
        ends = {key for key in (f"{head}.weight", f"{head}.bias") if key in shapes}
        shapes = {key: (classes, *shape[1:]) if key in ends else shape for key, shape in shapes.items()}
        try:
            name = find_architecture(f"{name}@{classes}").name
        except ModelError:
            return None
    fitting = sum(given.get(key) == shape for key, shape in shapes.items())
    return Guess(name, fitting, len(shapes), len(given)) if fitting else None
