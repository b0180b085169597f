"""dlt's configuration: environment variables, settings files and secret stores, and what is broken in them."""

from __future__ import annotations

import codecs
import json
import logging
import os
import re
import stat
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, get_args

from .errors import ConfigurationError

if TYPE_CHECKING:
    from dlt.common.configuration.exceptions import ConfigFieldMissingException, ConfigValueCannotBeCoercedException
    from dlt.common.configuration.providers import ConfigProvider

logger = logging.getLogger(__name__)

SECTION = "sources.didomi"
MAX_WAIT_SECONDS = 7 * 86_400
_TYPES = {int: "a whole number", float: "a number", bool: "true or false"}
# Variables that set up this project; those of other programs in the same process keep their quotes.
_VARIABLES = ("DIDOMI_", "SOURCES__DIDOMI__", "DESTINATION__", "NOTIFY__", "PROVIDERS__", "RUNTIME__", "LOAD__")
_TYPOGRAPHIC_QUOTES = ("Pi", "Pf")  # categories of Unicode
# tomlkit: 'Key "x" already exists.' and "Redefinition of an existing table".
_REPETITION = re.compile("already exists|Redefinition")


def providers() -> list[ConfigProvider]:
    """Read settings files, connect secret stores, and return all that dlt asks, in its order.

    Whatever reads a setting first has to call this: dlt raises errors of its own there, and ignores a secret store
    that could not be connected from the second time on.

    Raises:
        ConfigurationError: A settings file is broken, or a secret store cannot be used.
    """
    from .dlt_compat import Container, PluggableRunContext, TomlProviderReadException

    unquote_environment()
    try:
        context = Container()[PluggableRunContext]
        found = list(context.providers.providers)
    except TomlProviderReadException as error:
        raise ConfigurationError(_broken_file(error.file_name, error.full_paths)) from None
    except Exception as error:  # whatever the client of a store raises
        if PluggableRunContext in Container():
            del Container()[PluggableRunContext]  # it lacks the store: the next caller has to fail as well
        raise ConfigurationError(_unusable_store(error)) from error
    _refuse_other_than_files(Path(context.context.settings_dir))
    return found


def environment_name(setting: str) -> str:
    """The environment variable from which dlt reads a setting of this source."""
    return f"{SECTION}.{setting}".replace(".", "__").upper()


def get_secret(name: str) -> Any:
    """The value of a secret setting like `notify.urls`, or None.

    Raises:
        ConfigurationError: A settings file is broken, or a secret store cannot be used.
    """
    import dlt

    providers()
    value: Any = dlt.secrets.get(name)
    return unquoted(value) if isinstance(value, str) else value


def warn_of_open_secrets() -> None:
    """Log a warning for each file with secrets that other users of the machine can read."""
    for provider in providers():
        for location in provider.present_locations if provider.supports_secrets else ():
            path = Path(location)
            if path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o077:
                logger.warning("other users can read the secrets in %s: chmod 600 %s", path, path)


# -- quotes --------------------------------------------------------------------------------------


def unquote_environment() -> None:
    """Remove the quotes that `docker --env-file` and `kubectl --from-env-file` keep around values, and line ends."""
    for name, value in os.environ.items():
        if name.startswith(_VARIABLES) and unquoted(value) != value:
            os.environ[name] = unquoted(value)


def unquoted(text: str) -> str:
    """A value without blanks and line ends around it, and without one pair of matching quotes."""
    text = text.strip()
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1].strip() if is_quoted else text


def ids_of(value: Any) -> tuple[str, ...]:
    """Ids without repetitions: of a list, of a JSON list, or of names with commas between them.

    Raises:
        ConfigurationError: It is none of these.
    """
    if isinstance(value, str):
        text = unquoted(value)
        try:
            value = json.loads(text) if text.startswith(("[", "{")) else [i for i in text.split(",") if i.strip()]
        except ValueError:
            value = None
    if isinstance(value, (list, tuple)) and all(isinstance(i, str) and i.strip() for i in value):
        return tuple(dict.fromkeys(i.strip() for i in value))
    raise ConfigurationError(f'setting {SECTION}.export_ids is not a list of ids: write it like ["id1", "id2"]')


def check_ranges(section: str, settings: Mapping[str, Any], ranges: Mapping[str, tuple[float, float]]) -> None:
    """Refuse settings that are no numbers within their ranges, both ends included; None is not set."""
    for name, (least, most) in ranges.items():
        value = settings[name]
        if value is not None and not (isinstance(value, (int, float)) and least <= value <= most):
            refuse(f"{section}.{name}", f"is {value!r}", f"choose a number from {least:g} to {most:g}")


