import re
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mixmnist import Options, Study, Training, Variant
from mixmnist.core import sums
from mixmnist.grid import sweep
from mixmnist.report import write_report
from mixmnist.report.drawing import Look
from mixmnist.report.plots import draw_figures
from mixmnist.report.ranges import bounds_of
from mixmnist.report.reading import read_study
from mixmnist.report.tables import HEADLINE, RUNS, UNITS, _write_for_people, as_markdown, differences, for_people, summarise
from mixmnist.stats import t_interval, within

pytestmark = pytest.mark.slow  # make test-slow and CI run it

TINY = Variant(
    training=Training(images=64, epochs=1, batch=16), probe_images=720, net_settings={"conv1": 3, "conv2": 4, "conv3": 3}
)
STUDY = Study(
    "tiny",
    {
        "wide": replace(TINY, task="redundant", net_settings={"conv1": 3, "conv2": 4, "conv3": 4}),
        "baseline": replace(TINY, task="redundant"),
    },
)
FIGURES = {"preview", "alignment_against_ablation", "ablation_curves", "class_curves", "class_drops", "best_alignment"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of a tiny study with five seeds and its report."""
    options = Options(source="digits", out=str(tmp_path_factory.mktemp("out")), device="cpu", precision="float32")
    result = sweep.run(STUDY, options, lambda _: None)
    write_report(result.folder)
    return result.folder


def test_tables_have_the_promised_columns(folder):
    """Each table must begin with the keys and columns that others rely on, in their order."""
    keys = "study source task variant seed block layer".split()
    assert list(pd.read_csv(folder / "tables/runs.csv").columns)[: 7 + len(RUNS)] == keys + RUNS
    assert list(pd.read_csv(folder / "tables/units.csv").columns)[: 7 + len(UNITS)] == keys + UNITS
    assert list(pd.read_csv(folder / "tables/concepts.csv").columns)[:9] == [*keys, "concept", "chance"]


def test_tables_have_a_row_for_everything(folder):
    """There must be a row a run, a unit, a concept and run, and a variant, all in each layer, the baseline first."""
    sizes = {name: len(pd.read_csv(folder / f"tables/{name}.csv")) for name in ("runs", "units", "concepts", "variants")}
    assert sizes == {"runs": 30, "units": 105, "concepts": 300, "variants": 6}
    assert pd.read_csv(folder / "tables/variants.csv")["variant"].tolist() == ["baseline"] * 3 + ["wide"] * 3
    assert pd.read_csv(folder / "tables/runs.csv")["layer"].tolist() == ["conv1", "conv2", "conv3"] * 10


def test_variants_hold_mean_and_t_interval_over_seeds(folder):
    """Every number of the runs must be summarised by its mean, t interval inside its range, and n over seeds."""
    runs, variants = (pd.read_csv(folder / f"tables/{name}.csv") for name in ("runs", "variants"))
    row, own = (table[(table["variant"] == "wide") & (table["layer"] == "conv3")] for table in (variants, runs))
    row = row.iloc[0]
    for column in HEADLINE:
        expected = within(t_interval(own[column].astype(float).tolist()), bounds_of(column))
        got = row[[column, f"{column}_lower", f"{column}_upper", f"{column}_n"]].astype(float).tolist()
        assert got == pytest.approx(list(expected), nan_ok=True)


def test_few_seeds_have_no_interval_and_the_table_says_so():
    """Below five seeds a table must print means alone and say why."""
    runs = pd.DataFrame([{"study": "s", "source": "x", "task": "t", "variant": "v", "seed": i, "layer": "l"} for i in range(4)])
    for column in HEADLINE:
        runs[column] = [0.1, 0.2, 0.3, 0.4]
    shown = for_people(summarise(runs))
    assert shown["accuracy"].tolist() == ["0.250"]
    assert shown["n"].tolist() == [4]


def test_tables_for_people_say_what_they_show(folder):
    """Markdown and LaTeX must carry source, interval, chance and the meaning of the words."""
    for ending in ("md", "tex"):
        text = (folder / f"tables/variants.{ending}").read_text().replace("\\", "")
        for words in ("not MNIST", "95 % t interval over seeds", "average precision"):
            assert words in text
        assert ("Chance: mean prevalence" if ending == "md" else "Chance of the alignment: 0.") in text
        assert "0.2" in text


def test_latex_is_well_formed(folder):
    """Each LaTeX table must have one environment, as many columns in each row as it declares, and no bare special sign."""
    for path in (folder / "tables").glob("*.tex"):
        text = path.read_text()
        assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1
        n_columns = len(re.search(r"\\begin\{tabular\}\{([lrc]+)\}", text)[1])
        rows = [line for line in text.splitlines() if line.endswith(r"\\")]
        assert rows
        assert all(len(re.findall(r"(?<!\\)&", row)) == n_columns - 1 for row in rows)
        assert not re.search(r"(?<!\\)[%#_]", text.removeprefix(r"% needs \usepackage{booktabs}"))


def test_markdown_lines_up():
    """A Markdown table must have equally long lines, three decimals and empty cells for what is not a number."""
    text = as_markdown(pd.DataFrame({"a": ["x", "longer"], "b": [0.12345, float("nan")]}))
    assert text.splitlines() == ["| a      | b     |", "|--------|-------|", "| x      | 0.123 |", "| longer |       |"]


def test_every_figure_has_pdf_png_and_its_numbers(folder):
    """Each figure must come as vector and pixels, with the table it was drawn from."""
    assert {p.stem for p in (folder / "figures").iterdir()} == FIGURES
    for name in FIGURES:
        assert (folder / f"figures/{name}.pdf").read_bytes().startswith(b"%PDF")
        assert len(pd.read_csv(folder / f"figures/{name}.csv")) > 0


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_no_figure_is_cut_at_its_edge(folder, name):
    """Nothing may be drawn up to the border of a figure: a clipped label would be."""
    pixels = np.asarray(Image.open(folder / f"figures/{name}.png").convert("L"))
    for edge in (pixels[:2], pixels[-2:], pixels[:, :2], pixels[:, -2:]):
        assert edge.min() == 255


def test_figures_are_drawn_from_the_tables(folder):
    """The numbers beside a figure must be those of the tables."""
    drawn = pd.read_csv(folder / "figures/alignment_against_ablation.csv")
    units = pd.read_csv(folder / "tables/units.csv").query("layer == 'conv3'")
    assert drawn["drop_mean"].to_numpy() == pytest.approx(units["drop_mean"].to_numpy(), nan_ok=True)
    best = pd.read_csv(folder / "figures/best_alignment.csv")
    assert set(best[best["useless"]]["concept"]) == {8, 9}


def test_curves_start_at_the_intact_accuracy(folder):
    """Every ablation curve must start at the variant's mean accuracy and end with all units silenced."""
    curves = pd.read_csv(folder / "figures/ablation_curves.csv")
    variants = pd.read_csv(folder / "tables/variants.csv").query("layer == 'conv3'").set_index("variant")
    first = curves[curves["n"] == 0]
    assert first["accuracy"].to_numpy() == pytest.approx(variants["accuracy"][first["variant"]].to_numpy(), abs=1e-6)
    assert curves.groupby("variant")["n"].max().to_dict() == {"baseline": 3, "wide": 4}


def test_a_report_twice_gives_the_same_bytes(folder, tmp_path):
    """Tables and figures must depend on the records alone, not on the hour."""
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    write_report(folder)
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before


def test_tables_are_there_before_figures_are_drawn(folder, tmp_path):
    """Whoever waits for numbers must be given them, tables on the disk, before the first figure."""
    copy, seen = tmp_path / "copy", []
    shutil.copytree(folder / "runs", copy / "runs")

    def written(records):
        seen.append((records.variants, (copy / "tables" / "variants.csv").is_file(), (copy / "figures").exists()))

    write_report(copy, Look(("svg",)), written=written)
    assert seen == [(["baseline", "wide"], True, False)]
    assert (copy / "figures" / "class_drops.svg").is_file()


def test_the_widest_block_of_a_seed_is_shown(folder, tmp_path):
    """Of a seed that is in two blocks, tables must use the wider one and say so."""
    import shutil

    copy = tmp_path / "study" / "digits"
    shutil.copytree(folder / "runs", copy / "runs")
    narrow = copy / "runs/wide/s0-0"
    narrow.mkdir()
    shutil.copytree(copy / "runs/wide/s0-4/s0", narrow / "s0")
    record = (narrow / "s0/record.json").read_text().replace('"block": "s0-4"', '"block": "s0-0"')
    (narrow / "s0/record.json").write_text(record)
    runs = read_study(copy).runs
    assert runs["block"].tolist() == ["s0-4"] * 30


def test_a_damaged_record_is_named_and_the_others_are_shown(folder, tmp_path):
    """A record that cannot be read must be named with the way out, and must not stop the report."""
    import shutil

    copy = tmp_path / "study" / "digits"
    shutil.copytree(folder / "runs", copy / "runs")
    damaged = copy / "runs/wide/s0-4/s2/record.json"
    damaged.write_text(damaged.read_text()[:100])
    records = read_study(copy)
    assert records.runs.groupby("layer").size().tolist() == [9, 9, 9]
    (said,) = [line for line in records.damaged if "study.json" not in line]
    assert "s0-4/s2/record.json cannot be read" in said


def test_failed_runs_are_left_out_and_counted(folder, tmp_path):
    """A failed run must be missing from the tables, listed, and counted in the notes."""
    import json
    import shutil

    copy = tmp_path / "study" / "digits"
    shutil.copytree(folder / "runs", copy / "runs")
    path = copy / "runs/wide/s0-4/s2/record.json"
    record = json.loads(path.read_text())
    sums.write_sealed(path, record | {"failure": "the loss was not a number"})
    records = read_study(copy)
    assert records.failures == ("wide seed 2: the loss was not a number",)
    assert records.runs.groupby("layer").size().tolist() == [9, 9, 9]
    assert "1 failed runs are left out." in records.notes()


def test_only_what_the_paired_test_shows_is_bold(tmp_path):
    """With enough seeds a score that differs from the first variant's must be bold, one that does not must not."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.01, (3, 12))
    rows = []
    for place, variant in enumerate(("baseline", "wide")):
        for seed in range(12):
            row = {"variant": variant, "layer": "conv3", "seed": seed, "accuracy": 0.9 + 0.03 * place + noise[place, seed]}
            rows.append(row | {"coverage": 0.8 + noise[2, seed] + 0.001 * (-1) ** seed * place})
    runs = pd.DataFrame(rows)
    assert differences(runs) == {("wide", "conv3", "accuracy")}
    assert differences(runs[runs["seed"] < 5]) == set()
    table = pd.DataFrame(
        {"variant": ["baseline", "wide"], "layer": ["conv3"] * 2, "accuracy": ["a", "b"], "coverage": ["c", "d"]}
    )
    _write_for_people(tmp_path, "variants", table, ["note"], differences(runs))
    assert "**b**" in (tmp_path / "variants.md").read_text()
    assert "**d**" not in (tmp_path / "variants.md").read_text()
    assert r"\textbf{b}" in (tmp_path / "variants.tex").read_text()


def test_one_figure_in_another_look(folder):
    """A single figure must be drawn in the formats asked for, beside those that are there."""
    before = {p.name: p.read_bytes() for p in (folder / "figures").iterdir()}
    write_report(folder, Look(("svg",), "talk", "one"), ["class_drops"])
    after = {p.name: p.read_bytes() for p in (folder / "figures").iterdir()}
    assert set(after) == set(before) | {"class_drops.svg"}
    assert {name for name in before if before[name] != after[name]} == set()
    assert b'width="237.6pt"' in after["class_drops.svg"]  # one column is 3.3 inches
    (folder / "figures/class_drops.svg").unlink()


def test_variants_may_have_other_concepts(folder, tmp_path):
    """A task that lacks some of another's concepts must still have its figures and its place in the tables."""
    records = read_study(folder)
    kept = (records.concepts["variant"] != "wide") | (records.concepts["concept"] < "2")
    draw_figures(replace(records, concepts=records.concepts[kept]), tmp_path, only=("best_alignment", "class_drops"))
    assert {p.name for p in tmp_path.iterdir()} >= {"best_alignment.png", "class_drops.png"}


def test_unknown_figures_and_looks_are_refused(folder):
    """A figure or format that there is not must be answered with those that there are."""
    with pytest.raises(ValueError, match=r"figure must be a known name, got figure='clas_drops'\. Did you mean class_drops"):
        write_report(folder, None, ["clas_drops"])
    with pytest.raises(ValueError, match="format must be some of pdf, svg, png, got 'gif'"):
        Look(("gif",))
    with pytest.raises(ValueError, match="style must be one of paper, talk"):
        Look(style="poster")


def test_what_is_detected_and_used_is_told_apart(folder):
    """For each variant and kind of concept the shares must add up, useless ones apart."""
    table = pd.read_csv(folder / "tables/use.csv")
    assert table[["variant", "useless", "n"]].to_numpy().tolist() == [
        [v, u, n] for v in ("baseline", "wide") for u, n in ((False, 40), (True, 10))
    ]
    parts = table[["detected_and_used", "detected_not_used", "not_detected"]]
    assert parts.sum(axis=1).tolist() == pytest.approx([1] * 4)
