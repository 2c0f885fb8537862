"""outline(): name, docstring and parameters of a function or class, read from its source without importing it.

:func:`fields` are those of a class that has fields in place of parameters.
"""

import ast
import importlib.util
import inspect
from functools import cache
from pathlib import Path
from typing import Any

_NOT_THERE: Any = object()


def outline(place: str) -> Any:
    """What stands for the object at ``"module:name"``: of its name, with its docstring, parameters and their defaults.

    It cannot be called, and has no annotations.

    Args:
        place: Of a function, or of a class, in a module whose packages are imported in no time.

    Returns:
        A function or class; None where the source says less than that, such as a default that is computed.

    >>> import inspect
    >>> made = outline("rankkit.registry.outlines:outline")
    >>> made.__name__, str(inspect.signature(made)), made.__doc__[:17]
    ('outline', '(place)', 'What stands for t')
    """
    module, _, name = place.partition(":")
    found = _top_level(module).get(name)
    if isinstance(found, ast.ImportFrom):
        return outline(f"{_module_of(found, module)}:{_original(found, name)}")
    if not isinstance(found, ast.FunctionDef | ast.ClassDef):
        return None
    is_class = isinstance(found, ast.ClassDef)
    body = found.body if is_class else [found]
    maker = next((node for node in body if isinstance(node, ast.FunctionDef) and node.name in (name, "__init__")), None)
    parameters = None if maker is None else _parameters(module, maker.args)
    if parameters is None or not all(map(_only_marks, found.decorator_list)):
        return None
    about = {"__doc__": ast.get_docstring(found), "__module__": module}
    if is_class:
        return type(name, (), {**about, "__signature__": inspect.Signature(parameters[1:])})

    def stand_in() -> None:
        raise TypeError(f"{name}: expected the function itself; got its outline. Import it.")

    stand_in.__name__, stand_in.__doc__, stand_in.__module__ = name, about["__doc__"], module
    stand_in.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return stand_in


def fields(place: str) -> list[str]:
    """The names of the fields of a model of pydantic at ``"module:name"``, in its order: those of its bases first.

    Args:
        place: Of a class; bases that lie in another package have no fields.

    >>> fields("rankkit.cli.experiments.compared:SearchSection")
    ['trials', 'options', 'seed', 'sampler']
    """
    module, _, name = place.partition(":")
    found = _top_level(module).get(name)
    if isinstance(found, ast.ImportFrom):
        origin = _module_of(found, module)
        is_ours = origin.partition(".")[0] == module.partition(".")[0]
        return fields(f"{origin}:{_original(found, name)}") if is_ours else []
    if not isinstance(found, ast.ClassDef):
        return []
    bases = [base.id for base in reversed(found.bases) if isinstance(base, ast.Name)]
    names = [field for base in bases for field in fields(f"{module}:{base}")]
    for node in found.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            is_field = not node.target.id.startswith("_") and not ast.unparse(node.annotation).startswith("ClassVar")
            names += [node.target.id] if is_field else []
    return [*dict.fromkeys(names)]


def _only_marks(decorator: ast.expr) -> bool:
    """Whether a decorator leaves the function as it is, but for attributes."""
    return isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Name) and decorator.func.id == "marked"


def _parameters(module: str, written: ast.arguments) -> list[inspect.Parameter] | None:
    """The parameters of a function; None where a default cannot be read."""
    if written.vararg is not None:
        return None
    places = [*written.posonlyargs, *written.args]
    missing: list[ast.expr | None] = [None] * (len(places) - len(written.defaults))
    kinds = [
        *(inspect.Parameter.POSITIONAL_OR_KEYWORD for _ in places),
        *(inspect.Parameter.KEYWORD_ONLY for _ in written.kwonlyargs),
    ]
    defaults = [*missing, *written.defaults, *written.kw_defaults]
    parameters = []
    for argument, kind, default in zip([*places, *written.kwonlyargs], kinds, defaults, strict=True):
        value = inspect.Parameter.empty if default is None else _value(module, default)
        if value is _NOT_THERE:
            return None
        parameters.append(inspect.Parameter(argument.arg, kind, default=value))
    if written.kwarg is not None:
        parameters.append(inspect.Parameter(written.kwarg.arg, inspect.Parameter.VAR_KEYWORD))
    return parameters


def _value(module: str, written: ast.expr) -> Any:
    """What an expression stands for: a literal, or the name of one, here or in the module it is imported from."""
    if not isinstance(written, ast.Name):
        try:
            return ast.literal_eval(written)
        except ValueError:
            return _NOT_THERE
    found = _top_level(module).get(written.id)
    if isinstance(found, ast.ImportFrom):
        return _value(_module_of(found, module), ast.Name(_original(found, written.id)))
    return _value(module, found) if isinstance(found, ast.expr) else _NOT_THERE


def _module_of(found: ast.ImportFrom, package: str) -> str:
    """The module that an import names, absolute or as a part of the package."""
    return f"{package}.{found.module}" if found.level else str(found.module)


def _original(found: ast.ImportFrom, name: str) -> str:
    return next(alias.name for alias in found.names if (alias.asname or alias.name) == name)


@cache
def _top_level(module: str) -> dict[str, ast.AST]:
    """What the names of a module are bound to by its top level: a definition, a value or an import.

    Packages whose names are imported at first use say in their stub where from.
    """
    package, *rest = module.split(".")
    spec = importlib.util.find_spec(package)  # of the parts it would import what they lie in
    if spec is None or not spec.submodule_search_locations:
        return {}
    place = Path(spec.submodule_search_locations[0], *rest)
    files = (place / "__init__.pyi", place / "__init__.py", place.with_suffix(".py"))
    source = next((file for file in files if file.is_file()), None)
    found: dict[str, ast.AST] = {}
    for node in () if source is None else ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.ImportFrom):
            found.update((alias.asname or alias.name, node) for alias in node.names)
        elif isinstance(node, ast.Assign):
            found.update((target.id, node.value) for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            found[node.target.id] = node.value
    return found
