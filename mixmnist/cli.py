"""The command `mixmnist`. It begins at once, and whatever goes wrong in it ends in one sentence; with --debug it is shown where.

Exit codes: 0; 1 some runs failed (they are listed), or something broke that should not; 2 one line that says what is wrong and
the way out; 130 stopped by Ctrl-C, or by SIGTERM, which queues send before they kill. Nothing is imported before `main` that
takes time: Ctrl-C in the first second must end in a sentence, too.
"""

import atexit
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Sequence

STOPPED = 130
GARBAGE = 100_000  # new objects after which it is searched for
GOES_ON = ("run", "demo")  # commands that record what is finished and find it there the next time
LESS = "Ask for less at a time: fewer canvases (--n), a smaller --size, fewer threads or units."
BROKEN = "That should not happen. The same command with --debug shows where; please report it."


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command and gives its exit code."""
    if argv is None:
        _be_quick()
    words = list(sys.argv[1:] if argv is None else argv)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 -- it lives as long as we do
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _run(words)
    except KeyboardInterrupt:
        resumed = next((word for word in words if not word.startswith("-")), "") in GOES_ON and "--dry-run" not in words
        kept = "What was finished is recorded; the same command goes on from there."
        _complain(f"stopped. {kept if resumed else 'Nothing is left half-written; the same command begins anew.'}")
        return STOPPED
    except BrokenPipeError:  # whoever read our lines has had enough, as `head`
        return 0
    except Exception as error:
        if "--debug" in words:
            raise
        line, code = _told(error)
        _complain(line)
        return code
    finally:
        signal.signal(signal.SIGTERM, before)
        _flush()


def _be_quick() -> None:
    """Spares a process of our own what Python's search for garbage takes: a fifth of all imports, and a second at the end."""
    gc.set_threshold(GARBAGE)
    atexit.register(gc.freeze)  # what is left then goes with the process


def _run(words: Sequence[str]) -> int:
    """Reads the command line, does what it says, and prints the document that --json asks for."""
    from mixmnist.commands import completion
    from mixmnist.commands.parsing import make_parser
    from mixmnist.core.storage import as_json

    parser = make_parser()
    completion.offer(parser)
    try:
        args = parser.parse_args(words)
    except SystemExit:  # it has printed help or what is wrong
        sys.stdout.flush()
        raise
    with contextlib.redirect_stdout(sys.stderr) if args.json else contextlib.nullcontext():
        answer = args.command(args, (lambda _: None) if args.quiet else _print)
    if args.json:
        sys.stdout.write(as_json(answer.data) + "\n")
    sys.stdout.flush()
    code: int = answer.code
    return code


def _told(error: Exception) -> tuple[str, int]:
    """Says an error in a line, and gives the exit code."""
    said = next(iter(str(error).strip().splitlines()), "no word")
    memory = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in said
    if memory:
        return f"memory must hold what is asked for, got too little of it ({said}). {LESS}", 2
    if isinstance(error, OSError) and error.strerror:  # those of the disk bring no way out of their own
        place = f": {error.filename}" if error.filename else ""
        way_out = "What was finished before is kept; mend that and type the same command again."
        return f"{error.strerror}{place}. {way_out}", 2
    if isinstance(error, ValueError | OSError | ModuleNotFoundError):
        return str(error).replace("\n", " "), 2
    return f"{type(error).__name__}: {said.removesuffix('.')}. {BROKEN}", 1


def _print(line: str) -> None:
    from tqdm import tqdm

    tqdm.write(line)  # prints between progress bars
    sys.stdout.flush()


def _complain(line: str) -> None:
    with contextlib.suppress(OSError):
        print(f"mixmnist: {line}", file=sys.stderr, flush=True)  # noqa: T201 -- a command speaks


def _flush() -> None:
    """Lets go of what can no longer be written, or the interpreter would complain of it at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        with contextlib.suppress(OSError, ValueError):  # in tests it has no number
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
