"""The claims: where each stands, in which words, and what would show it to be wrong."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DATA_FOLDER = "{data}"
"""In a command: the folder of real data."""


@dataclass(frozen=True)
class Claim:
    """A number on a page, and the command whose output has it."""

    name: str
    page: str
    words: str
    """Of the page, with the number."""
    command: str
    """Arguments of this Python. Where it names real data, it is skipped if these are absent."""
    figure: str
    """A pattern, whose group is the figure, in one of the lines of the output; where it is in several, the worst counts."""
    least: float = float("-inf")
    most: float = float("inf")
    minutes: float = 1.0
    reference: str = ""
    """What others reach on the same data, with its source."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The folders of real data that the command reads."""
        return tuple(part.partition("}/")[2].partition("/")[0] for part in self.command.split() if DATA_FOLDER in part)

    def holds(self, figures: list[float]) -> bool:
        return bool(figures) and self.least <= min(figures) and max(figures) <= self.most

    def worst(self, figures: list[float]) -> float:
        """The one that is nearest to a bound, or beyond it."""
        return min(figures) if self.least > float("-inf") else max(figures)


ACCURACY = r"accuracy(?: of the model saved and loaded)? (\d\.\d+)"
BENCH = "-m tests.benchmarks --only"
RATIO = r"\d (?:us|ms|s|MB|x) +(\d+\.\d+) "
"""The ratio of a benchmark's row: ours over the peer's."""
MNIST = f"{DATA_FOLDER}/mnist"

CLAIMS = (
    Claim("digits", "README.md", "# about 0.98", "examples/digits.py", ACCURACY, least=0.97),
    Claim("digits of MNIST", "examples/digits.py", "MNIST's four idx files", f"examples/digits.py --data {MNIST}",
          ACCURACY, least=0.97, minutes=2),
    Claim("LeNet on MNIST", "docs/gallery.md", "above 0.985", f"examples/lenet.py --data {MNIST}", ACCURACY, least=0.985,
          minutes=4, reference="0.9914, Caffe's own LeNet after 10,000 steps of 64 images (its example's snapshot)"),
    Claim("Japanese vowels", "docs/gallery.md", "above 0.95", "examples/vowels.py", ACCURACY, least=0.95, minutes=2,
          reference="0.924, 0.959, 0.949: nearest neighbour by Euclidean distance, by warping each dimension, all together "
          "(Bagnall et al., The UEA multivariate time series classification archive, arXiv 1811.00075)"),
    Claim("adult census", "docs/gallery.md", "above 0.85", f"examples/census.py --data {DATA_FOLDER}/adult", ACCURACY,
          least=0.85, minutes=2, reference="0.859 NBTree, 0.845 C4.5 (adult.names, which comes with the data)"),
    Claim("characters", "docs/gallery.md", "below 1.75 nats",
          f"examples/characters.py --text {DATA_FOLDER}/text/tinyshakespeare.txt.gz", r"(\d+\.\d+) nats", most=1.75,
          minutes=10, reference="1.88 a small and 1.47 a large transformer (nanoGPT's README)"),
    Claim("defaults", "docs/defaults.md", "Each is within half a point", "-m tests.panel --master local[1]",
          r"(\d+) of \d+ missed", most=2, minutes=10),
    Claim("grids", "docs/training.md", "take 1.9 s in place of 7.8 s", f"{BENCH} tuning", RATIO, most=0.3, minutes=2),
    Claim("steps of networks", "docs/performance.md", "| LeNet, 128 |", f'{BENCH} ", step"', RATIO, most=1.1, minutes=8),
    Claim("steps of networks, AVX2", "docs/performance.md", "| LeNet, 128 |", f'{BENCH} ", step" --cpu avx2', RATIO,
          most=1.1, minutes=8),
    Claim("compiling", "docs/performance.md", '`ONLY="compile"`', f"{BENCH} compile", RATIO, most=2.0, minutes=8),
    Claim("exchange", "docs/performance.md", "an all-reduce between processes of one machine",
          f'{BENCH} "exchange all-reduce"', RATIO, most=6.0, minutes=2),
    Claim("encryption", "docs/security.md", "Encryption takes time", f"{BENCH} encrypted", RATIO, most=6.0),
    Claim("two threads", "docs/performance.md", "one rank on two threads", f"{BENCH} threads", RATIO, most=1.2, minutes=6),
    Claim("fits of few rows", "docs/performance.md", "of 150 rows it takes 0.4 s", f'{BENCH} "floor fit 150"', RATIO,
          most=2.5, minutes=2),
    Claim("overlap", "docs/exchange.md", "1.1 times as long with it", f"{BENCH} overlap", RATIO, most=1.5, minutes=3),
    Claim("rows on disk", "docs/training.md", "an epoch takes 1.06 to 1.12 times", f"{BENCH} spill", RATIO, most=2.0,
          minutes=4),
    Claim("blocks learn as replicas do", "docs/model_parallelism.md", "two blocks, `syncEvery=1`",
          '-m tests.train.real "MNIST FC"', r"^ +1 +1 +10 .* (\d+\.\d+)$", least=93.0, minutes=3),
    Claim("fewer steps by averaging", "docs/sparknet_study.md", "The speedup if exchange costs nothing",
          f"examples/sparknet_study.py --data {MNIST} --sizes 5 --taus 10", r"\| 5 \| (\d\.\d\d) \|", least=1.4, minutes=2,
          reference="3.8, AlexNet to 45 % of ImageNet on 5 machines (Moritz et al., SparkNet, arXiv 1511.06051)"),
    Claim("momentum between averages", "docs/sparknet_study.md", "the plain mean is better",
          f"examples/outer_step_study.py --data {MNIST} --seeds 1 --taus 10 --rates 0.04",
          r"\| mlp \| 4 \| 10 \| (\d\.\d+) ", most=5.0, minutes=2),
    Claim("predicted steps", "docs/training.md", "but 0.85 times on two workers", f"{BENCH} plan", RATIO, most=1.5,
          minutes=5),
)  # fmt: skip


def missing(claim: Claim, data: Path) -> list[str]:
    """The folders of real data that are not there."""
    return [name for name in claim.needs if not (data / name).is_dir()]
