"""What the parsers of several commands share: how a command is made, and what is asked of a network of one's own."""

import argparse
import ast
import inspect
from collections.abc import Callable

from mixmnist.commands import completion
from mixmnist.commands.answers import Answer, Say
from mixmnist.commands.completion import completed
from mixmnist.commands.manners import Parser
from mixmnist.core.records import Options

DEVICES = ("auto", "cpu", "cuda")
SOURCES = completion.shelf("sources", "auto", files=".npz")


def help_of(configuration: type) -> dict[str, str]:
    """Gives the string under each field of a dataclass, which is the option's help."""
    body = ast.parse(inspect.getsource(configuration)).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            assert isinstance(field.target, ast.Name)
            found[field.target.id] = str(text.value.value).replace("%", "%%")
    return found


def make_command(
    commands: "argparse._SubParsersAction[Parser]",
    name: str,
    function: Callable[[argparse.Namespace, Say], Answer],
    example: str,
    summary: str,
) -> argparse.ArgumentParser:
    """Makes the parser of a command, with the options that every command has."""
    command = commands.add_parser(name, help=summary, description=summary, epilog=f"example: mixmnist {name} {example}")
    command.set_defaults(command=function)
    command.add_argument("--quiet", action="store_true", help="print nothing but errors")
    command.add_argument("--json", action="store_true", help="print what was found as one JSON document, and prose on stderr")
    command.add_argument("--debug", action="store_true", help="on an error, show where it was raised")
    return command


def add_guest(guest: "argparse._ArgumentGroup") -> None:
    """Adds what is said of a network of one's own and its canvases."""
    guest.add_argument("--weights", metavar="F", help="safetensors")
    guest.add_argument("--axis", type=int, metavar="N", help="of the layer's output that counts units (1, 2, -1), if unclear")
    completed(guest.add_argument("--task", default="pairs", help="of the canvases (default pairs)"), completion.shelf("tasks"))
    completed(guest.add_argument("--source", default="auto", help=help_of(Options)["source"]), SOURCES)
    guest.add_argument("--size", type=int, help="rows and columns of the canvas; by default the task's")
    guest.add_argument("--channels", type=int, default=1, help="1 or 3: that the network takes (default 1)")
    guest.add_argument("--transform", metavar="pkg.module:function", help="applied to images in [0, 1] before the network")
