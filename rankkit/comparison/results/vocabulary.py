"""What tables and pages call things, by what is compared: the numbers are made alike, the words are not."""

from dataclasses import dataclass, field

from rankkit.comparison.sources import ExampleSource, Kind, Source, kind_of


@dataclass(frozen=True)
class Words:
    """Of one kind of comparison.

    Args:
        query: What has a value of each metric.
        queries: Several.
        a_query: With its article.
        answered: What can be said of each of them where all count.
        unanswered: What those are that cannot be answered.
        documents: What a system is applied to.
        same: How two of them are the same.
        group: What the number of relevant documents of one is called.
        counts: What is counted of a part of a split: the key in about.json, and its head in a table.
        rate: Key of the training speed in the files of cost.
        rate_head: Its head in a table.
        timed: Key of the latency in the files of cost, without unit.
        timing: What is timed.
        fastest: What the one with the least latency does.
    """

    query: str
    queries: str
    a_query: str
    answered: str
    unanswered: str
    documents: str
    same: str
    group: str
    rate: str
    rate_head: str
    timed: str
    timing: str
    fastest: str
    counts: dict[str, str] = field(default_factory=dict)


WORDS: dict[Kind, Words] = {
    "rankers": Words(
        query="query",
        queries="queries",
        a_query="a query",
        answered="every test query has a relevant document",
        unanswered="test queries without a relevant document",
        documents="documents",
        same="document for document",
        group="documents with label 1 or more",
        rate="docs_per_second",
        rate_head="docs/s",
        timed="scoring_100_docs",
        timing="scoring one query of 100 documents",
        fastest="scores fastest",
        counts={"n_queries": "queries", "n_docs": "documents"},
    ),
    "encoders": Words(
        query="anchor",
        queries="anchors",
        a_query="an anchor",
        answered="every test anchor has another example of its class",
        unanswered="test anchors without another example of their class",
        documents="examples",
        same="number for number",
        group="other examples of its class",
        rate="examples_per_second",
        rate_head="examples/s",
        timed="embedding_100_examples",
        timing="embedding 100 examples",
        fastest="embeds fastest",
        counts={"n_classes": "classes", "n_examples": "examples"},
    ),
}


def words_of(source: Source | ExampleSource) -> Words:
    """The words of a comparison on such data."""
    return WORDS[kind_of(source)]
