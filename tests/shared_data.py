"""Real data and real models beside the checkout, or where SPARK_DEEPNET_DATA says; tests of them skip where it is absent."""

from __future__ import annotations

import os
from pathlib import Path

DATA = Path(os.environ.get("SPARK_DEEPNET_DATA", Path(__file__).parents[1] / "../shared/data"))