def refuse(setting: str, problem: str, remedy: str) -> NoReturn:
    """Refuse the value of a setting.

    Raises:
        ConfigurationError: Always.
    """
    raise ConfigurationError(f"setting {setting} {problem}: {remedy}")


def refuse_type(section: str, error: ConfigValueCannotBeCoercedException) -> NoReturn:
    """Refuse a value of ours that dlt cannot convert to the type of its setting.

    Raises:
        ConfigurationError: Always.
    """
    hint = next(iter(get_args(error.hint)), error.hint)  # of Optional[int] int
    refuse(f"{section}.{error.field_name}", f"is not {_TYPES.get(hint, 'a text')}", repr(error.field_value))


# -- settings files ------------------------------------------------------------------------------


def _refuse_other_than_files(folder: Path) -> None:
    """Refuse what dlt would pass over: Docker makes a folder of a file to be mounted that is not there."""
    if os.path.isdir(folder) and not os.access(folder, os.X_OK):  # noqa: PTH112 - Path.is_dir raises where its folder cannot be read
        raise ConfigurationError(f"the settings in {folder} cannot be read: check the rights of this folder")
    for path in (folder / "config.toml", folder / "secrets.toml"):
        if os.path.lexists(path) and not os.path.isfile(path):  # noqa: PTH113 - Path.is_file raises for some links
            msg = f"settings file {path} is a folder, a link to nothing or no plain file: put the file itself there"
            raise ConfigurationError(msg)


def _broken_file(name: str, paths: list[str]) -> str:
    """The first problem in the files that dlt merges, with file, line and the next step."""
    problems = ((Path(path), _problem_in(Path(path))) for path in paths)
    found = next(((path, problem) for path, problem in problems if problem), None)
    return f"settings file {found[0]}{found[1]}" if found else f"settings in {name} cannot be read: check its syntax"


def _problem_in(path: Path) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f" cannot be read ({error.strerror}): check what it is, and its rights"
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return " is UTF-16: save it as UTF-8"
    if content.startswith(codecs.BOM_UTF8):
        return ", line 1: begins with a byte order mark: save it as UTF-8 without one (without BOM)"
    try:
        return _problem_in_text(content.decode())
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return f", line {line}: is not UTF-8: save the file as UTF-8"


def _problem_in_text(text: str) -> str:
    """Where TOML breaks off; the text itself stays out, it may be a secret."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        tomlkit.parse(text).unwrap()
    except TOMLKitError as error:
        if _REPETITION.search(str(error)):
            return f", line {_line_of_repetition(text)}: has a name that was set before: keep one of the two"
        number = getattr(error, "line", 1)
        line = [*text.splitlines(), ""][number - 1]
        if any(unicodedata.category(character) in _TYPOGRAPHIC_QUOTES for character in line):
            return f', line {number}: has typographic quotes: write straight ones, like name = "value"'
        return f', line {number}: is not TOML: write it like name = "value", with the quotes'
    return ""


def _line_of_repetition(text: str) -> int:
    """The last line of the shortest beginning that has a name twice; tomlkit does not say which."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    lines = text.splitlines(keepends=True)
    for count in range(1, len(lines)):
        try:
            tomlkit.parse("".join(lines[:count]))
        except TOMLKitError as error:  # or a value of several lines was cut
            if _REPETITION.search(str(error)):
                return count
    return len(lines)


# -- secret stores -------------------------------------------------------------------------------


def _unusable_store(error: Exception) -> str:
    from dlt.common.configuration.exceptions import ConfigFieldMissingException, ConfigValueCannotBeCoercedException
    from dlt.common.exceptions import MissingDependencyException

    if isinstance(error, ConfigValueCannotBeCoercedException):
        return wrong_value(error)
    if isinstance(error, MissingDependencyException):
        packages = " ".join(map(repr, error.dependencies))
        return f"the secret store, or what else dlt's settings name, is not installed: pip install {packages}"
    if isinstance(error, ConfigFieldMissingException):
        return f"the secret store is not configured: set {', '.join(_variables_of(error))}"
    reason = next(iter(str(error).splitlines()), "")[:300]
    return (
        f"the secret store, or a setting of dlt's, cannot be used ({type(error).__name__}: {reason}): check network "
        "and credentials, or switch the store off ([providers] in .dlt/config.toml); other settings are in [runtime]"
    )


def wrong_value(error: ConfigValueCannotBeCoercedException) -> str:
    """What dlt says of a setting of its own that is of another type; without the value, which may be a secret."""
    return f"setting {error.field_name} is not a {getattr(error.hint, '__name__', error.hint)}: correct or remove it"


def _variables_of(error: ConfigFieldMissingException) -> list[str]:
    """The environment variable that dlt asked first for each missing field."""
    return [str(getattr(traces[0], "key", name)) for name, traces in error.traces.items()]
