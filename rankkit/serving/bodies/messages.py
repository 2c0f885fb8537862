"""What the service is asked and what it answers, and how a body becomes a request."""

from typing import Annotated, Self, TypeVar

import msgspec
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    model_validator,
)

from rankkit.serving.bodies.form import (
    MAX_ID,
    Form,
    check_names,
    check_total,
    few_documents,
    few_queries,
    in_order,
    kind,
    short_id,
    whole,
)
from rankkit.serving.refusal import RefusedError

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


def _feature_values(features: object, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> object:
    """The values in their order, all of them numbers; by name where there is a schema, which knows their kinds."""
    ordered = in_order(features, info)
    return ordered if isinstance(ordered, dict) else handler(ordered)


FeatureValues = Annotated[
    list[Number | None],
    Field(fail_fast=True),
    WrapValidator(_feature_values),
    WithJsonSchema({"title": "Features"}),  # rankkit.serving.http.openapi puts in what the ranker takes
]
Id = Annotated[
    str | int,
    BeforeValidator(short_id),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "maxLength": MAX_ID},
                {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
            ]
        }
    ),
]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _known_names(cls, content: object) -> object:
        if isinstance(content, dict):
            check_names(" or ".join(repr(name) for name in cls.model_fields), content, cls.model_fields)
        return content


class Document(_Request):
    """A document to be ranked."""

    id: Id = Field(description="Comes back with the score.")
    features: FeatureValues


class RankRequest(_Request):
    """The candidates of one query."""

    query_id: Id | None = Field(None, description="Comes back as it is.")
    k: Annotated[Annotated[int, Field(ge=1)] | None, BeforeValidator(whole)] = Field(
        None, description="Only the k best come back; all if left out."
    )
    documents: Annotated[list[Document], Field(fail_fast=True), BeforeValidator(few_documents)]


class QueryFeatures(_Request):
    """The documents of a query, without ids."""

    query_id: Id | None = Field(None, description="Comes back as it is.")
    features: Annotated[list[FeatureValues], Field(fail_fast=True), BeforeValidator(few_documents)] = Field(
        description="One entry a document."
    )


class ScoreRequest(_Request):
    """Several queries at once."""

    queries: Annotated[list[QueryFeatures], Field(fail_fast=True), BeforeValidator(few_queries)]

    @model_validator(mode="after")
    def _not_too_many_in_all(self, info: ValidationInfo) -> Self:
        check_total(sum(len(query.features) for query in self.queries), info)
        return self


class RankedDocument(BaseModel):
    """A document in its place."""

    id: str | int
    score: float
    rank: int = Field(description="1 is the best.")


class RankAnswer(BaseModel):
    """Documents from the best to the worst; equal scores keep the order of the request."""

    query_id: str | int | None = None
    documents: list[RankedDocument]


class QueryScores(BaseModel):
    """The scores of a query, in the order of its documents."""

    query_id: str | int | None = None
    scores: list[float]


class ScoreAnswer(BaseModel):
    """The scores of each query, in the order of the request."""

    queries: list[QueryScores]


class ErrorAnswer(BaseModel):
    """Why there is no other answer."""

    error: str


# Python's float gives infinity for 1e400, which is refused with its place; msgspec by itself would not say where.
_ANYTHING = msgspec.json.Decoder(float_hook=float)
Request = TypeVar("Request", bound=_Request)


def read_request(model: type[Request], body: bytes | bytearray, form: Form) -> Request:
    """The request that a body holds.

    Args:
        model: What is asked.
        body: JSON.
        form: What it has to look like for the ranker.

    Raises:
        RefusedError: With 422 and the first thing that is wrong.
    """
    try:
        # Not in one step from the bytes: pydantic would keep an error for each of a million wrong names.
        content = _ANYTHING.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RefusedError(422, f"body: expected JSON; got {error}. A missing value is written null.") from None
    try:
        return model.model_validate(content, context=form)
    except ValidationError as error:
        raise RefusedError(422, _first_problem(error, form.names)) from None


_DEPTH_OF_A_VALUE = {"documents": 4, "queries": 5}
_EXPECTED = {
    "float_type": "a number or null",
    "finite_number": "a number that float32 can hold",
    "int_type": "a whole number",
    "greater_than_equal": "1 or more",
    "list_type": "an array",
    "model_type": "an object",
}


def _first_problem(error: ValidationError, names: tuple[str, ...]) -> str:
    """A sentence that says where; it repeats nothing of the body but names."""
    found = error.errors(include_url=False)[0]
    loc = found["loc"]
    path = "".join(f".{part}" if isinstance(part, str) else f"[{part}]" for part in loc).lstrip(".")
    if loc and len(loc) == _DEPTH_OF_A_VALUE.get(str(loc[0])):
        path = path[: path.rindex("[")] + f"[{names[int(loc[-1])]!r}]"
    if found["type"] == "rankkit":
        text = found["msg"]
    elif found["type"] == "missing":
        text = "expected a value; got none. Add it."
    else:
        expected = _EXPECTED.get(found["type"], "another value")
        text = f"expected {expected}; got {kind(found['input'])}. See /docs."
    return f"{path or 'body'}: {text}"
