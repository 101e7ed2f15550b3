"""Manners: what the command line says to somebody who asks for nothing, and how it answers a slip: in one sentence."""

import argparse
import platform
from typing import Any, NoReturn

import mixmnist
from mixmnist.commands.answers import Answer, Say
from mixmnist.core import registry

WHAT = "scores units of networks as detectors of digits, on images whose truth is known exactly."
BEGIN = """To begin with:
  mixmnist demo                             a first look in half a minute; needs no network
  mixmnist run sanity usefulness --dry-run  what the two studies would train, how long and in what memory
  mixmnist evaluate --help                  how to score the units of your own network, with an example
"""
VERSION = f"mixmnist {mixmnist.__version__}, Python {platform.python_version()}"


class Parser(argparse.ArgumentParser):
    """A parser that answers a slip in one sentence with the way out."""

    def error(self, message: str) -> NoReturn:
        """Says what is wrong and ends with exit code 2."""
        said = message if message.endswith(".") else f"{message}. `{self.prog} --help` shows what there is, with an example."
        self.exit(2, f"mixmnist: {said}\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:  # noqa: ANN401 -- as argparse has it
        """Refuses what it does not know, so that the command it was said to is named."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"options must be known ones, got {' '.join(unknown)}")
        return found, unknown

    def _check_value(self, action: argparse.Action, value: Any) -> None:  # noqa: ANN401 -- as argparse has it
        if action.choices is not None and value not in action.choices:
            kind = "command" if isinstance(action, argparse._SubParsersAction) else action.dest
            raise argparse.ArgumentError(None, str(registry.nearest(kind, value, action.choices)))


def begin(_args: argparse.Namespace, say: Say) -> Answer:
    """Says what this is, how to begin and where more is."""
    say(f"mixmnist {mixmnist.__version__}: {WHAT}\n\n{BEGIN}\n`mixmnist --help` lists every command; each has --help, too.")
    return Answer({"version": mixmnist.__version__, "python": platform.python_version()})
