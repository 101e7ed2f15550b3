"""Workers: processes that run blocks for a sweep, one a core, since threads of one process wait for each other's Python.

A worker reads blocks from its standard input and writes what became of them to its standard output. It ends when its sweep does,
however that ends.
"""

import contextlib
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any

import torch

from mixmnist.grid.block import Block
from mixmnist.grid.pipeline import run_block
from mixmnist.training import Stopped, Watch

START = "import gc; gc.set_threshold(100_000); from mixmnist.grid import workers; workers.serve()"  # as the command does
SHARE = 0.45  # of a GPU's memory, of which two processes use one; the rest is for what each loads before it allocates anything


class Here:
    """Runs blocks in this process."""

    def __init__(self, position: int) -> None:
        self._watch = Watch(position=position, stop=threading.Event())

    def run(self, block: Block, tell: Callable[[str], None]) -> list[str]:
        """Runs a block to its records and gives the failures."""
        return run_block(block, tell, self._watch)

    def end(self) -> None:
        """Gives up the block in hand."""
        assert self._watch.stop is not None
        self._watch.stop.set()


class Worker:
    """A process that runs one block at a time; it starts with the first one."""

    def __init__(self, position: int) -> None:
        self.position = position  # the line of its progress bar
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = False

    def run(self, block: Block, tell: Callable[[str], None]) -> list[str]:
        """Runs a block to its records and gives the failures; what goes wrong in the process is raised here.

        Raises:
            RuntimeError: If the process died.
            Stopped: If the worker was ended meanwhile.
        """
        if self._process is None:
            command = [sys.executable, "-c", START]
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, start_new_session=True)  # noqa: S603 -- our own
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        with self._watched(process):
            pickle.dump((block, self.position), process.stdin)
            process.stdin.flush()
        while True:
            with self._watched(process):
                answer = pickle.load(process.stdout)  # noqa: S301 -- from our own process
            if not isinstance(answer, str):
                break
            try:
                tell(answer)  # while it works
            except BaseException:  # what it still has to say would be taken for the next block's
                self._process = None
                process.kill()
                process.wait()
                _close(process)
                raise
        failures, error = answer
        if error is not None:
            raise error
        found: list[str] = failures
        return found

    @contextlib.contextmanager
    def _watched(self, process: "subprocess.Popen[bytes]") -> Iterator[None]:
        """Says what it means if the process does not take or give any more."""
        try:
            yield
        except (EOFError, OSError, ValueError, pickle.UnpicklingError) as broken:  # a ValueError: ended between the two
            self._process = None
            if self._ended:
                raise Stopped from broken
            if not isinstance(broken, EOFError | BrokenPipeError | pickle.UnpicklingError):
                raise
            code = process.wait()
            _close(process)
            raise RuntimeError(f"its process ended with code {code}, most often for want of memory") from broken

    def end(self) -> None:
        """Ends the process at once."""
        self._ended = True
        process = self._process
        if process is not None:
            process.kill()
            process.wait()
            _close(process)


def _close(process: "subprocess.Popen[bytes]") -> None:
    """Closes the pipes of a process that has ended."""
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        with contextlib.suppress(OSError):  # what it did not read any more
            pipe.close()


def serve() -> None:
    """Runs blocks until the input ends; then so does the process, in the middle of a block if need be."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever else prints does not get between the answers
    waiting: SimpleQueue[Any] = SimpleQueue()

    def listen() -> None:
        while True:
            try:
                waiting.put(pickle.load(sys.stdin.buffer))  # noqa: S301 -- from the process that started this one
            except EOFError:
                os._exit(0)

    def answer(what: object) -> None:
        """Gives a line, a text, or at the end of a block its failures and what went wrong."""
        pickle.dump(what, answers)
        answers.flush()

    threading.Thread(target=listen, daemon=True).start()
    while True:
        block, position = waiting.get()
        _settle(block)
        failures, error = [], None
        try:
            failures = run_block(block, answer, Watch(position=position))
        except Exception as caught:
            error = caught
        answer((failures, error))


def _settle(block: Block) -> None:
    """Keeps this process to its threads and, on a GPU, to its share of the memory, so that none takes what another needs."""
    torch.set_num_threads(block.threads)
    if block.device.startswith("cuda"):
        torch.cuda.set_per_process_memory_fraction(SHARE, torch.device(block.device).index)
