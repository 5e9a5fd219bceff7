"""TokenIds: lists of words to lists of token ids, for an Embedding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Self

import pandas as pd
from pyspark import keyword_only
from pyspark.ml.base import Transformer
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.param.shared import HasInputCol, HasOutputCol
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, StringType, StructField

from spark_deepnet.errors import DataError, ParamError
from spark_deepnet.spark.names import check_frame, check_new, column, field

UNKNOWN = 0
"""The id of words that the vocabulary does not have."""


class TokenIds(Transformer, HasInputCol, HasOutputCol, DefaultParamsReadable["TokenIds"], DefaultParamsWritable):
    """Words to token ids by a vocabulary, such as ``CountVectorizerModel.vocabulary``: its words are 1, 2, ... in its order,
    and 0 stands for every word that it does not have, not for padding. Rows of different lengths need no padding: an
    ``Embedding`` takes arrays of any length. It needs a vocabulary of ``getSize()``, one more than the words.

    >>> counts = CountVectorizer(inputCol="words", vocabSize=9999).fit(df)  # doctest: +SKIP
    >>> ids = TokenIds(inputCol="words", outputCol="features", vocabulary=counts.vocabulary)  # doctest: +SKIP
    >>> layers = [Embedding(ids.getSize(), 32), LSTM(64), Dense(2, "softmax")]  # doctest: +SKIP
    """

    vocabulary: Param[list[str]] = Param(
        Params._dummy(), "vocabulary", "The words whose ids are 1, 2, ..., in this order.", TypeConverters.toListString
    )
    _input_kwargs: dict[str, Any]

    @keyword_only
    def __init__(
        self,
        *,
        inputCol: str | None = None,
        outputCol: str | None = None,
        vocabulary: Sequence[str] | None = None,
    ) -> None:
        """inputCol: arrays of words; outputCol: arrays of ids, as ints; vocabulary: different words."""
        kwargs = self._input_kwargs
        super().__init__()
        self._setDefault(outputCol="features")
        self._set(**{name: value for name, value in kwargs.items() if value is not None})

    def setInputCol(self, value: str) -> Self:
        """The column of arrays of words."""
        return self._set(inputCol=value)

    def setOutputCol(self, value: str) -> Self:
        """The column of arrays of ids."""
        return self._set(outputCol=value)

    def setVocabulary(self, value: Sequence[str]) -> Self:
        """The words whose ids are 1, 2, ..., in this order."""
        return self._set(vocabulary=list(value))

    def getVocabulary(self) -> list[str]:
        """The words whose ids are 1, 2, ..., in this order."""
        if not self.isDefined(self.vocabulary):
            raise ParamError("TokenIds: vocabulary is not set; CountVectorizer's model has one")
        return list(self.getOrDefault(self.vocabulary))

    def getSize(self) -> int:
        """The number of different ids, which an Embedding needs as its vocabulary."""
        return 1 + len(self.getVocabulary())

    def _transform(self, dataset: DataFrame) -> DataFrame:
        check_frame(dataset, "transform")
        if not self.isDefined(self.inputCol):
            raise ParamError("TokenIds: inputCol is not set; it names a column of arrays of words")
        f = field(dataset, self.getInputCol(), "inputCol")
        _check_words(f)
        check_new(dataset, [self.getOutputCol()])
        words = self.getVocabulary()
        if len(set(words)) < len(words):
            raise ParamError("TokenIds: vocabulary has some words twice; give each once")
        return dataset.withColumn(self.getOutputCol(), _lookup(words)(column(f.name)))


def _check_words(f: StructField) -> None:
    kind = f.dataType
    if not (isinstance(kind, ArrayType) and isinstance(kind.elementType, StringType)):
        raise DataError(
            f"inputCol: column {f.name!r} is {kind.simpleString()}; expected an array of words (Tokenizer makes it)"
        )


def _lookup(words: Sequence[str]) -> Any:
    """The UDF."""

    def ids(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
        known = {word: number for number, word in enumerate(words, UNKNOWN + 1)}
        for lists in batches:
            yield lists.map(lambda row: None if row is None else [known.get(word, UNKNOWN) for word in row])

    return F.pandas_udf(ids, "array<int>")  # type: ignore[call-overload]
