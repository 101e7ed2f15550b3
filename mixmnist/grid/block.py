"""One block of runs: everything its records depend on, where they lie, and what can be said of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from mixmnist.core import storage, sums
from mixmnist.core.records import Variant
from mixmnist.data.mixture import Mixture
from mixmnist.data.sources import fingerprint as data_fingerprint
from mixmnist.grid import digests
from mixmnist.grid.canvases import drawn
from mixmnist.grid.origins import OUT_OF_MEMORY

WEIGHTS = "weights.safetensors"  # of a run that did not fail


@dataclass(frozen=True)
class Block:
    """One variant under a few seeds: everything its records depend on, and where they go."""

    study: str
    name: str  # the variant's
    variant: Variant
    source: str
    root: str | None
    seeds: tuple[int, ...]
    device: str
    precision: str
    threads: int
    folder: Path  # of the study and source; holds runs/<variant>/s<first>-<last>
    quick: bool = False  # a shortened recipe, which says nothing about the claims
    elsewhere: Path | None = None  # other results where the same runs may be recorded

    @property
    def home(self) -> Path:
        """Where the block's records lie."""
        return self.folder / "runs" / self.name / f"s{self.seeds[0]}-{self.seeds[-1]}"

    @property
    def place(self) -> Path:
        """Where the records are read: at home, or with another study that has the same runs."""
        return storage.follow(self.home)

    @property
    def lock(self) -> Path:
        """The file that the process holds which works on the block."""
        return self.folder / ".locks" / f"{self.name}-{self.home.name}.lock"

    @property
    def label(self) -> str:
        """What messages call the block."""
        return f"{self.study} {self.source} {self.name} {self.home.name}"

    @cached_property
    def config(self) -> dict[str, Any]:
        """Everything that decides the weights."""
        return {
            "variant": self.variant.as_dict(),
            "source": self.source,
            "data": data_fingerprint(self.source, self.root),
            "seeds": list(self.seeds),
            "device": self.device,
            "precision": self.precision,
            "threads": self.threads,
            "code": digests.of_weights(self.variant),
        }

    @cached_property
    def fingerprints(self) -> dict[str, Any]:
        """What must be the same for recorded weights, and for each recorded score, to be used again."""
        return {"weights": storage.fingerprint(self.config), "scores": digests.of_scores(self.variant)}

    def draw(self, split: str, n: int, seed: int) -> Mixture:
        """Gives a mixture of its variant, on its device."""
        v = self.variant
        settings = tuple(sorted(v.task_settings.items()))
        return drawn(v.task, self.source, split, n, v.canvas, settings, self.root, seed, self.device)

    def recorded(self) -> dict[str, Any] | None:
        """Gives the fingerprints under which the block is recorded, or None if it is not or must be run again.

        Scores that only some of its seeds have count as none, those that differ between seeds as out of date.
        """
        return None if not self.home.is_dir() or self.damage() else self._fingerprints()

    def _fingerprints(self) -> dict[str, Any]:
        first, *others = (self.record(seed)["fingerprints"] for seed in self.seeds)
        common = {name: digest for name, digest in first["scores"].items() if all(name in other["scores"] for other in others)}
        differing = {name for name in common if any(other["scores"][name] != common[name] for other in others)}
        return {"weights": first["weights"], "scores": common | dict.fromkeys(differing, "differs between seeds")}

    def has_weights(self) -> bool:
        """Says whether its weights are recorded, be its scores out of date."""
        known = self.recorded()
        return known is not None and known["weights"] == self.fingerprints["weights"]

    def why_again(self) -> str | None:
        """Says why what is recorded does not do, and what becomes of it; None if nothing is recorded or nothing is left to do."""
        if not self.home.is_dir():
            return None
        kept = f"the block is run again and what is there kept in {self.folder / 'replaced'}"
        damage = self.damage()
        if damage:
            return f"{damage}; {kept}"
        known, now = self._fingerprints(), self.fingerprints
        if known["weights"] != now["weights"]:
            return f"what decides the weights has changed since it was recorded; {kept}"
        lacking = [f"newer than its record: {', '.join(newer(known, now))}"] if newer(known, now) else []
        lost = self.lost()
        why = "; ".join([*([lost] if lost else []), *outdated(known, now), *lacking])
        return f"{why}; its weights are scored anew" if why else None

    def is_done(self) -> bool:
        """Says whether nothing is left to do."""
        known, now = self.recorded(), self.fingerprints
        return known is not None and not outdated(known, now) and not newer(known, now) and self.lost() is None

    def damage(self) -> str | None:
        """Says why the networks that are recorded there cannot stand for the block, or None if they can or there are none."""
        if not self.home.is_dir():
            return None
        for seed in self.seeds:
            try:
                found = self._damage_of(seed)
            except ValueError as error:
                return str(error)
            except (OSError, KeyError, TypeError, AttributeError) as error:
                return f"the record in {self.home / f's{seed}'} cannot be read ({type(error).__name__})"
            if found:
                return found
        alike = len({self.record(seed)["fingerprints"]["weights"] for seed in self.seeds}) == 1
        return None if alike else f"the seeds in {self.place} were made under different configurations"

    def _damage_of(self, seed: int) -> str | None:
        record, home = self.record(seed), self.place / f"s{seed}"
        if record["seed"] != seed:
            return f"the record in {home} is of another seed"
        if record["failure"] is None:
            if not (home / WEIGHTS).is_file():
                return f"{home} lacks {WEIGHTS}"
            if sums.sha256(home / WEIGHTS) != record["weights_sha256"]:
                return f"the weights in {home / WEIGHTS} are not those of its record"
        elif record["failure"].startswith(OUT_OF_MEMORY):
            return f"seed {seed} ran out of memory the last time"
        if not isinstance(record["fingerprints"]["scores"], dict):
            return f"the record in {home} is of a former layout, which says nothing of single scores"
        record["fingerprints"]["weights"]
        return None

    def lost(self) -> str | None:
        """Says what of the recorded scores and pictures is not as it was written, or cannot be known to be; None if all is."""
        for seed in self.seeds:
            record, home = self.record(seed), self.place / f"s{seed}"
            if not sums.is_sealed(record):
                return f"the record in {home} is of a former layout, without the sums of its files"
            wrong = sums.altered(home, record)
            if wrong:
                return sums.said(home, wrong)
        return None

    def record(self, seed: int) -> dict[str, Any]:
        """Reads what was recorded of one seed.

        Raises:
            ValueError: If it cannot be read or is not as it was written.
        """
        return sums.read_sealed(self.place / f"s{seed}" / "record.json")

    def failures(self) -> list[str]:
        """Gives a sentence for each recorded run that failed: which, why, and where its configuration stands."""
        failed = [record for record in map(self.record, self.seeds) if record["failure"]]
        said = f"{self.study} {self.source} {self.name}"
        where = [self.place / f"s{record['seed']}" / "record.json" for record in failed]
        return [f"{said} seed {r['seed']}: {r['failure']} (configuration: {w})" for r, w in zip(failed, where, strict=True)]

    def twin(self) -> "Block | None":
        """Finds a block of another study, here or elsewhere, that has the same weights; the same scores come first."""
        found = []
        roots = [self.folder.parents[1], *([] if self.elsewhere is None else [self.elsewhere])]
        for home in (h for root in roots for h in sorted(root.glob(f"*/{self.folder.name}/runs/*/{self.home.name}"))):
            if home != self.home and not storage.is_link(home):
                other = replace(self, study=home.parts[-5], name=home.parts[-2], folder=home.parents[2])
                known = other.recorded()
                if known is not None and known["weights"] == self.fingerprints["weights"]:
                    found.append((not other.is_done(), other))
        return min(found, key=lambda pair: pair[0])[1] if found else None


def outdated(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Says, a sentence each, which code or configuration has changed since a record was made.

    A metric that is newer than the record makes it no older; one that is no longer there does.
    """
    found = [] if recorded["weights"] == now["weights"] else ["what decides the weights has changed"]
    old = sorted(name for name, digest in recorded["scores"].items() if now["scores"].get(name) != digest)
    if old:
        which = "" if len(old) == len(recorded["scores"]) else f" ({', '.join(old)})"
        found.append(f"the code of the scores has changed{which}")
    return found


def newer(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Names the metrics that came after a record was made."""
    return sorted(set(now["scores"]) - set(recorded["scores"]))
