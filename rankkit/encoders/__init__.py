"""Encoders: inputs to embeddings, each with the distance that its embeddings are compared by."""

from rankkit.encoders.affine import RandomAffine as RandomAffine
from rankkit.encoders.caching import embed_in_chunks as embed_in_chunks
from rankkit.encoders.conv import ConvEncoder as ConvEncoder
from rankkit.encoders.embedding import embed as embed
from rankkit.encoders.encoder import Encoder as Encoder
from rankkit.encoders.framing import InkFrame as InkFrame
from rankkit.encoders.mlp import MLPEncoder as MLPEncoder
from rankkit.encoders.shared import Siamese as Siamese
from rankkit.encoders.shared import Triplet as Triplet
from rankkit.encoders.wrapped import WrappedEncoder as WrappedEncoder
