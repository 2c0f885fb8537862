"""What export asks of each kind of model; all else is the same for all."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, cast

from rankkit.export.encoder_source import EncoderSource
from rankkit.export.encoders import EncoderExport
from rankkit.export.rankers import RankerExport
from rankkit.export.source import Source


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


KINDS: Mapping[type, Any] = {Source: RankerExport, EncoderSource: EncoderExport}
"""What exports a source."""


def exportable(source: Any) -> Exportable:
    """The export of a source."""
    return cast(Exportable, KINDS[type(source)](source))
