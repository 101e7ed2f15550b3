"""Blocks on the workers of a Dask cluster; their records are written where the client sits.

A worker needs the package and nothing else: the source's glyphs travel with the first block. It computes in a folder of its
own, on its own device, with the client's thread count and precision, and sends the files back whole.
"""

import contextlib
import io
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from tqdm import tqdm

from mixmnist.core import storage
from mixmnist.core.records import Glyphs, require
from mixmnist.data import sources
from mixmnist.grid.block import Block
from mixmnist.grid.machine import choose_device
from mixmnist.grid.pipeline import fill
from mixmnist.grid.recording import summary

if TYPE_CHECKING:
    from distributed import Client

ANSWER = 10  # seconds until an address is given up
RETRIES = 3  # times that a block is tried again after its worker died, whatever the scheduler makes of deaths
KILLED = "KilledWorker"  # Dask's name for the end of a block whose workers died too often
SPLITS = ("train", "test")  # of a source
Files = dict[str, bytes]  # path below the block's folder -> content


def run_blocks(
    blocks: Sequence[Block], address: str, auto_device: bool, tell: Callable[[str], None]
) -> Iterator[tuple[Block, list[str]]]:
    """Runs blocks on a cluster, records each as it comes back, and gives it with its failures, one sentence each.

    Args:
        blocks: Blocks of one source.
        address: Of the scheduler, as tcp://host:8786, or local:N for N workers on this machine.
        auto_device: Whether a worker chooses its device itself; otherwise it is the client's.
        tell: Called with a line whenever a block is done.

    Raises:
        ValueError: If Dask is not installed, nobody answers, or a worker's package is another one.
    """
    with _client(address) as client:
        from distributed import as_completed

        if not client.scheduler_info()["workers"]:
            tell(f"{address} has no workers yet; blocks wait for the first")
        first = blocks[0]
        data, packed = first.config["data"], _pack(first.source, first.root)
        parcels: dict[int, Any] = {}

        def send(block: Block, deaths: int) -> Any:  # noqa: ANN401 -- Dask gives it no types
            """Sends a block; after deaths under another name, since a scheduler keeps what it gave up."""
            if deaths not in parcels:  # a task, not scattered data: what is lost with a worker can be unpacked again elsewhere
                parcels[deaths] = client.submit(_unpack, packed, key=f"glyphs {data} {deaths}")
            key = f"{block.label} {storage.fingerprint(block.fingerprints)} {deaths}"
            return client.submit(_work, block, block.fingerprints, data, parcels[deaths], auto_device, key=key)

        waiting = {send(block, 0): (block, 0) for block in blocks}
        title = f"{first.study}: blocks on {address}"
        with tqdm(total=len(blocks), desc=title, leave=False, disable=None) as bar:
            done = as_completed(list(waiting), raise_errors=False)
            for future in done:
                block, deaths = waiting.pop(future)
                died = _deaths(future)
                if died and _again(deaths + died):
                    again = send(block, deaths + died)
                    waiting[again] = (block, deaths + died)
                    done.add(again)
                    continue
                found = _receive(block, future, tell, deaths + died)
                future.release()  # or the cluster would keep every block's files until the end
                bar.update()
                yield block, found


def _deaths(future: Any) -> int:  # noqa: ANN401 -- Dask gives it no types
    """Gives how many workers died at a block before its scheduler gave it up; 0 if it did not."""
    error = future.exception() if future.status == "error" else None
    return error.allowed_failures + 1 if type(error).__name__ == KILLED and error is not None else 0


def _again(deaths: int) -> bool:
    """Says whether a block is sent anew after so many deaths."""
    return deaths <= RETRIES


def _pack(source: str, root: str | None) -> bytes:
    """Packs both splits of a source into the bytes of an .npz."""
    arrays: dict[str, Any] = {}
    for split in SPLITS:
        glyphs = sources.load_glyphs(source, root, split)
        arrays |= {f"{split}_images": glyphs.images, f"{split}_labels": glyphs.labels}
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)
    return packed.getvalue()


def _unpack(packed: bytes) -> dict[str, Glyphs]:
    """Gives the glyphs of each split."""
    with np.load(io.BytesIO(packed), allow_pickle=False) as stored:
        return {split: Glyphs(stored[f"{split}_images"], stored[f"{split}_labels"]) for split in SPLITS}


