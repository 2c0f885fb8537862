"""Interaction logs of recommendation: events of users with items, splits of them, and what a split means."""

from rankkit.data.interactions.attributes import Attributes as Attributes
from rankkit.data.interactions.audit import SplitAudit as SplitAudit
from rankkit.data.interactions.audit import audit_split as audit_split
from rankkit.data.interactions.log import Interactions as Interactions
from rankkit.data.interactions.narrowing import with_at_least as with_at_least
from rankkit.data.interactions.splits import Split as Split
from rankkit.data.interactions.splits import Splits as Splits
from rankkit.data.interactions.splits import rolling_splits as rolling_splits
from rankkit.data.interactions.splits import split_interactions as split_interactions
