"""Retrieval from a whole catalogue: blocks of bounded memory, the top k, exact ranks of what was held out; by FAISS."""

from rankkit.retrieval.blocks import row_blocks as row_blocks
from rankkit.retrieval.lists import TopK as TopK
from rankkit.retrieval.ranks import exact_ranks as exact_ranks
from rankkit.retrieval.top import top_k as top_k
