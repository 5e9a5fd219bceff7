"""What is known of fits, for the tools that people watch them with: TensorBoard and MLflow. Each is an extra, imported when
it is used."""

from __future__ import annotations

from spark_deepnet.tracking.tensorboard import TensorBoard

__all__ = ["TensorBoard"]
