"""The report of a comparison: one HTML page that needs no other file, in light and dark, on screen and on paper."""

from rankkit.comparison.report.page import write_report

__all__ = ["write_report"]
