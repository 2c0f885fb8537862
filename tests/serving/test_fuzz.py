"""Bodies made from the OpenAPI page, whole and damaged: answered with 200 or refused with 422, never a 500."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.just([]),
    st.just({}),
    st.sampled_from([10**400, -(2**63) - 1, 1e39, "NaN", [[]], {"": None}, "x" * 600]),
)


def from_schema(schema, description):
    """Values that a schema of the page allows; of its keywords those that the page uses, an unknown one is an error."""
    schema = {key: value for key, value in schema.items() if key not in ("title", "description", "default")}
    match schema:
        case {"$ref": place, **rest} if not rest:
            assert place.startswith("#/components/schemas/")
            return from_schema(description["components"]["schemas"][place.split("/")[-1]], description)
        case {"anyOf": options, **rest} if not rest:
            return st.one_of([from_schema(option, description) for option in options])
        case {"type": list(kinds), **rest}:
            return st.one_of([from_schema({"type": kind, **rest}, description) for kind in kinds])
        case {"type": "null"}:
            return st.none()
        case {"type": "number", "exclusiveMinimum": low, "exclusiveMaximum": high, **rest} if not rest:
            return st.one_of(st.floats(low, high, exclude_min=True, exclude_max=True), st.integers(-9, 9))
        case {"type": "integer", **rest} if rest.keys() <= {"minimum", "maximum"}:
            numbers = st.integers(rest.get("minimum"), rest.get("maximum"))
            return st.one_of(numbers, st.integers(1, 9).map(float))  # 5.0 is a whole number to JSON
        case {"type": "string", **rest} if rest.keys() <= {"maxLength"}:
            return st.text(st.characters(exclude_categories=["Cs"]), max_size=min(9, rest.get("maxLength", 9)))
        case {"type": "array", "items": items, **rest} if rest.keys() <= {"minItems", "maxItems"}:
            most = min(rest.get("maxItems", 4), max(4, rest.get("minItems", 0)))
            return st.lists(from_schema(items, description), min_size=rest.get("minItems", 0), max_size=most)
        case {"type": "object", "properties": parts, "required": names, **rest} if rest in (
            {},
            {"additionalProperties": False},
        ):
            strategies = {name: from_schema(part, description) for name, part in parts.items()}
            optional = {name: strategies.pop(name) for name in parts if name not in names}
            if not rest:
                optional |= {"another": ODD}
            return st.fixed_dictionaries(strategies, optional=optional)
    raise AssertionError(f"a keyword of the page that this test does not know: {schema}")


def paths_into(value, path=()):
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from paths_into(child, (*path, key))


@st.composite
def damaged(draw, bodies):
    """A body with one place replaced, removed, added to or doubled."""
    body = json.loads(json.dumps(draw(bodies)))
    path = draw(st.sampled_from(list(paths_into(body))))
    if not path:
        return draw(ODD)
    holder = body
    for key in path[:-1]:
        holder = holder[key]
    match draw(st.sampled_from(["replace", "remove", "add", "double"])):
        case "replace":
            holder[path[-1]] = draw(ODD)
        case "remove":
            del holder[path[-1]]
        case "add" if isinstance(holder, dict):
            holder[draw(st.text(max_size=3))] = draw(ODD)
        case _ if isinstance(holder, list):
            holder.append(holder[path[-1]])
    return body


def bodies_of(path, description):
    schema = description["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    return from_schema(schema, description)


def check(service, path, body, allowed):
    answer = service.post(path, body)
    assert answer.status_code in allowed, answer.text
    assert ("error" in answer.json()) == (answer.status_code != 200)
    json.loads(answer.text, parse_constant=lambda name: (_ for _ in ()).throw(ValueError(name)))


few = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


def test_what_the_page_allows_is_answered(service):
    description = service.get("/openapi.json").json()

    @few
    @given(st.data())
    def run(data):
        for path in ("/rank", "/score"):
            check(service, path, json.dumps(data.draw(bodies_of(path, description))), {200})

    run()


def test_what_it_does_not_allow_is_refused(service):
    description = service.get("/openapi.json").json()

    @settings(few, max_examples=80)
    @given(st.data())
    def run(data):
        path = data.draw(st.sampled_from(["/rank", "/score"]))
        check(service, path, json.dumps(data.draw(damaged(bodies_of(path, description)))), {200, 422})

    run()


def test_bytes_of_any_kind_are_refused(service):
    description = service.get("/openapi.json").json()

    @few
    @given(st.data())
    def run(data):
        path = data.draw(st.sampled_from(["/rank", "/score"]))
        body = bytearray(json.dumps(data.draw(bodies_of(path, description))).encode())
        for _ in range(data.draw(st.integers(0, 3))):
            place = data.draw(st.integers(0, len(body) - 1))
            body[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
            body = body or bytearray(b"0")
        check(service, path, bytes(body), {200, 422})
        check(service, path, data.draw(st.binary(min_size=1, max_size=20)), {422})

    run()
