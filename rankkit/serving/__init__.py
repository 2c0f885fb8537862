"""The small HTTP service of ``rankkit serve``: one process, one ranker, CPU."""

from rankkit.serving.settings import Settings as Settings
