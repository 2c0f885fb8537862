"""Encoders: inputs to embeddings, each with the distance that its embeddings are compared by."""

from rankkit.models.encoders.affine import RandomAffine as RandomAffine
from rankkit.models.encoders.caching import embed_in_chunks as embed_in_chunks
from rankkit.models.encoders.conv import ConvEncoder as ConvEncoder
from rankkit.models.encoders.embedding import embed as embed
from rankkit.models.encoders.encoder import Encoder as Encoder
from rankkit.models.encoders.framing import InkFrame as InkFrame
from rankkit.models.encoders.mlp import MLPEncoder as MLPEncoder
from rankkit.models.encoders.raw import RawEncoder as RawEncoder
from rankkit.models.encoders.shared import Siamese as Siamese
from rankkit.models.encoders.shared import Triplet as Triplet
from rankkit.models.encoders.wrapped import WrappedEncoder as WrappedEncoder
