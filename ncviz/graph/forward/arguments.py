"""Which argument of a forward is the image, and what becomes of the others."""

from __future__ import annotations

import inspect
from inspect import Parameter

from torch import nn

from ncviz.copies.wrappers import Unwrapped
from ncviz.errors import ModelError

_BY_PLACE = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


def ignored_arguments(net: nn.Module) -> tuple[str, ...]:
    """Return one sentence on what a forward could be given besides its image, none if there is nothing.

    The image is the first argument by place; the others have their defaults, as where nothing else is given.

    Raises:
        ModelError: If the forward needs more than one argument, or takes none by place.
    """
    while isinstance(net, Unwrapped):
        net = net.inner
    try:
        given = list(inspect.signature(net.forward).parameters.values())
    except (TypeError, ValueError):
        return ()
    first = next((each for each in given if each.kind in (*_BY_PLACE, Parameter.VAR_POSITIONAL)), None)
    if first is None:
        raise ModelError(
            f"The forward of {type(net).__name__} takes no argument by place; expected the images."
        )
    others = [each for each in given if each is not first]
    for each in others:
        if each.default is Parameter.empty and each.kind not in (
            Parameter.VAR_POSITIONAL,
            Parameter.VAR_KEYWORD,
        ):
            raise ModelError(
                f"The network takes more than one input (second: '{each.name}'); expected one. If it is no input, give "
                "it a default in forward."
            )
    told = [_told(each) for each in others]
    if not told:
        return ()
    return (f"Of forward, only '{first.name}' is given: {', '.join(told)}.",)


def _told(argument: Parameter) -> str:
    if argument.kind is Parameter.VAR_POSITIONAL:
        return f"*{argument.name} is empty"
    if argument.kind is Parameter.VAR_KEYWORD:
        return f"**{argument.name} is empty"
    default = repr(argument.default)
    return f"{argument.name} is {default if len(default) <= 40 else 'its default'}"
