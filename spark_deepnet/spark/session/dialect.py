"""What a classic session and one of Spark Connect do differently. Only this file asks which of the two a session is.

A classic driver has a SparkContext in a JVM beside it. Over Connect the driver is a client that may run on another
machine: it has no SparkContext, and knows neither the server's filesystems nor its memory.
"""

from __future__ import annotations

import logging
import os
import posixpath
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from pyspark.ml.wrapper import JavaWrapper
from pyspark.sql import DataFrame, SparkSession, is_remote

from spark_deepnet.spark.session.memory import memory_of_machine

if TYPE_CHECKING:  # the package of a thin client lacks it
    from pyspark import Broadcast

_LOCAL = re.compile(r"file:/+(?:localhost/)?")
_SEPARATOR = "\x1e"
"""No setting has it: it is the ASCII character that separates records."""
_LOOPBACK = "127.0.0.1"
_log = logging.getLogger(__name__)


class Dialect(Protocol):
    """The capabilities of a session that depend on its API."""

    max_function_bytes: int | None
    """Bytes that a function sent to workers may carry; None: no limit of its own."""
    plans_here: bool
    """Whether queries are planned when this process asks, so that a setting can hold for one query alone."""

    def settings(self) -> dict[str, str]:
        """All that is set in the session or its cluster."""

    def slots(self, configured: int | None) -> int | None:
        """Tasks that can run at once now, 0 before the first executor has registered; where only settings say it as many as
        configured; None where nothing does."""

    def machine_memory(self) -> int | None:
        """Bytes of the machine on which a local master runs its tasks; None where this process cannot know them."""

    def listening_host(self, master: str, driver_host: str) -> str | None:
        """The address at which workers may reach this process; None where they cannot. master, driver_host: of the
        cluster."""

    def use_driver_python(self) -> None:
        """Have workers of a local master run this Python, where the user has chosen none."""

    def is_stopped(self) -> bool:
        """Whether the session was stopped."""

    def add_tag(self, tag: str) -> None:
        """Tag the jobs that this thread starts from now on."""

    def remove_tag(self, tag: str) -> None:
        """Stop tagging them."""

    def cancel_tag(self, tag: str) -> None:
        """Cancel all jobs with a tag."""

    def properties(self) -> Any:
        """A copy of the thread's local properties (job group, pool, tags)."""

    def restore(self, properties: Any) -> None:
        """Give the thread these local properties and no others."""

    def set_property(self, name: str, value: str | None) -> None:
        """Set a local property of the thread; None removes it."""

    def status_store(self) -> Any:
        """Spark's store of the stages and tasks that have run; None where there is none to read."""

    def broadcast(self, value: Any) -> Broadcast[Any] | None:
        """The value as a broadcast, apart from the functions that use it; None where there is no such thing."""

    def put_file(self, name: str, content: bytes) -> bool:
        """Put a file where tasks find it by SparkFiles until the session ends; False where functions carry as much, or the
        server takes none."""

    def plan(self, frame: DataFrame) -> None:
        """Plan a frame's query now rather than when it runs."""

    def max_rows(self, frame: DataFrame) -> int | None:
        """The most rows that a frame can have, as its plan says without a job; None where it does not."""

    def own_setting(self, key: str) -> str | None:
        """What the session sets; None where it has the default."""

    def session_key(self) -> int:
        """A number that all objects of one session share."""

    def folder_identity(self, path: str) -> str:
        """One name for all spellings of a folder: "/f", "/f/", "file:/f" and "/e/../f" are one where files are local."""

    def remove_folder(self, path: str) -> None:
        """Remove a folder or a file on any filesystem that Spark knows, if there is one."""


def dialect_of(spark: SparkSession) -> Dialect:
    return Connect(spark) if is_remote() else Classic(spark)


def column_home() -> object:
    """What this process's Columns belong to: the connection to a JVM, or Spark Connect."""
    if is_remote():
        return Connect
    from pyspark import SparkContext  # which the package of a thin client lacks

    return SparkContext._gateway


