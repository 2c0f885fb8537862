"""What a scorer remembers of keys: how the documents of a key were labelled in training."""

from rankkit.models.priors.asking import Prior, asked_prior, key_names
from rankkit.models.priors.priors import Priors, key_columns, prior_options, priors_from, resolved

__all__ = [
    "Prior",
    "Priors",
    "asked_prior",
    "key_columns",
    "key_names",
    "prior_options",
    "priors_from",
    "resolved",
]
