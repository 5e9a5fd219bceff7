"""Models of PyTorch as it exports them to ONNX, with rows and their scores, made anew where there is a PyTorch:
``python -m tests.formats.torch_files``. The files are kept in ``torch_files/``."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from safetensors.torch import save_file
from torch import nn

FOLDER = Path(__file__).parent / "torch_files"


class LeNet(nn.Module):
    """As PyTorch's own example has it: functions between the layers, a view before the first Linear."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 4, 5), nn.Conv2d(4, 6, 5)
        self.fc1, self.fc2 = nn.Linear(96, 20), nn.Linear(20, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return F.log_softmax(self.fc2(F.relu(self.fc1(x.view(x.size(0), -1)))), dim=1)


class Residual(nn.Module):
    """A ResNet's block with a shortcut, batch normalization, and a squeeze of the channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 6, 3, 2, 1, bias=False), nn.BatchNorm2d(6)
        self.short, self.gate, self.top = nn.Conv2d(3, 6, 1, 2), nn.Conv2d(6, 6, 1), nn.Linear(6, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.hardswish(self.norm(self.conv(x))) + self.short(x)
        y = y * torch.sigmoid(self.gate(F.adaptive_avg_pool2d(y, 1)))
        return self.top(torch.flatten(F.adaptive_avg_pool2d(y, 1), 1))


class Shuffle(nn.Module):
    """ShuffleNet's shuffle and halves of channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 1, groups=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, c, h, w = x.shape
        x = self.conv(x).view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, -1, h, w)
        first, second = x.chunk(2, 1)
        return torch.cat((first, F.relu(second)), 1).mean((2, 3))


class UNet(nn.Module):
    """Down, up, and side by side: an image out of an image."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.deep = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 6, 3, padding=1)
        self.up, self.top = nn.ConvTranspose2d(6, 4, 2, 2), nn.Conv2d(8, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a = F.relu(self.down(x))
        b = F.relu(self.deep(F.max_pool2d(a, 2)))
        return torch.sigmoid(self.top(torch.cat((self.up(b), a), 1)))


class Words(nn.Module):
    """Tokens, by a convolution beside a recurrent layer both ways."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.conv = nn.Embedding(20, 6), nn.Conv1d(6, 4, 3)
        self.rnn, self.top = nn.LSTM(6, 5, batch_first=True, bidirectional=True), nn.Linear(14, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        e = self.embed(x)
        y, _ = self.rnn(e)
        return self.top(torch.cat((F.relu(self.conv(e.transpose(1, 2))).max(2)[0], y[:, -1]), 1))


class Normed(nn.Module):
    """GELU, LayerNorm and vectors of length 1: operators that the export spells out."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.top = nn.Linear(7, 8), nn.LayerNorm(8), nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.normalize(self.top(F.silu(self.norm(F.gelu(self.first((x - 0.5) / 2.0))))))


MODELS = {
    "lenet": (LeNet, (1, 28, 28)),
    "residual": (Residual, (3, 9, 9)),
    "shuffle": (Shuffle, (8, 5, 5)),
    "unet": (UNet, (3, 8, 8)),
    "words": (Words, (9,)),
    "normed": (Normed, (7,)),
}


def main() -> None:
    torch.manual_seed(0)
    FOLDER.mkdir(exist_ok=True)
    warnings.simplefilter("ignore")
    rows = {}
    for name, (make, shape) in MODELS.items():
        model = make().eval()
        for weight in model.state_dict().values():
            weight.copy_(weight + 0.1 * torch.rand(weight.shape)) if weight.dtype.is_floating_point else None
        x = torch.randint(0, 20, (3, *shape)) if name == "words" else torch.randn(3, *shape)
        rows |= {f"{name}/x": x.numpy(), f"{name}/y": model(x).detach().numpy()}
        for opset in (11, 17):
            path = FOLDER / f"{name}_{opset}.onnx"
            torch.onnx.export(
                model,
                (x,),
                path,
                opset_version=opset,
                dynamo=False,
                input_names=["x"],
                output_names=["y"],
                dynamic_axes={"x": {0: "n"}},
            )
        if name == "lenet":
            save_file(model.state_dict(), FOLDER / "lenet.safetensors")
    np.savez_compressed(FOLDER / "rows.npz", **rows)


if __name__ == "__main__":
    main()
