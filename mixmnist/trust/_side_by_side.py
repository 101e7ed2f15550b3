"""Many calls side by side, on as many cores as there are, in processes of their own."""

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

import torch
from tqdm import tqdm

Call = tuple[Callable[..., Any], tuple[Any, ...]]  # a function that a process can import, and its arguments


def side_by_side(calls: Sequence[Call], title: str, fewest: int) -> list[Any]:
    """Calls functions and gives what they give, in order.

    Args:
        calls: Each takes at least some tenths of a second.
        title: Of the progress bar.
        fewest: Calls below which a process is not worth its start.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    bar = partial(tqdm, desc=title, total=len(calls), leave=False, disable=None)
    if min(cores, len(calls) // fewest) < 2:
        return [_call(call) for call in bar(calls)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(cores, context, initializer=partial(torch.set_num_threads, 1)) as pool:
        return list(bar(pool.map(_call, calls)))


def _call(call: Call) -> Any:  # noqa: ANN401 -- whatever the function gives
    function, arguments = call
    return function(*arguments)
