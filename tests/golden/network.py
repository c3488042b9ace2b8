"""The network of polyp in PyTorch, and polyp's counter-based generator in numpy.

An independent second writing of src/net/{resnet,unet}.c, src/net/params.h and src/base/random.h: the oracle of
tests/test_network.c (through make_network.py) and the opponent of bench/peers.py. Modules are registered in running
order, so that state_dict() lists its entries in the order of polyp's parameter table.
"""
import re
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

# ---- the generator (src/base/random.h) -----------------------------------------------------------------------

RANDOM_WEIGHTS = 1
RANDOM_TEST = 7

GOLDEN = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1


def _mix(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


class Stream:
    """One stream; every method continues where the one before it stopped."""

    def __init__(self, seed, purpose, epoch, sample):
        self.state = 0
        for v in (seed, purpose, epoch, sample):
            self.state = _mix(((self.state ^ v) + GOLDEN) & MASK)

    def next(self, count):
        """The next `count` draws of 64 bits."""
        with np.errstate(over="ignore"):
            z = np.uint64(self.state) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(GOLDEN)
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z = z ^ (z >> np.uint64(31))
        self.state = (self.state + count * GOLDEN) & MASK
        return z

    def uniform(self, low, high, count):
        return low + (high - low) * ((self.next(count) >> np.uint64(11)).astype(np.float64) * 2.0**-53)

    def normal(self, count):
        u = self.uniform(0.0, 1.0, 2 * count)
        return np.sqrt(-2.0 * np.log(1.0 - u[0::2])) * np.cos(2.0 * np.pi * u[1::2])

    def below(self, n, count):
        return np.array([(int(x) * n) >> 64 for x in self.next(count)], dtype=np.int64)


# ---- the network ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spec:
    depth: int  # of the ResNet
    width: int  # of its stem
    layers: int  # 4: the bridge is layer4; 3: layer3
    widths: tuple  # of the decoder's stages, deepest first


SPECS = {
    "slim": Spec(50, 64, 4, (256, 128, 64, 32, 16)),
    "wide": Spec(50, 64, 4, (512, 256, 128, 64, 32)),
    "coauthor": Spec(50, 64, 3, (512, 256, 128, 64)),
    "slim18": Spec(18, 64, 4, (256, 128, 64, 32, 16)),
    "slim34": Spec(34, 64, 4, (256, 128, 64, 32, 16)),
    "slim101": Spec(101, 64, 4, (256, 128, 64, 32, 16)),
    "tiny": Spec(18, 8, 4, (32, 16, 8, 8, 8)),
    "narrow": Spec(50, 8, 4, (32, 16, 8, 4, 2)),  # an eighth of slim, for tests
}

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}


def _conv(inputs, outputs, kernel, stride=1):
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, inputs, channels, stride):
        super().__init__()
        self.conv1 = _conv(inputs, channels, 3, stride)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = _conv(channels, channels, 3)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _downsample(inputs, channels, stride)

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """v1.5: the stride stands on the 3x3."""

    expansion = 4

    def __init__(self, inputs, channels, stride):
        super().__init__()
        self.conv1 = _conv(inputs, channels, 1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = _conv(channels, channels, 3, stride)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = _conv(channels, 4 * channels, 1)
        self.bn3 = nn.BatchNorm2d(4 * channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _downsample(inputs, 4 * channels, stride)

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


def _downsample(inputs, outputs, stride):
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(_conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))


class Encoder(nn.Module):
    """Gives the stem's ReLU and every layer's end. `channels` says how many channels each has."""

    def __init__(self, spec):
        super().__init__()
        block = BasicBlock if spec.depth < 50 else Bottleneck
        self.conv1 = nn.Conv2d(3, spec.width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(spec.width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layers = spec.layers
        self.channels = [spec.width]
        inputs = spec.width
        for layer in range(spec.layers):
            channels = spec.width << layer
            blocks = []
            for i in range(BLOCKS[spec.depth][layer]):
                blocks.append(block(inputs, channels, 2 if layer > 0 and i == 0 else 1))
                inputs = channels * block.expansion
            setattr(self, f"layer{layer + 1}", nn.Sequential(*blocks))
            self.channels.append(inputs)

    def forward(self, x):
        values = [self.relu(self.bn1(self.conv1(x)))]
        x = self.maxpool(values[0])
        for layer in range(self.layers):
            x = getattr(self, f"layer{layer + 1}")(x)
            values.append(x)
        return values


class Stage(nn.Module):
    def __init__(self, inputs, skip, channels):
        super().__init__()
        self.up = nn.ConvTranspose2d(inputs, channels, 2, 2)
        self.conv1 = _conv(channels + skip, channels, 3)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = _conv(channels, channels, 3)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x, skip):
        x = torch.cat((self.up(x), skip), 1)
        x = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(x)))


class Network(nn.Module):
    def __init__(self, spec):
        super().__init__()
        self.encoder = Encoder(spec)
        inputs = self.encoder.channels[-1]
        skips = self.encoder.channels[-2::-1] + [3]
        self.decoder = nn.ModuleList()
        for channels, skip in zip(spec.widths, skips, strict=True):
            self.decoder.append(Stage(inputs, skip, channels))
            inputs = channels
        self.head = nn.Conv2d(inputs, 1, 1)

    def forward(self, picture):
        values = self.encoder(picture)
        skips = values[-2::-1] + [picture]
        x = values[-1]
        for stage, skip in zip(self.decoder, skips, strict=True):
            x = stage(x, skip)
        return self.head(x)


def our_name(name):
    """polyp's name of a tensor of segmentation_models_pytorch's Unet; our own names stay."""
    name = re.sub(r"^decoder\.blocks\.(\d)\.conv(\d)\.0\.", r"decoder.\1.conv\2.", name)
    name = re.sub(r"^decoder\.blocks\.(\d)\.conv(\d)\.1\.", r"decoder.\1.bn\2.", name)
    return name.replace("segmentation_head.0.", "head.")


def table(model):
    """(name, tensor) in the order of polyp's parameter table."""
    return [(our_name(k), v) for k, v in model.state_dict().items() if not k.endswith("num_batches_tracked")]


def create(preset):
    """The network of a preset: ours, or segmentation_models_pytorch's own."""
    if not preset.startswith("smp-"):
        return Network(SPECS[preset])
    import segmentation_models_pytorch

    return segmentation_models_pytorch.Unet(preset.removeprefix("smp-"), encoder_weights=None, classes=1)


def initialise(model, seed):
    """params_initialise() of src/net/params.h, rounded to f32 as there."""
    for index, (name, value) in enumerate(table(model)):
        if value.dim() != 4:
            fill = 1.0 if name.endswith("running_var") or (name.endswith("weight")) else 0.0
            value.fill_(fill)
            continue
        out_or_in, inner, kernel_h, kernel_w = value.shape
        fan_in = out_or_in if ".up." in name else inner * kernel_h * kernel_w
        draws = Stream(seed, RANDOM_WEIGHTS, 0, index).normal(value.numel()) * np.sqrt(2.0 / fan_in)
        value.copy_(torch.from_numpy(draws.astype(np.float32)).reshape(value.shape))


def loss_bce_dice(logits, masks):
    """LOSS_BCE_DICE of src/net/loss.h."""
    p = torch.sigmoid(logits).flatten(1)
    t = masks.flatten(1)
    dice = (2 * (p * t).sum(1) + 1) / (p.sum(1) + t.sum(1) + 1)
    return F.binary_cross_entropy_with_logits(logits, masks) + 1 - dice.mean()