class Classic:
    """A session with a SparkContext."""

    max_function_bytes: int | None = None
    plans_here = True

    def __init__(self, spark: SparkSession) -> None:
        self.spark: Any = spark

    def settings(self) -> dict[str, str]:
        """As one text: each setting fetched by itself is a request to the JVM, and there are a hundred of them."""
        lines = self.spark._jsparkSession.conf().getAll().mkString(_SEPARATOR).split(_SEPARATOR)
        return dict(line.split(" -> ", 1) for line in lines if line)

    def slots(self, configured: int | None) -> int | None:
        jvm = self.spark.sparkContext._jsc.sc()
        profile = jvm.resourceProfileManager().defaultResourceProfile()
        return int(jvm.maxNumConcurrentTasks(profile))

    def machine_memory(self) -> int | None:
        return memory_of_machine()

    def listening_host(self, master: str, driver_host: str) -> str | None:
        return driver_host

    def use_driver_python(self) -> None:
        """The ``python3`` on PATH, which Spark takes, may lack this package. Workers elsewhere have paths of their own."""
        context, conf = self.spark.sparkContext, self.spark.conf
        chosen = conf.get("spark.pyspark.python", "") or os.environ.get("PYSPARK_PYTHON")
        if chosen or not conf.get("spark.master", context.master).startswith("local"):
            return
        if context.pythonExec != sys.executable:
            context.pythonExec = sys.executable
            _log.info("workers run %s, as the driver does", sys.executable)

    def is_stopped(self) -> bool:
        context = self.spark.sparkContext
        return context._jsc is None or bool(context._jsc.sc().isStopped())

    def add_tag(self, tag: str) -> None:
        """Of the SparkContext: tags of the SparkSession stay in its state, with which no closure over a session can be
        serialized any more, so that MLlib's estimators fail."""
        self.spark.sparkContext.addJobTag(tag)

    def remove_tag(self, tag: str) -> None:
        self.spark.sparkContext.removeJobTag(tag)

    def cancel_tag(self, tag: str) -> None:
        self.spark.sparkContext.cancelJobsWithTag(tag)

    def properties(self) -> Any:
        return self.spark.sparkContext._jsc.sc().getLocalProperties().clone()

    def restore(self, properties: Any) -> None:
        self.spark.sparkContext._jsc.sc().setLocalProperties(properties.clone())

    def set_property(self, name: str, value: str | None) -> None:
        self.spark.sparkContext.setLocalProperty(name, value)

    def status_store(self) -> Any:
        return self.spark.sparkContext._jsc.sc().statusStore()

    def broadcast(self, value: Any) -> Broadcast[Any]:
        shared: Broadcast[Any] = self.spark.sparkContext.broadcast(value)
        return shared

    def put_file(self, name: str, content: bytes) -> bool:
        """Spark broadcasts a function of some size by itself."""
        return False

    def plan(self, frame: Any) -> None:
        frame._jdf.queryExecution().executedPlan()

    def max_rows(self, frame: Any) -> int | None:
        most = frame._jdf.queryExecution().optimizedPlan().maxRows()
        return int(most.get()) if most.isDefined() else None

    def own_setting(self, key: str) -> str | None:
        is_set = self.spark._jsparkSession.sessionState().conf().contains(key)
        return str(self.spark.conf.get(key)) if is_set else None

    def session_key(self) -> int:
        return hash(self.spark._jsparkSession)

    def folder_identity(self, path: str) -> str:
        folder = self.spark._jvm.org.apache.hadoop.fs.Path(path)
        filesystem = folder.getFileSystem(self.spark._jsparkSession.sessionState().newHadoopConf())
        scheme, _, rest = filesystem.makeQualified(folder).toString().partition(":")
        return f"{scheme}:{posixpath.normpath(rest)}"

    def remove_folder(self, path: str) -> None:
        helper = JavaWrapper._new_java_obj("org.apache.spark.ml.util.FileSystemOverwrite")
        JavaWrapper(helper)._call_java("handleOverwrite", path, True, self.spark._jsparkSession)


class Connect:
    """A client of a Spark Connect server."""

    max_function_bytes: int | None = 100 << 20  # messages end at 128 MiB
    plans_here = False
    _files: ClassVar[set[tuple[str, str]]] = set()
    """Session and name of the files that were put."""

    def __init__(self, spark: SparkSession) -> None:
        self.spark = spark

    def settings(self) -> dict[str, str]:
        return dict(self.spark.conf.getAll)

    def slots(self, configured: int | None) -> int | None:
        return configured

    def machine_memory(self) -> int | None:
        return None

    def listening_host(self, master: str, driver_host: str) -> str | None:
        """Workers of a local master are where the server is, which may be this machine; if not, they find nobody there."""
        return _LOOPBACK if master.startswith("local") else None

    def use_driver_python(self) -> None:
        """Nothing: the server chooses it."""

    def is_stopped(self) -> bool:
        return bool(self.spark.is_stopped)

    def add_tag(self, tag: str) -> None:
        self.spark.addTag(tag)

    def remove_tag(self, tag: str) -> None:
        self.spark.removeTag(tag)

    def cancel_tag(self, tag: str) -> None:
        self.spark.interruptTag(tag)

    def properties(self) -> None:
        return None

    def restore(self, properties: None) -> None:
        """Nothing: there are none."""

    def set_property(self, name: str, value: str | None) -> None:
        """Nothing: jobs have tags alone."""

    def status_store(self) -> Any:
        return None

    def broadcast(self, value: Any) -> None:
        return None

    def put_file(self, name: str, content: bytes) -> bool:
        """The server holds a function several times in its heap for each task, and ends where that is too small."""
        key = self.spark.session_id, name
        if key not in self._files:
            try:
                with TemporaryDirectory() as folder:
                    Path(folder, name).write_bytes(content)
                    self.spark.addArtifacts(f"{folder}/{name}", file=True)
            except Exception as error:  # of a server that takes no files
                _log.info("transform: the server takes no files: %s", error)
                return False
            self._files.add(key)
        return True

    def plan(self, frame: DataFrame) -> None:
        """Nothing: the server plans a query when it runs."""

    def max_rows(self, frame: DataFrame) -> None:
        return None

    def own_setting(self, key: str) -> str | None:
        return self.spark.conf.getAll.get(key)

    def session_key(self) -> int:
        return hash(self.spark.session_id)

    def folder_identity(self, path: str) -> str:
        return posixpath.normpath(_LOCAL.sub("/", path))

    def remove_folder(self, path: str) -> None:
        from pyspark.ml.util import ML_CONNECT_HELPER_ID

        JavaWrapper(java_obj=ML_CONNECT_HELPER_ID)._call_java("handleOverwrite", path, True)
