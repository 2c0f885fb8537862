"""How loops are compiled by numba and where machine code is kept.

A compiled loop of rankkit that Python calls is a :func:`kernel`; one that only kernels call is a :func:`part` of them.
numba would optimise and assemble each function that a kernel calls by itself, and then again inside of the kernel.
Parts are optimised once, there. That takes less time, and what comes from the disk computes what it did in the process
that compiled it: in numba's own way a function that was not inlined is whichever of its copies was loaded first, which
may round otherwise.

Two things numba's own cache on disk leaves to its users:

* It compares the source of the file of the function that is called, though the machine code holds whatever that
  function calls. The code of a kernel belongs to the text of its file and of all files of rankkit that this one
  imports, however indirectly.
* Where no folder can be written it refuses to define the function, and a full disk or a damaged file ends the call that
  compiles. Kernels are then compiled anew in each process, and one line says so, with what to set.

Importing this module imports numba.
"""

import ast
import hashlib
import importlib.util
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
from llvmlite.binding import Linkage
from numba import _dynfunc, njit  # type: ignore[attr-defined]
from numba.core import event
from numba.core.caching import CompileResultCacheImpl, FunctionCache, NullCache
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder, _LowerResult
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import NativeLowering

from rankkit.errors import CompilationWarning

Loop = TypeVar("Loop", bound=Callable[..., Any])

_PACKAGE = __name__.partition(".")[0]
_said: set[str] = set()
_jit: Any = njit  # whose types leave out some of its options


def kernel(**options: Any) -> Callable[[Loop], Loop]:
    """Compile a function at its first call, keep the result on disk, and release the GIL while it runs.

    Args:
        **options: Further ones of ``numba.njit``.
    """

    def compiled(loop: Loop) -> Loop:
        function: Any = _jit(nogil=True, pipeline_class=_KernelCompiler, no_cfunc_wrapper=True, **options)(loop)
        if function is not loop:  # NUMBA_DISABLE_JIT gives the function back as it is
            _keep(function, loop)
        result: Loop = function
        return result

    return compiled


def part(**options: Any) -> Callable[[Loop], Loop]:
    """Compile a function into the kernels that call it; Python cannot call it.

    Args:
        **options: Of ``numba.njit``.
    """

    def compiled(loop: Loop) -> Loop:
        function: Any = _jit(**PART, **options)(loop)
        if function is not loop:
            function.add_overload = lambda found: function.overloads.update({tuple(found.signature.args): found})
            function._compile_for_args = lambda *args, **kws: _refuse(loop.__name__)
        result: Loop = function
        return result

    return compiled


def _refuse(name: str) -> None:
    raise TypeError(f"{name}: expected a call from a kernel; got one from Python. Call a kernel, or make it one.")


class _PartLibrary(JITCodeLibrary):
    """Code that is left as numba has written it: whatever links it optimises it."""

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout

    def finalize(self) -> None:
        """Bring together what is called."""
        self._raise_if_finalized()
        for library in dict.fromkeys(self._linking_libraries):
            self._reload_init.update(library._reload_init)
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._finalized = True


class _KernelLibrary(_PartLibrary):
    """Code that is optimised with all that it calls, which nothing else can take the place of."""

    finalize = JITCodeLibrary.finalize

    def _optimize_final_module(self) -> None:
        for function in self._final_module.functions:
            if function.linkage == Linkage.linkonce_odr:
                function.linkage = Linkage.internal
        JITCodeLibrary._optimize_functions(self, self._final_module)
        super()._optimize_final_module()


@register_pass(mutates_CFG=True, analysis_only=False)
class _PartLowering(NativeLowering):
    """Makes code that no address is asked of."""

    _name = "rankkit_part_lowering"

    def run_pass(self, state: Any) -> bool:
        state.flags.no_compile = True
        super().run_pass(state)
        made = state["cr"]
        name = made.fndesc.qualname
        entry = _dynfunc.make_function(
            made.fndesc.lookup_module(), name, "A part of kernels.", 0, made.env, (state.library,)
        )
        state.targetctx.insert_user_function(entry, made.fndesc, [state.library])
        state["cr"] = _LowerResult(made.fndesc, made.call_helper, cfunc=entry, env=made.env)
        return True


