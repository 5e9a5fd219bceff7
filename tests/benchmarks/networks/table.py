"""All networks by their names."""

from __future__ import annotations

from tests.benchmarks.networks import alexnet, attention, googlenet, mobile, recurrent, small_images, text, vgg
from tests.benchmarks.networks.network import Network

NETWORKS: dict[str, Network] = {
    name: network
    for kind in (small_images, recurrent, attention, alexnet, googlenet, vgg, mobile, text)
    for name, network in kind.NETWORKS.items()
}
