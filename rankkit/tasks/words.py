"""What tables and pages call things: the numbers of all tasks are made alike, the words are not."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Words:
    """Of one task; those of a task that says nothing are about rows.

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
        step: Head of the time of a step.
        of_cost: What has to be known of the table of costs.
        caution: What has to be known of intervals and p values.
        rate: Key of the training speed in the files of cost.
        rate_head: Its head in a table.
        timed: Key of the latency in the files of cost, without unit.
        timing: What is timed.
        fastest: What the one with the least latency does.
    """

    query: str = "row"
    queries: str = "rows"
    a_query: str = "a row"
    answered: str = "every test row has an answer"
    unanswered: str = "test rows without an answer"
    documents: str = "rows"
    same: str = "number for number"
    group: str = "answers"
    rate: str = "rows_per_second"
    rate_head: str = "rows/s"
    timed: str = "predicting"
    timing: str = "predicting the test data"
    fastest: str = "predicts fastest"
    counts: dict[str, str] = field(default_factory=lambda: {"n_rows": "rows"})
    step: str = "s/epoch"
    of_cost: str = ""
    caution: str = ""
