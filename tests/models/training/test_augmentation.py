"""What an image becomes before a training step, against the same thing done one image at a time."""

import pytest
import torch

from ncviz.models.training.run import augmented

SHIFTS = range(-4, 5)


def drawn(seed):
    return torch.Generator().manual_seed(seed)


def moved(image, down, right):
    """Return an image [C, H, W] whose content lies so many pixels further down and right, zeros behind, pixelwise."""
    _, height, width = image.shape
    result = torch.zeros_like(image)
    for row in range(height):
        for column in range(width):
            if 0 <= row - down < height and 0 <= column - right < width:
                result[:, row, column] = image[:, row - down, column - right]
    return result


def candidates(image):
    """Return all 162 images that one may become."""
    return [
        moved(seen, down, right) for seen in (image, image.flip(2)) for down in SHIFTS for right in SHIFTS
    ]


@pytest.mark.parametrize("shape", [(3, 6, 8), (1, 9, 5)])
def test_each_image_becomes_a_mirrored_or_shifted_copy_of_itself(shape):
    images = torch.rand(25, *shape, generator=drawn(0))
    found = augmented(images, drawn(1))
    assert found.shape == images.shape
    for image, one in zip(images, found, strict=True):
        assert any(torch.equal(one, candidate) for candidate in candidates(image))


def test_every_shift_and_both_sides_are_drawn_about_equally_often():
    image = torch.rand(1, 9, 9, generator=drawn(0)) + 0.1
    found = augmented(image.expand(8100, 1, 9, 9), drawn(2)).flatten(1)
    kinds = torch.stack(candidates(image)).flatten(1)
    counts = (found[:, None] == kinds).all(dim=2).sum(dim=0)
    assert counts.sum() == 8100
    assert counts.min() > 20  # of 50 expected
    assert counts.max() < 90


def test_the_seed_decides_and_the_images_stay():
    images = torch.rand(40, 3, 8, 8, generator=drawn(0))
    before, state = images.clone(), torch.get_rng_state()
    first, again, other = (augmented(images, drawn(seed)) for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(images, before)
    assert torch.equal(torch.get_rng_state(), state)
    generator = drawn(5)
    assert not torch.equal(augmented(images, generator), augmented(images, generator))
