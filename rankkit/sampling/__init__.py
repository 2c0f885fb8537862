"""Sampling of labelled examples: P x K batches, pairs, triplets, mining within a batch, and a memory across batches."""

from rankkit.sampling.batches import class_batches as class_batches
from rankkit.sampling.collapse import CollapseWarning as CollapseWarning
from rankkit.sampling.collapse import CollapseWatch as CollapseWatch
from rankkit.sampling.drawing import balanced_pairs as balanced_pairs
from rankkit.sampling.drawing import random_triplets as random_triplets
from rankkit.sampling.memory import CrossBatchMemory as CrossBatchMemory
from rankkit.sampling.mined import Mined as Mined
from rankkit.sampling.mined import MinedPairs as MinedPairs
from rankkit.sampling.mining import TRIPLET_RULES as TRIPLET_RULES
from rankkit.sampling.mining import mine_triplets as mine_triplets
from rankkit.sampling.pair_mining import PAIR_RULES as PAIR_RULES
from rankkit.sampling.pair_mining import mine_pairs as mine_pairs
