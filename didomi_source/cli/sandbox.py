"""The local API as a command: its switches and faults as texts."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

from didomi_source.errors import ConfigurationError

from .demo import sandbox_module

if TYPE_CHECKING:
    from didomi_sandbox import Sandbox


def serve_sandbox(
    on_ready: Callable[[Sandbox], None],
    *,
    port: int,
    seed: int,
    days: int,
    exports: int,
    switches: Sequence[str],
    faults: Sequence[str],
) -> None:
    """Serve the sandbox until the program ends.

    Args:
        on_ready: Called when it listens.
        port: On 127.0.0.1; 0 takes a free one.
        seed: Which history.
        days: How many days of it.
        exports: How many exports.
        switches: Switches of its behaviour, as `name=value`.
        faults: Faults, as `kind` or `kind:name=value,…`.

    Raises:
        ConfigurationError: There is no such switch or fault, the port is taken, or the extra is missing.
    """
    module = sandbox_module()
    behaviour = module.Behaviour(**_given(switches, module.Behaviour))
    rules = [_fault(module, text) for text in faults]
    try:
        module.run(on_ready, port=port, seed=seed, days=days, exports=exports, behaviour=behaviour, faults=rules)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        msg = f"cannot listen on port {port} ({reason}): choose another with --port, or 0 for any"
        raise ConfigurationError(msg) from None


def _fault(module: Any, text: str) -> Any:
    kind, _, rule = text.partition(":")
    if kind not in module.KINDS:
        close = difflib.get_close_matches(kind, module.KINDS, 5, 0.4) or ["gateway_502", "429_seconds", "html"]
        msg = f"there is no fault {kind!r}, but for example {', '.join(close)} ({len(module.KINDS)} in all)"
        raise ConfigurationError(msg)
    return module.Fault(kind, **_given(rule.split(",") if rule else [], module.Fault))


def _given(texts: Sequence[str], kind: Any) -> dict[str, Any]:
    """`name=value` texts as arguments of a dataclass."""
    hints = get_type_hints(kind, localns={"Callable": Callable, "Store": object})
    names = [field.name for field in fields(kind) if field.name not in ("kind", "on_request")]
    found: dict[str, Any] = {}
    for text in texts:
        name, given, value = text.partition("=")
        if not given or name not in names:
            msg = f"expected NAME=VALUE with one of {', '.join(names)}: {text!r}"
            raise ConfigurationError(msg)
        found[name] = _value(name, value, hints[name])
    return found


def _value(name: str, text: str, hint: Any) -> Any:
    """A text as a value of a type hint; lists are written with +, as in `rate_limit=20+2`."""
    options = [o for o in get_args(hint) if o is not type(None)] if type(None) in get_args(hint) else [hint]
    if text.lower() == "none" and type(None) in get_args(hint):
        return None
    for option in options:
        try:
            return _as(option, text)
        except (ValueError, TypeError, KeyError):
            continue
    allowed = [str(choice) for option in options if get_origin(option) is Literal for choice in get_args(option)]
    msg = f"{name} cannot be {text!r}" + (f": choose one of {', '.join(allowed)}" if allowed else "")
    raise ConfigurationError(msg)


def _as(kind: Any, text: str) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal and text in arguments:
        return text
    if origin in (tuple, frozenset):
        parts = text.split("+")
        kinds = [arguments[0]] * len(parts) if origin is frozenset or arguments[-1] is ... else arguments
        return origin(_as(k, part) for k, part in zip(kinds, parts, strict=True))
    if kind is bool:
        return {"true": True, "false": False}[text.lower()]
    if kind in (int, float, str):
        return kind(text)
    raise ValueError
