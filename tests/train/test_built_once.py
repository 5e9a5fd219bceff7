"""A rank builds its network and its layout once a job, however many ask for them."""

from __future__ import annotations

import pickle
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from spark_deepnet.net import cut
from spark_deepnet.net.net import Net
from spark_deepnet.net.weights import Layout
from spark_deepnet.plan.plan import TrainPlan
from spark_deepnet.train import rank
from tests.exchange.ranks import HERE
from tests.train.fits import Rows, plan_of, run_ranks

ROWS = Rows.drawn()
DEEP = (
    {"kind": "dense", "units": 80, "activation": "tanh"},
    {"kind": "dense", "units": 80},
    {"kind": "dense", "units": 3},
)


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """What is built -> how often."""
    found: Counter[str] = Counter()

    def count(owner: Any, name: str, what: str, wrap: Any = lambda f: f) -> None:
        original = getattr(owner, name)

        def counted(*args: Any, **more: Any) -> Any:
            found[what] += 1
            return original(*args, **more)

        monkeypatch.setattr(owner, name, wrap(counted))

    count(Net, "of", "nets", staticmethod)
    count(Layout, "__init__", "layouts")
    count(cut._Cutter, "__init__", "cut nets")
    return found


def sent(plan: TrainPlan) -> TrainPlan:
    """The plan as a worker gets it."""
    return pickle.loads(pickle.dumps(plan))


def test_a_rank_builds_its_net_and_its_layout_once(built: Counter[str]) -> None:
    plan = sent(plan_of(batch_size=16, optimizer="adam", validated=True))
    assert not built
    for frame in rank.run(plan, iter(ROWS.dealt(60)[0]), rank.RankContext(0, 1, HERE, lambda told: [told])):
        assert "error" not in set(frame.kind)
    assert built == {"nets": 1, "layouts": 1}


def test_ranks_of_blocks_cut_it_once_a_block(built: Counter[str]) -> None:
    """Its own and the last; the two ranks are threads here, with one plan."""
    plan = sent(replace(plan_of(DEEP, batch_size=16, optimizer="adam"), blocks=2))
    run_ranks(plan, ROWS.dealt(30, 30))
    assert built["nets"] <= 2, "one a rank"
    assert 2 <= built["cut nets"] <= 4, "two a rank"


def test_what_a_rank_keeps_is_not_sent(built: Counter[str]) -> None:
    plan = plan_of(batch_size=16)
    size = len(pickle.dumps(plan))
    layout = plan.recipe.scores_net().layout
    assert plan.recipe.scores_net().layout is layout
    assert replace(plan.recipe, seed=8).scores_net().layout is layout
    assert len(pickle.dumps(plan)) == size
    assert built == {"nets": 1, "layouts": 1}
    again = sent(plan)
    assert again == plan
    assert again.recipe.scores_net() == plan.recipe.scores_net()
    assert built == {"nets": 2, "layouts": 1}