class _KernelCompiler(CompilerBase):
    """numba's own pipeline, into a library of its own."""

    _library: type[JITCodeLibrary] = _KernelLibrary

    def define_pipelines(self) -> list[Any]:
        state = self.state
        state.library = self._library(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return [DefaultPassBuilder.define_nopython_pipeline(state)]


class _PartCompiler(_KernelCompiler):
    _library = _PartLibrary

    def define_pipelines(self) -> list[Any]:
        [pipeline] = super().define_pipelines()
        pipeline.passes = [(_PartLowering if one is NativeLowering else one, said) for one, said in pipeline.passes]
        pipeline._finalized = False
        pipeline.finalize()
        return [pipeline]


PART: dict[str, Any] = {"pipeline_class": _PartCompiler, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""What makes a function one of the parts, for ``jit_options`` of ``numba.extending.overload``."""


@contextmanager
def announced(what: str, module: str) -> Iterator[None]:
    """Say once, through the logger "rankkit", that loops are being compiled, if they are.

    At level WARNING, since it explains a pause and would else be seen only where logging is set up.

    Args:
        what: They do.
        module: Where they are defined, or the package of the modules where.
    """
    with event.install_listener("numba:compile", _Announcer(what, module)):
        yield


class _Announcer(event.Listener):
    """Speaks when numba begins to compile a kernel of a module: what its cache holds is not compiled."""

    def __init__(self, what: str, module: str) -> None:
        self._what, self._module = what, module
        self._is_silent = False

    def on_start(self, event: event.Event) -> None:
        """Speak, the first time."""
        kernel = event.data["dispatcher"]
        is_ours = f"{kernel.py_func.__module__}.".startswith(f"{self._module}.")
        if is_ours and not self._is_silent:
            self._is_silent = True
            often = "once on this machine" if is_kept(kernel) else "in each process"
            logging.getLogger("rankkit").warning("Compiling %s: some seconds, %s.", self._what, often)

    def on_end(self, event: event.Event) -> None:
        """Nothing to say."""


def is_kept(function: Any) -> bool:
    """Whether what is compiled of a kernel stays on disk, so that the next process need not compile it."""
    return kept_in(function) is not None


def kept_in(function: Any) -> Path | None:
    """The folder in which what is compiled of a kernel stays; None: nowhere."""
    folder = getattr(getattr(function, "stats", None), "cache_path", None)
    return None if folder is None else Path(folder)


def _keep(function: Any, loop: Callable[..., Any]) -> None:
    """Do what ``enable_caching()`` of a compiled function does, with what this module adds."""
    try:
        function._cache = _KernelCache(loop)
        if not is_kept(function):
            raise TypeError("functions without a _cache")
    except (OSError, RuntimeError) as error:  # numba's RuntimeError: no folder can be written
        function._cache = _NoCache(str(error))
    except (AttributeError, TypeError) as error:  # nothing of this module may be asked later, so it speaks now
        _say(f"numba {numba.__version__} keeps compiled functions in another way than rankkit knows ({error})")


class _KernelCacheImpl(CompileResultCacheImpl):
    """Stamps machine code with the text of all files that it may come from."""

    def __init__(self, py_func: Callable[..., Any]) -> None:
        try:
            Path.home()
        except RuntimeError:  # numba would make a folder named "~" wherever the process happens to be
            self._locator_classes = [known for known in self._locator_classes if known.__name__ != _IN_HOME]
        super().__init__(py_func)
        own_stamp, digest = self.locator.get_source_stamp, source_digest(py_func.__module__)
        self.locator.get_source_stamp = lambda: (own_stamp(), digest)
        self.digest = digest


_IN_HOME = "UserWideCacheLocator"


class _KernelCache(FunctionCache):
    """numba's cache on disk; what is wrong with the disk costs time, never a result."""

    _impl_class = _KernelCacheImpl

    def __init__(self, py_func: Callable[..., Any]) -> None:
        super().__init__(py_func)
        if self._impl.digest not in self._cache_file._source_stamp:
            raise TypeError("files without the stamp of their source")

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled function of a signature, or None."""
        try:
            return super().load_overload(sig, target_context)
        except Exception as error:  # unpickling a damaged file can raise anything
            _say(f"{self.cache_path} cannot be read ({type(error).__name__}: {error})")
            with suppress(OSError):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep what was compiled."""
        try:
            super().save_overload(sig, data)
        except OSError as error:
            _say(f"{self.cache_path} cannot be written ({error.strerror or error})")


class _NoCache(NullCache):
    """Keeps nothing, and says so when something was compiled."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def save_overload(self, sig: Any, cres: Any) -> None:
        """Say why it is not kept."""
        _say(self._reason)


def _say(reason: str) -> None:
    """Once a process."""
    if not _said:
        _said.add(reason)
        warnings.warn(
            f"numba's cache: expected a folder that can be written; got none: {reason}. Loops are compiled anew in "
            "each process, which takes seconds: set NUMBA_CACHE_DIR to such a folder.",
            CompilationWarning,
            stacklevel=2,
        )


@cache
def source_digest(module: str) -> str:
    """SHA-256 over the text of a module of rankkit and of those that it imports, however indirectly."""
    digest = hashlib.sha256()
    for name in sorted(_with_imports(module)):
        digest.update(f"{name}\n{_source(name)}\n".encode())
    return digest.hexdigest()


def _with_imports(module: str) -> set[str]:
    found, left = set(), [module]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left.extend(_imports(name))
    return found


@cache
def _imports(module: str) -> tuple[str, ...]:
    """The modules of rankkit that one imports, at its top or inside of functions."""

    def names() -> Iterator[str]:
        for node in ast.walk(ast.parse(_source(module) or "")):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)

    return tuple(name for name in names() if name.partition(".")[0] == _PACKAGE and _source(name) is not None)


@cache
def _source(module: str) -> str | None:
    """The text of a module; None where there is no such module, as for a function of one."""
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:  # its parent is no package
        return None
    except ValueError as error:  # it was loaded in a way of its own
        raise OSError(str(error)) from error
    if spec is None:
        return None
    source = getattr(spec.loader, "get_source", lambda name: None)(module)
    if source is None:
        raise OSError(f"{module} comes without its source")
    text: str = source
    return text
