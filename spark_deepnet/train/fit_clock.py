"""The progress of a fit: learning rate, measures of the epoch, best weights, early stopping."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

import numpy as np

from spark_deepnet.errors import TrainingError
from spark_deepnet.plan.automatic import EPOCHS, MIN_IMPROVEMENT, PATIENCE_STEPS, PLATEAU_STEPS, STABLE
from spark_deepnet.plan.plan import Recipe
from spark_deepnet.train.measure import named_measures, watched
from spark_deepnet.train.state import State


class FitClock:
    """Advances the state's clock: on every rank of a barrier job, all alike, or on the driver of rounds."""

    def __init__(
        self,
        recipe: Recipe,
        state: State,
        rows: int,
        validation_weights: Sequence[float],
        notes: Sequence[str] = (),
    ) -> None:
        """notes: sentences about the rows' numbers, for the error of a fit that fails."""
        self.notes = notes
        self.recipe, self.state, self.clock = recipe, state, state.clock
        self.rows, self.validation_weights = rows, validation_weights
        self.schedule = recipe.schedule
        self.heads = recipe.heads()
        self.clock.sums = self.clock.sums or self._no_sums()
        self.pace = time.perf_counter()
        self.last_rate = recipe.learning_rate
        self.converged = False
        """Whether a full-batch optimizer has nothing left to find."""
        self.end: float = self.epochs
        """After how many epochs the fit ends at the latest."""

    @property
    def epochs(self) -> int:
        """The number of epochs, as far as it is known."""
        return self.clock.end or self.recipe.epochs

    def rate(self, seen: int, steps: int) -> float:
        """The learning rate of the next step, by the rows that all ranks have seen, in an earlier fit too that this one
        continues. steps: of an epoch."""
        before = self.clock.started * self.recipe.batch_size
        self.end = min(self.epochs, self.recipe.max_steps / steps) if self.recipe.max_steps else self.epochs
        self.last_rate = self.schedule.rate(
            self.recipe.learning_rate, before + seen, self.rows, self.end + before / self.rows
        )
        return self.last_rate

    def note(self, sums: np.ndarray) -> None:
        """Add to the epoch's sums over rows of loss, metric and weight: (outputs, 3)."""
        self.clock.sums = (np.array(self.clock.sums) + sums).tolist()
        self.tick()

    def tick(self) -> None:
        """Add the seconds since the last call to the epoch's."""
        now = time.perf_counter()
        self.clock.seconds += now - self.pace
        self.pace = now

    @property
    def steps_left(self) -> float:
        """How many more steps the fit may make."""
        return self.recipe.max_steps - self.clock.made if self.recipe.max_steps else float("inf")

    @property
    def ends_measured(self) -> bool:
        """Whether the weights at this epoch's end are evaluated or kept: they must then be the average of all replicas."""
        measured = self.recipe.validated or bool(self.recipe.metrics)
        return measured or self.clock.epoch + 1 >= self.epochs

    def end_epoch(
        self, validation: np.ndarray | None, part: float = 1.0, metrics: Mapping[str, float] | None = None
    ) -> dict[str, Any]:
        """Measure, keep the best weights, and see whether this was the last epoch; validation: (outputs, 2), the
        sums of loss and metric over the validation rows; part: of the epoch that was made; metrics: by name."""
        clock = self.clock
        row = named_measures(self.heads, [(loss / weight, metric / weight) for loss, metric, weight in clock.sums])
        if validation is not None:
            means = validation / np.array(self.validation_weights)[:, None]
            row |= named_measures(self.heads, means.tolist(), "validation")
        row |= metrics or {}
        if validation is not None:
            self._keep_best(self._watched(row))
        self.tick()
        row |= {"seconds": clock.seconds, "rowsPerSecond": part * self.rows / max(clock.seconds, 1e-9)}
        clock.history.append(row)
        clock.epoch, clock.step, clock.sums, clock.seconds = clock.epoch + 1, 0, self._no_sums(), 0.0
        by_plateau = EPOCHS in self.recipe.automatic and not self.recipe.optimizer.full_batch
        if by_plateau:
            self._look_for_plateau(self._watched(row))
        stale = self.recipe.validated and 0 < self.recipe.patience <= clock.stale and not by_plateau
        clock.finished = stale or self.converged or clock.epoch >= self.epochs or self.steps_left <= 0
        return self.progress(0.0) | {"measures": row, "finished": clock.finished}

    def _watched(self, row: dict[str, float]) -> float:
        """The figure by which a fit ends early, so that lower is better: of validation rows, where there are some."""
        if not self.recipe.validated:
            return row["loss"]
        name, higher = watched(self.recipe)
        return -row[name] if higher else row[name]

    def _look_for_plateau(self, loss: float) -> None:
        """Where the loss has not improved for some epochs, let the learning rate decay, and the fit end with it."""
        clock, steps = self.clock, self.clock.made / self.clock.epoch
        least = MIN_IMPROVEMENT * abs(self._watched(clock.history[0]))
        if loss < clock.lowest - max(least, self.recipe.tol):
            clock.lowest, clock.lowest_epoch = loss, clock.epoch
        patience = max(self.recipe.patience, ceil(PATIENCE_STEPS / max(steps, 1e-9)))
        stays = clock.epoch - clock.lowest_epoch >= patience and clock.made >= PLATEAU_STEPS
        if stays and self.recipe.patience and not clock.end:
            clock.end = min(self.recipe.epochs, ceil(clock.epoch / STABLE))

    def _no_sums(self) -> list[list[float]]:
        return [[0.0, 0.0, 0.0] for _ in self.heads]

    def _keep_best(self, loss: float) -> None:
        """loss: the watched figure, so that lower is better."""
        clock = self.clock
        if loss < clock.best - self.recipe.tol * (clock.best_epoch >= 0):
            clock.best, clock.best_epoch, clock.stale = loss, clock.epoch, 0
            assert self.state.best is not None
            self.state.best[...] = self.state.weights
        else:
            clock.stale += 1

    def progress(self, part: float) -> dict[str, Any]:
        """The fit's progress, for the progress bar."""
        clock = self.clock
        seen = [(head.weight, sums) for head, sums in zip(self.heads, clock.sums, strict=True) if sums[2]]
        loss = sum(weight * sums[0] / sums[2] for weight, sums in seen) if seen else None
        return {"epoch": clock.epoch + part, "epochs": ceil(self.end), "rows": self.rows, "loss": loss}

    def lost_loss(self, step: int | None = None) -> TrainingError:
        where = f"epoch {self.clock.epoch + 1}" + ("" if step is None else f", step {step}")
        return self._lost(f"loss became NaN or infinite in {where}")

    def lost_weights(self) -> TrainingError:
        return self._lost(f"weights became NaN or infinite in epoch {self.clock.epoch + 1}")

    def _lost(self, what: str) -> TrainingError:
        if self.recipe.optimizer.full_batch:
            return TrainingError(f"fit: the {what}; {self.notes[0] if self.notes else 'scale the features'}")
        return TrainingError(
            f"fit: the {what}, at a learning rate of {self.last_rate:g}; "
            + (f"{self.notes[0]}; or " if self.notes else "")
            + "lower learningRate, set clipNorm"
            + ("" if self.notes else ", or scale the features")
        )