def _receive(block: Block, future: Any, tell: Callable[[str], None], deaths: int) -> list[str]:  # noqa: ANN401 -- as above
    """Records what a worker sent; what went wrong there is a failure of the block's runs."""
    try:
        files, lines, seconds, where = future.result()
    except OSError as error:
        return [f"{block.label}: {error!r}"]
    except Exception as error:
        return [f"{block.label}: {_explain(error, deaths)}"]
    for line in lines:
        tell(line)

    def unpack(folder: Path) -> None:
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    storage.publish(block.home, unpack, replaced=block.folder / "replaced")
    tell(f"{summary(block, seconds)} on {where}")
    return block.failures()


def _explain(error: Exception, deaths: int = 0) -> str:
    """Says in a sentence what stopped a block on a worker."""
    kind = type(error).__name__
    if kind == KILLED:
        return (
            f"its workers died {deaths} times, most often for want of memory. Give workers more memory, or run fewer "
            "blocks on one (dask worker --nthreads 1)."
        )
    if isinstance(error, ModuleNotFoundError):
        return f"workers must have the client's packages, got none named {error.name!r}. Type on each: pip install mixmnist"
    return str(error) if isinstance(error, ValueError) else repr(error)


@contextlib.contextmanager
def _client(address: str) -> Iterator["Client"]:
    """Connects to a cluster, or starts one here that ends with the block."""
    try:
        import dask
        from distributed import Client, LocalCluster
    except ModuleNotFoundError as error:
        raise ValueError(f"--cluster needs Dask, got no {error.name}. Type: pip install 'mixmnist[cluster]'") from error
    kind, _, count = address.partition(":")
    settings = {
        "distributed.scheduler.allowed-failures": RETRIES,
        "distributed.comm.timeouts.connect": f"{ANSWER}s",
        "distributed.admin.large-graph-warning-threshold": "1GB",  # the glyphs are meant to travel
    }
    with dask.config.set(settings), contextlib.ExitStack() as stack:
        if kind == "local":
            require(count.isdigit() and int(count) >= 1, f"cluster must be local:N with N of 1 or more, got {address!r}.")
            cluster = LocalCluster(int(count), threads_per_worker=1, processes=True, dashboard_address=":0")
            target: Any = stack.enter_context(cluster)
        else:
            target = address
        try:
            client = stack.enter_context(Client(target, timeout=ANSWER))
        except (OSError, ValueError) as error:
            raise ValueError(
                f"cluster must be the address of a Dask scheduler or local:N, got {address!r} where none answers within "
                f"{ANSWER} s. Start one with: dask scheduler"
            ) from error
        yield client


def _stop_watching() -> None:
    """Ends a worker's habit of looking at what its threads do, a hundred times a second, for its dashboard.

    Before Python 3.11.9 a worker can stop for good in it, while threads of a block end (python/cpython issue 106883).
    """
    from distributed import get_worker

    with contextlib.suppress(ValueError):  # on no worker
        worker = get_worker()
        if (watch := worker.periodic_callbacks.get("profile")) is not None:
            worker.loop.add_callback(watch.stop)  # of its own thread


def _work(
    block: Block, expected: dict[str, Any], data: str, glyphs: dict[str, Glyphs], auto_device: bool
) -> tuple[Files, list[str], float, str]:
    """Computes a block on a worker; gives its files, what was said, the seconds it took, and where."""
    started = time.perf_counter()
    _stop_watching()
    root = f"lent {data}"  # of its own: what the worker knows under the client's root may be something else
    sources.lend(block.source, root, glyphs)
    own = replace(block, root=root)
    require(
        own.fingerprints == expected,
        f"workers must run the client's version of mixmnist, got another on {platform.node()}. Install the same one there.",
    )
    if auto_device:
        own = replace(own, device=choose_device("auto"))
    torch.set_num_threads(own.threads)
    lines: list[str] = []
    with tempfile.TemporaryDirectory(prefix="mixmnist-") as folder:
        fill(replace(own, folder=Path(folder) / "none"), Path(folder), lines.append)
        files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(Path(folder).rglob("*")) if p.is_file()}
    return files, lines, time.perf_counter() - started, platform.node()
