"""What export asks of each kind of model; all else is the same for all."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, Self, cast

from rankkit import bundle
from rankkit.errors import ExportError
from rankkit.tasks.known import tasks


class Exportable(Protocol):
    """A model on its way out.

    Attributes:
        source: The model, and what is known of it.
        called: What it is, for messages and names of files.
        manifests: The class of its manifest.
        targets: Where it can go, by name.
    """

    source: Any
    called: str
    manifests: type
    targets: Mapping[str, Any]

    @classmethod
    def of(cls, model: Any, about: Mapping[str, Any]) -> Self:
        """The export of a model with what its ``model.json`` says; {} from memory."""
        ...

    @staticmethod
    def find_target(name: str) -> Any:
        """The target of that name."""
        ...

    @staticmethod
    def replayed(target: Any, folder: Path, manifest: Any, where: str) -> Any:
        """How an artefact's results for its samples differ from those of its manifest; ExportError beyond the limit."""
        ...

    def check(self, target: Any, options: Mapping[str, Any], metric: str | None, data: object) -> None:
        """Refuse what cannot be, before anything is read or written."""
        ...

    def rows(self, data: Any) -> Any:
        """The user's data to compare on as well."""
        ...

    def describe(self, target: Any, options: Mapping[str, Any]) -> Any:
        """The manifest, before there are files and figures."""
        ...

    def proven(self, target: Any, manifest: Any, folder: Path, where: str, data: Any) -> Any:
        """The manifest with parity figures, if the files give what the model gives."""
        ...

    def judged(self, target: Any, manifest: Any, folder: Path, data: Any, metric: str | None, max_drop: float) -> Any:
        """The manifest with what a rounded model loses, if that is within the limit."""
        ...


def exports() -> list[Any]:
    """What exports the models of each task that has it, rankkit's own first, each once."""
    found = [task.part("export") for task in tasks() if task.export is not None]
    return list(dict.fromkeys(found))


def exportable(source: Any) -> Exportable:
    """The export of a model, from the folder of a bundle, from the file of a tree model, or from memory.

    Raises:
        BundleError: If it is missing or damaged.
        ExportError: If nothing exports such models, or it is a ranker that is not fitted.
    """
    model, about = bundle.read(source) if isinstance(source, str | Path) else (source, {})
    known = list(tasks())
    task = next((task for task in known if bundle.name_for(task.model, model) is not None), known[0])
    if task.export is None:
        action = "Serve it with rankkit serve" if task.routes else "Give the Task one"
        raise ExportError(
            f"export: expected a model that can be exported; got {task.model} {type(model).__name__}, whose task has "
            f"no export. {action}."
        )
    return cast(Exportable, task.part("export").of(model, about))
