"""Declarations: how a fit is distributed, exchanges, checkpoints and reports."""

from __future__ import annotations

from pyspark.ml.param import TypeConverters

from spark_deepnet.plan.connections import to_compression, to_port_range
from spark_deepnet.spark.params.converters import to_int_or_auto
from spark_deepnet.spark.params.declaration import AT_LEAST_1_OR_AUTO, Allowed, Declaration, above, at_least, one_of
from spark_deepnet.train.averaging import AVERAGE, KEEP, RESET

CLUSTER = (
    Declaration(
        "numTrainWorkers",
        TypeConverters.toInt,
        "Number of workers, each one Spark task; all run at the same time. 0: one per task slot, of which one makes the "
        "steps alone where these are so short that exchanging would take longer than it saves.",
        default=0,
        allowed=at_least(0),
    ),
    Declaration(
        "modelBlocks",
        to_int_or_auto,
        "Model parallelism: number of workers that together hold one copy of the weights, each a block of every large "
        "layer; numTrainWorkers must be a multiple of it. 'auto': the fewest that fit a worker's memory and are nearly "
        "the fastest.",
        default=1,
        allowed=AT_LEAST_1_OR_AUTO,
    ),
    Declaration(
        "syncEvery",
        to_int_or_auto,
        "Optimizer steps between exchanges. 1: all workers make every step together, on batchSize rows in all. n above 1: "
        "each worker makes n local steps of batchSize rows, then their weights are averaged. 'auto': n is chosen from "
        "measured times, so that exchange takes less than a tenth of them.",
        default=1,
        allowed=AT_LEAST_1_OR_AUTO,
    ),
    Declaration(
        "syncEpochs",
        TypeConverters.toInt,
        "With syncEvery above 1: number of epochs at the start in which all workers step together.",
        default=0,
        allowed=at_least(0),
        recipe="sync_epochs",
    ),
    Declaration(
        "syncState",
        TypeConverters.toString,
        "With syncEvery above 1: optimizer state, such as momentum, when weights are averaged: 'average' averages it too, "
        "'keep' leaves each worker its own, 'reset' clears it.",
        default=AVERAGE,
        allowed=one_of(AVERAGE, KEEP, RESET),
        recipe="sync_state",
    ),
    Declaration(
        "syncMomentum",
        TypeConverters.toFloat,
        "With syncEvery above 1: momentum, at least 0 and below 1, of the step from the last average of the weights to the "
        "next (block momentum, SlowMo). 0: the weights go on from the average itself.",
        default=0.0,
        allowed=Allowed(lambda v: 0 <= v < 1, "at least 0 and below 1"),
        recipe="sync_momentum",
    ),
    Declaration(
        "syncRate",
        TypeConverters.toFloat,
        "With syncEvery above 1: factor of that step, above 0.",
        default=1.0,
        allowed=above(0),
        recipe="sync_rate",
    ),
    Declaration(
        "exchange",
        TypeConverters.toString,
        "How workers exchange: 'sockets', between the tasks of a barrier job; 'spark', by a Spark job for every round of "
        "syncEvery steps, without sockets or barrier; 'auto': spark where the session refuses barrier jobs, else sockets.",
        default="auto",
        allowed=one_of("auto", "sockets", "spark"),
    ),
    Declaration(
        "compression",
        to_compression,
        "Gradient compression between hosts: 'none', 'fp16' (half precision) or 'topk' (of each host the hundredth of the "
        "gradients that is largest, the rest being sent later; {'kind': 'topk', 'ratio': 0.05} sets the part).",
        default="none",
    ),
    Declaration(
        "overlap",
        TypeConverters.toBoolean,
        "Whether gradients are summed over the workers during the backward pass; this needs a spare core per worker.",
        default=False,
        recipe="overlap",
    ),
    Declaration(
        "encryption",
        TypeConverters.toString,
        "TLS between workers, and from workers to the driver: 'on', 'off', or 'auto': on where Spark encrypts its own "
        "connections.",
        default="auto",
        allowed=one_of("auto", "on", "off"),
    ),
    Declaration(
        "portRange",
        to_port_range,
        "Ports that workers, and the driver with showProgress, listen on, as in 40000-40100; each takes the first free one. "
        "Unset: any port.",
        hint="str",
    ),
    Declaration(
        "checkpointDir",
        TypeConverters.toString,
        "Folder on any filesystem that Spark knows, for checkpoints, from which an interrupted fit resumes, and for "
        "training state of more than 64 MiB between jobs.",
    ),
    Declaration(
        "maxMemoryInMB",
        TypeConverters.toInt,
        "MiB of rows that a worker keeps in memory; more are spilled to local disk. 0: half of what an executor has for "
        "Python, divided among its tasks.",
        default=0,
        allowed=at_least(0),
    ),
    Declaration(
        "checkpointInterval",
        TypeConverters.toInt,
        "With checkpointDir: maximum number of epochs between checkpoints, at least 1; -1 disables them.",
        default=10,
        allowed=Allowed(lambda v: v >= 1 or v == -1, "at least 1, or -1 for none"),
    ),
    Declaration(
        "keepCheckpoints",
        TypeConverters.toInt,
        "Number of a fit's latest checkpoints to keep, at least 1.",
        default=2,
        allowed=at_least(1),
    ),
    Declaration(
        "jobSeconds",
        TypeConverters.toFloat,
        "Minimum seconds that one Spark job of a fit trains before it hands its state to the next; a failure costs at "
        "most the work of one job.",
        default=30.0,
        allowed=at_least(0),
        plan="job_seconds",
    ),
    Declaration(
        "timeout",
        TypeConverters.toFloat,
        "Seconds that a worker waits for another before the fit fails; above 0.",
        default=300.0,
        allowed=above(0),
        plan="deadline",
    ),
    Declaration(
        "showProgress",
        TypeConverters.toBoolean,
        "Whether fit shows a progress bar of epochs, loss and rows per second.",
        default=False,
    ),
)
