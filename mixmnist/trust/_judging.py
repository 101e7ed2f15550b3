"""Who judges generators: a reader that is named, one of the same study, one of any other study, or the exact one of stamps."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from torch import nn

from mixmnist.core.records import Canvas, require
from mixmnist.dissect._judge_net import JudgeNet
from mixmnist.dissect.exact import ExactJudge
from mixmnist.dissect.judging import TrainedJudge, judge_of, load_judge
from mixmnist.dissect.reading import Judge
from mixmnist.grid.recording import load_net
from mixmnist.trust._networks import Recorded, recorded

EXACT = "stamps"  # the source whose canvases are read exactly
PLACES = (Path("results/local"), Path("results/reference"))  # where studies lie that may have readers


def judge_for(
    source: str,
    canvas: Canvas,
    readers: Path | None = None,
    folder: Path | None = None,
    *,
    places: Sequence[Path] = PLACES,
    strict: bool = True,
) -> Judge:
    """Finds who reads the canvases of a generator.

    Args:
        source: Of the glyphs.
        canvas: Its size.
        readers: A file that a judge was saved to, or a folder of a study that has a variant of kind judge; None: looked for.
        folder: Of the study and source that the generator is of, where one is looked for first.
        places: Folders of studies, where one is looked for then.
        strict: Whether one below its bar is refused; else the first is taken where none is above, for tables without verdicts.

    Returns:
        The one named; on stamps the exact judge; else the first that is found above its bar.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If the one that is named, or each that is found, is below its bar, or is for other canvases.
    """
    if readers is not None:
        judge = load_judge(readers) if readers.is_file() else _first_of(readers, source)
        return _checked(judge, source, canvas, str(readers))
    if source == EXACT:
        return ExactJudge(canvas)
    found = [judge for home in _homes(source, folder, places) for judge in judges_of(home) if judge.canvas == canvas]
    good = [judge for judge in found if not judge.faults]
    if good or (found and not strict):
        return [*good, *found][0]
    require(not found, f"readers must be above their bar, got {found and found[0].faults[0]}. {_way_out(source)}")
    raise FileNotFoundError(f"readers of {source} must be there to judge, got none. {_way_out(source)}")


@dataclass(frozen=True)
class Who:
    """A judge that any process can load."""

    canvas: Canvas
    source: str = ""
    seed: int = 0
    place: Path | None = None  # of its record; None: the exact judge of stamps

    @cached_property
    def judge(self) -> Judge:
        """Loads it."""
        return (
            ExactJudge(self.canvas) if self.place is None else _judge(load_net(self.place), self.canvas, self.source, self.seed)
        )


def who_judges(judges: Sequence[Recorded], like: Recorded) -> list[Who]:
    """Lists who judges, the one that counts first: trained judges, those above their bar before others; on stamps the exact one.

    Raises:
        ValueError: If there is nobody.
    """
    canvas = like.settings.canvas
    found = sorted((Who(canvas, net.source, net.seed, net.place) for net in judges), key=lambda who: bool(who.judge.faults))
    if like.source == EXACT:
        found.append(Who(canvas))
    require(found, f"somebody must judge generators on glyphs of {like.source}, got no judge. Run the variant of kind judge.")
    return found


def judges_of(folder: Path) -> list[TrainedJudge]:
    """Gives the trained judges of a study and source, by variant and seed."""
    judges = [net for net in recorded(folder) if net.settings.kind == "judge"]
    return [_judge(net.net(), net.settings.canvas, net.source, net.seed) for net in judges]


def _judge(module: nn.Module, canvas: Canvas, source: str, seed: int) -> TrainedJudge:
    assert isinstance(module, JudgeNet)  # as its kind makes them
    return judge_of(module, canvas, source, seed)


def _homes(source: str, folder: Path | None, places: Sequence[Path]) -> Iterable[Path]:
    """Lists the folders of studies of a source that may hold a judge, the own one first."""
    if folder is not None:
        yield folder
    for place in places:
        yield from sorted(path for path in place.glob(f"*/{source}") if (path / "runs").is_dir() and path != folder)


def _first_of(folder: Path, source: str) -> TrainedJudge:
    found = judges_of(folder)
    if not found:
        raise FileNotFoundError(f"readers must lie in a file or in a study's folder, got none in {folder}. {_way_out(source)}")
    return found[0]


def _checked(judge: TrainedJudge, source: str, canvas: Canvas, place: str) -> TrainedJudge:
    fits = (judge.source, judge.canvas) == (source, canvas)
    got = f"{judge.source}, {judge.canvas.size} pixels in {place}"
    require(fits, f"readers must be of glyphs of {source} on canvases of {canvas.size} pixels, got {got}. {_way_out(source)}")
    faults = "; ".join(judge.faults)
    require(not judge.faults, f"readers must be above their bar, got {faults} in {place}. {_way_out(source)}")
    return judge


def _way_out(source: str) -> str:
    return f"Train them: mixmnist run generators --variants reader --source {source}."
