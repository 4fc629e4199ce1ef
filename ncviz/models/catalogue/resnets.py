"""The residual networks for CIFAR of He et al., Deep Residual Learning (arXiv 1512.03385), section 4.2.

Three stages of 16, 32 and 64 maps at 32×32, 16×16 and 8×8 pixels, n blocks of two 3×3 convolutions in each, so 6n + 2
layers with weights. Where the maps change, the shortcut is the paper's option B, a 1×1 convolution with stride 2 and
batch normalisation. (The paper's own CIFAR experiments use option A, which pads with zeros and has no weights.)
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

STAGES = (16, 32, 64)


class Block(nn.Module):
    """Two 3×3 convolutions and a shortcut past them, summed before the last ReLU.

    Args:
        read: Maps that come in.
        maps: Maps that go out.
        stride: Step of the first convolution, and of the shortcut.
        activation: Makes the nonlinearities.
    """

    def __init__(self, read: int, maps: int, stride: int, activation: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(read, maps, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(maps)
        self.act1 = activation()
        self.conv2 = nn.Conv2d(maps, maps, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(maps)
        is_plain = stride == 1 and read == maps
        self.shortcut = (
            nn.Identity()
            if is_plain
            else nn.Sequential(nn.Conv2d(read, maps, 1, stride=stride, bias=False), nn.BatchNorm2d(maps))
        )
        self.act2 = activation()

    def forward(self, inputs: Tensor) -> Tensor:
        """Return [n, maps, H / stride, W / stride] for [n, read, H, W]."""
        inner = self.bn2(self.conv2(self.act1(self.bn1(self.conv1(inputs)))))
        return self.act2(inner + self.shortcut(inputs))


class ResNet(nn.Module):
    """A residual network for small colour images.

    Args:
        blocks: Blocks in each of the three stages: 1 for ResNet-8, 3 for ResNet-20.
        num_classes: Number of logits.
        activation: Makes the nonlinearities.
    """

    def __init__(
        self, blocks: int, num_classes: int = 10, activation: Callable[[], nn.Module] = nn.ReLU
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, STAGES[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(STAGES[0])
        self.act1 = activation()
        stages, read = [], STAGES[0]
        for number, maps in enumerate(STAGES):
            first = Block(read, maps, 2 if number > 0 else 1, activation)
            rest = (Block(maps, maps, 1, activation) for _ in range(blocks - 1))
            stages.append(nn.Sequential(first, *rest))
            read = maps
        self.stage1, self.stage2, self.stage3 = stages
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(STAGES[-1], num_classes)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits [n, num_classes] for images [n, 3, H, W]."""
        found = self.act1(self.bn1(self.conv1(inputs)))
        found = self.stage3(self.stage2(self.stage1(found)))
        return self.fc(self.flatten(self.pool(found)))
