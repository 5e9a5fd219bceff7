"""Ports, encryption and strangers, seen from the estimator."""

from __future__ import annotations

import logging
import sys
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest

from spark_deepnet.errors import ClusterError, ParamError
from spark_deepnet.exchange.handshake import CHALLENGE
from spark_deepnet.plan import connections
from spark_deepnet.spark.session.cluster import Cluster
from tests.exchange.hostile import Hostile
from tests.exchange.ranks import ports
from tests.spark.data import blobs, estimator, frame, same
from tests.spark.test_bad_input import check_sentence
from tests.train.fits import plan_of

PORTS = ports(3)  # of two workers and the driver


@pytest.mark.parametrize("encryption", ["off", "on"])
def test_300_hostile_connections_change_nothing(spark: Any, encryption: str) -> None:
    rows = frame(spark, *blobs()).cache()
    net = estimator(batchSize=16, numTrainWorkers=2, showProgress=True)
    alone = net.fit(rows)
    among = net.copy({net.portRange: f"{PORTS[0]}-{PORTS[-1]}", net.encryption: encryption})
    with Hostile(PORTS) as strangers:
        fits = [among.fit(rows)]
        while strangers.made < 300:
            fits.append(among.fit(rows))
    assert all(same(fit, alone) for fit in fits)
    assert strangers.learnt() <= ({CHALLENGE.size} if encryption == "off" else set())


@pytest.mark.parametrize(
    ("encryption", "settings", "encrypted"),
    [
        ("auto", {}, False),
        ("auto", {"network_crypto_enabled": "false"}, False),
        ("auto", {"network_crypto_enabled": "true"}, True),
        ("auto", {"authenticate_enableSaslEncryption": "true"}, True),
        ("auto", {"ssl_rpc_enabled": "True"}, True),
        ("auto", {"ssl_enabled": "true"}, False),
        ("off", {"ssl_rpc_enabled": "true"}, False),
        ("on", {"ssl_rpc_enabled": "true"}, True),
        ("on", {}, True),
    ],
)
def test_connections_are_encrypted_as_asked_or_as_spark_s_own(
    encryption: str, settings: dict[str, str], encrypted: bool, caplog: Any
) -> None:
    cluster = Cluster.from_settings({f"spark.{name.replace('_', '.')}": value for name, value in settings.items()})
    with caplog.at_level(logging.WARNING):
        assert bool(connections.identity_for(cluster.encrypted, encryption)) == encrypted
    assert ("over which their key travels" in caplog.text) == (encryption == "on" and not settings)


@pytest.mark.parametrize(
    ("recipe", "blocks", "found"),
    [
        ({}, 1, None),
        ({"sync_every": 5}, 1, "found syncEvery=5"),
        ({"sync_every": 0}, 1, "found syncEvery=auto"),
        ({}, 2, "found 2 blocks"),
    ],
)
def test_overlap_is_refused_where_it_would_do_nothing(recipe: dict[str, int], blocks: int, found: str | None) -> None:
    connections.check_overlap(replace(plan_of(**recipe), workers=2, blocks=blocks))
    with pytest.raises(ParamError, match=f"^overlap: .*{found}") if found else nullcontext():
        connections.check_overlap(replace(plan_of(overlap=True, **recipe), workers=2, blocks=blocks))


def test_every_fit_has_a_certificate_of_its_own() -> None:
    assert connections.made_identity() != connections.made_identity()


def test_without_the_package_a_fit_is_refused_before_its_first_job(spark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = frame(spark, *blobs(12))
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(ClusterError, match=r"encryption: .*cryptography") as raised:
        estimator(encryption="on").fit(rows)
    check_sentence(raised.value)
