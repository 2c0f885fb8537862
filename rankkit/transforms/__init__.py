"""Feature transforms that are fitted on training rows only and live inside the scorer."""

from rankkit.transforms.transform import Spec as Spec
from rankkit.transforms.transform import Transform as Transform
