"""The README is true and short: its commands run, its numbers are those of the committed results, its files exist."""

import re
import shlex
from pathlib import Path

import pandas as pd
import pytest

from mixmnist import cli
from mixmnist.report.tables import for_people
from mixmnist.stats import t_interval

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
OUTPUTS = (ROOT / "docs" / "outputs.md").read_text(encoding="utf-8")
REFERENCE = ROOT / "results" / "reference"
SANITY = REFERENCE / "sanity" / "mnist"
CARD = pd.read_csv(REFERENCE / "trust" / "mnist" / "analyses" / "card" / "card.csv", dtype=str, keep_default_na=False)
SHORTEST, LONGEST = 850, 950  # words, those of tables not counted


def table(page, mark):
    """Gives the rows of the table that stands between a mark and its end, as it is written."""
    block = re.search(rf"<!-- {mark} -->\n(.*?)\n<!-- end -->", page, re.DOTALL)[1]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()]
    return [rows[0], *rows[2:]]


def test_it_is_short():
    """It must be read in a few minutes."""
    words = [word for line in README.splitlines() if not line.startswith("|") for word in line.split()]
    assert SHORTEST <= len(words) <= LONGEST


@pytest.mark.slow
def test_its_commands_run(tmp_path, monkeypatch, capsys):
    """Every command of mixmnist in a block must end well in an empty folder, as it stands, and name a page that is there."""
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    commands = [line for _, block in blocks for line in block.splitlines() if line.startswith("mixmnist ")]
    assert commands == ["mixmnist demo"]
    for command in commands:
        assert cli.main(shlex.split(command, comments=True)[1:]) == 0
    assert (tmp_path / "results/local/demo/digits/report/index.html").is_file()
    assert "report/index.html" in capsys.readouterr().out


def test_the_talks_numbers_stand_beside_ours():
    """Each number of ours must be that of the recorded runs."""
    runs = pd.read_csv(SANITY / "tables" / "runs.csv")
    runs = runs[runs["layer"] == "conv3"].set_index("seed")
    base, wide = (runs[runs["variant"] == variant] for variant in ("baseline", "wide"))
    assert len(base) == len(wide) == 20
    accuracy = [f"{100 * value:.1f}" for value in t_interval(base["accuracy"].tolist())[:3]]
    more = [f"{value:.1f}" for value in t_interval((wide["unique_concepts"] - base["unique_concepts"]).tolist())[:3]]
    less = [f"{value:.2f}" for value in t_interval((wide["max_drop"] - base["max_drop"]).tolist())[:3]]
    best = pd.concat([pd.read_csv(path) for path in sorted(SANITY.glob("runs/baseline/*/s*/concepts.csv"))])
    zero = best[(best["layer"] == "conv3") & (best["concept"] == 0)]
    assert len(zero) == 20

    def medians(*columns):
        return ", ".join(f"{zero[column].median():.2f}" for column in columns)

    at_k, at_recall = "precision_at_{}".format, "precision_at_recall_{}".format
    assert [row[1:] for row in table(README, "talk")] == [
        ["the talk", "here, MNIST, 20 seeds"],
        ["91.7 %", f"{accuracy[0]} % [{accuracy[1]}, {accuracy[2]}]"],
        ["1.00, 1.00, 1.00, 0.99", medians(*map(at_k, (100, 300, 500, 700)))],
        ["0.99, 0.98, 0.90", medians(*map(at_recall, (25, 50, 75)))],
        [
            "digits better disentangled, single units less relied on",
            f"+{more[0]} digits with a detector [{more[1]}, {more[2]}]; largest drop {less[0]} [{less[1]}, {less[2]}]",
        ],
    ]


def test_its_words_on_claims_are_the_verdicts():
    """What it says of dropout and of useless digits must be what the recorded claims say."""
    claims = pd.read_csv(SANITY / "tables" / "claims.csv").set_index("number")["verdict"]
    assert claims["reliance, dropout - baseline"] == "holds"
    assert claims["reliance_mean, dropout - baseline"] == "fails"
    useless = pd.read_csv(REFERENCE / "usefulness" / "mnist" / "tables" / "claims.csv")
    assert (useless["verdict"] == "holds").all()


def test_the_grades_are_those_of_the_card():
    """Every score that it names with a grade must have that grade."""
    grades = dict(zip(CARD["score"], CARD["grade"], strict=True))
    named = re.findall(r"`(\w+)` \((?:[^()`]*grade )?([A-F])\)", README)
    assert len(named) == 5
    assert named == [(score, grades[score]) for score, _ in named]


def test_the_bibtex_is_that_of_the_citation_file():
    """Title, version, year and licence must be those of CITATION.cff."""
    cited = dict(re.findall(r"^([\w-]+): (.+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE))
    known = dict(re.findall(r"^  (\w+) += \{+([^{}]+)\}+,?$", README, re.MULTILINE))
    assert known["title"] == cited["title"].strip('"')
    assert known["version"] == cited["version"]
    assert known["year"] == cited["date-released"][:4]
    assert known["license"] == cited["license"]


@pytest.mark.parametrize("study", ["sanity/mnist", "usefulness/mnist"])
def test_the_tables_of_what_comes_out_are_those_of_the_reference(study):
    """Every cell of a table must be the one that the committed variants table gives."""
    rows = table(OUTPUTS, f"table: {study}")
    variants = pd.read_csv(REFERENCE / study / "tables" / "variants.csv")
    shown = for_people(variants[variants["layer"] == "conv3"]).astype(str)
    assert rows[0][0] == "variant"
    assert [dict(zip(rows[0], row, strict=True)) for row in rows[1:]] == shown[rows[0]].to_dict("records")


def test_the_page_on_trust_shows_the_committed_card():
    """Grades and numbers of its table must be those of the card."""
    rows = table((ROOT / "docs" / "trust.md").read_text(encoding="utf-8"), "card")
    assert [dict(zip(rows[0], row, strict=True)) for row in rows[1:]] == CARD[rows[0]].to_dict("records")


UNITS = {"width-5": 5, "wide": 30, "wide-dropout": 30}  # of the layer, where they are not 10
ANALYSES = REFERENCE / "features" / "mnist" / "analyses"


@pytest.mark.parametrize(("mark", "column", "digits"), [("coverage", "coverage", 3), ("unique", "unique_concepts", 1)])
def test_the_page_on_dictionaries_shows_the_committed_numbers(mark, column, digits):
    """Each number of its tables must be the mean of the reference, of 20 atoms where there are several; random as it says."""
    known = pd.read_csv(ANALYSES / "features" / "variants.csv", dtype=str, keep_default_na=False)
    head, *rows = table((ROOT / "docs" / "which-dictionary.md").read_text(encoding="utf-8"), mark)
    assert {name.partition(",")[0] for name, *_ in rows} == set(known["dictionary"])
    for name, *cells in rows:
        for variant, cell in zip(head[1:], cells, strict=True):
            own = known[(known["dictionary"] == name.partition(",")[0]) & (known["variant"] == variant)]
            asked = "20" if "," not in name else name.split()[-1].replace("units", str(UNITS.get(variant, 10)))
            chosen = own[own["atoms"] == asked] if (own["atoms"] == asked).any() else own
            assert cell in {f"{float(value.split()[0]):.{digits}f}" for value in chosen[column]}


def test_the_page_on_dictionaries_shows_the_committed_taus():
    """How explained variance orders dictionaries must be what the reference says."""
    known = pd.read_csv(ANALYSES / "features" / "taus.csv", dtype=str, keep_default_na=False)
    rows = table((ROOT / "docs" / "which-dictionary.md").read_text(encoding="utf-8"), "taus")
    assert [dict(zip(rows[0], row, strict=True)) for row in rows[1:]] == known[rows[0]].to_dict("records")


def test_the_page_on_dictionaries_shows_the_committed_card():
    """Grades and numbers of its table must be those of the card."""
    card = pd.read_csv(ANALYSES / "dictionaries" / "card.csv")
    head, *rows = table((ROOT / "docs" / "which-dictionary.md").read_text(encoding="utf-8"), "card")
    shown = card[head].map(lambda value: value if isinstance(value, str) else f"{value:.2f}")
    assert rows == shown.to_numpy().tolist()


WHICH_WAY = ROOT / "docs" / "which-way.md"
MAPS, WAYS, MADE, CHANGED = (
    REFERENCE / study / "mnist" / "analyses" / study for study in ("maps", "ways", "synthesis", "verification")
)


def means(values):
    """Leaves intervals out of cells."""
    return [value.split()[0] if value else "" for value in values]


@pytest.mark.parametrize("target", ["peak", "contrast"])
def test_the_page_on_ways_shows_the_committed_numbers_of_maps(target):
    """Each way has its row, with the means of the baseline's last layer, the nearest to the worths first."""
    head, *rows = table(WHICH_WAY.read_text(encoding="utf-8"), target)
    known = pd.read_csv(MAPS / "ways.csv", dtype=str, keep_default_na=False)
    known = known[known["variant"].eq("baseline") & known["layer"].eq("conv3") & known["target"].eq(target)].set_index("way")
    assert {name for name, *_ in rows} == set(known.index)
    assert [cells for _, *cells in rows] == [means(known.loc[name, head[1:]]) for name, *_ in rows]
    errors = [float(dict(zip(head, row, strict=True))["worth_error_scaled"]) for row in rows]
    assert errors == sorted(errors)


def test_the_page_on_ways_shows_the_committed_geometry():
    """Every cell must be that of the table."""
    head, *rows = table(WHICH_WAY.read_text(encoding="utf-8"), "geometry")
    known = pd.read_csv(MAPS / "geometry.csv", dtype=str, keep_default_na=False)
    assert rows == known[known["variant"] == "baseline"][head].to_numpy().tolist()


@pytest.mark.parametrize("name", ["maps", "pictures"])
def test_the_page_on_ways_shows_who_is_fooled(name):
    """Each number must be the mean of the committed table."""
    head, *rows = table(WHICH_WAY.read_text(encoding="utf-8"), f"fooled_{name}")
    known = pd.read_csv(WAYS / f"fooled_{name}.csv", dtype=str, keep_default_na=False)[head]
    assert rows == [[way, *means(values)] for way, *values in known.to_numpy().tolist()]


@pytest.mark.parametrize("name", ["maps", "pictures"])
def test_the_page_on_ways_shows_the_committed_card(name):
    """Grades and numbers of its table must be those of the card."""
    head, *rows = table(WHICH_WAY.read_text(encoding="utf-8"), f"card_of_{name}")
    known = pd.read_csv(WAYS / f"card_of_{name}.csv")[head]
    shown = known.map(lambda value: value if isinstance(value, str) else "" if value != value else f"{value:.2f}")
    assert rows == shown.to_numpy().tolist()


def test_the_page_on_ways_shows_the_committed_priors():
    """Each prior has its row, with the interval of what is read and the means of the rest."""
    head, *rows = table(WHICH_WAY.read_text(encoding="utf-8"), "priors")
    known = pd.read_csv(MADE / "priors.csv", dtype=str, keep_default_na=False).set_index("prior")
    measures = [name.replace(" ", "_") for name in head[1:]]
    own = [row for row in rows if not row[0].startswith("beside")]
    assert [row[0] for row in own] == list(known.index)
    assert [row[1] for row in own] == known[measures[0]].tolist()
    assert [row[2:] for row in own] == [means(known.loc[row[0], measures[1:]]) for row in own]


def test_the_page_on_ways_shows_the_committed_changes():
    """Each generator with one thing changed has its numbers."""
    _, *rows = table(WHICH_WAY.read_text(encoding="utf-8"), "changes")
    known = pd.read_csv(MADE / "ablations.csv", dtype=str, keep_default_na=False)
    wanted = known[["group", "changed", "n", "reads_own", "reads_own_change", "response", "response_change"]].to_numpy().tolist()
    assert rows == [[*row[:3], *means(row[3:4]), row[4], *means(row[5:6]), row[6]] for row in wanted]


def test_the_page_on_ways_shows_the_committed_verification():
    """Each row is of pictures of changed classes, with the means of the reference."""
    head, *rows = table(WHICH_WAY.read_text(encoding="utf-8"), "verification")
    known = pd.read_csv(CHANGED / "ways.csv", dtype=str, keep_default_na=False)
    known = known[known["what"].eq("class") & known["half"].eq("changed")].set_index(["how", "way"])
    assert rows
    assert [row[2:] for row in rows] == [means(known.loc[(row[0], row[1]), head[2:]]) for row in rows]


LABELS = REFERENCE / "labels" / "mnist" / "analyses" / "labels"
MACHINES = {  # columns of the page's table: the variant, and the column of the reference
    "names right": ("baseline", "first_detectors"),
    "names found": ("wide-dropout", "recall_mixed"),
    "F1, baseline": ("baseline", "f1"),
    "F1, wide-dropout": ("wide-dropout", "f1"),
    "rendered AUC, wide-dropout": ("wide-dropout", "rendered_auc"),
    "nothing, wrong": ("baseline", "nothing_wrong"),
    "nothing, right": ("untrained", "nothing_right"),
}
PEOPLE = {
    "names right": "first",
    "names found": "recall_mixed",
    "F1": "f1",
    "nothing, wrong": "nothing_wrong",
    "nothing, of shuffled units": "nothing_shuffled",
}


def of_labels(rows):
    """Gives the means of the cells of a table with intervals, as the page writes them."""
    return rows.map(lambda cell: f"{float(cell.split()[0]):.3f}" if cell else "")


def test_the_page_on_labels_shows_the_committed_labellers():
    """Each labeller of the reference has a row with its means."""
    known = pd.read_csv(LABELS / "labellers.csv", dtype=str, keep_default_na=False).set_index(["variant", "labeller"])
    head, *rows = table((ROOT / "docs" / "labels.md").read_text(encoding="utf-8"), "labellers")
    assert head == ["labeller", *MACHINES]
    assert [row[0] for row in rows] == list(dict.fromkeys(known.index.get_level_values("labeller")))
    for name, *cells in rows:
        assert cells == of_labels(pd.Series([known[column][variant, name] for variant, column in MACHINES.values()])).tolist()


def test_the_page_on_labels_shows_what_faults_cost():
    """Each row of people is a dial and level of the reference with its means, of wide-dropout."""
    known = pd.read_csv(LABELS / "annotators.csv", dtype=str, keep_default_na=False).set_index(["variant", "dial", "level"])
    head, *rows = table((ROOT / "docs" / "labels.md").read_text(encoding="utf-8"), "people")
    assert head == ["dial", "level", *PEOPLE]
    for dial, level, *cells in rows:
        assert cells == of_labels(known.loc[("wide-dropout", dial, level), list(PEOPLE.values())]).tolist()


DISSECTED = ROOT / "docs" / "dissected.md"


def test_the_page_on_dissection_shows_the_committed_card():
    """Grades and numbers of its table must be those of the card."""
    head, *rows = table(DISSECTED.read_text(encoding="utf-8"), "card_of_rankings")
    card = pd.read_csv(REFERENCE / "planted_generators/stamps/analyses/generators_card/card.csv")[head]
    shown = card.map(lambda value: value if isinstance(value, str) else f"{value:.2f}".replace("-0.00", "0.00"))
    assert rows == shown.to_numpy().tolist()


@pytest.mark.parametrize(
    ("mark", "name", "keys"),
    [
        ("nets", "generators/stamps/analyses/generators/nets", ["variant"]),
        ("layers", "generators/stamps/analyses/generators/by_layer", ["variant", "layer"]),
        ("sets", "generators/stamps/analyses/generators/by_ranking", ["variant", "ranking", "value", "k"]),
        ("places", "generators/stamps/analyses/generators/by_place", ["variant", "place", "ranking"]),
        ("omission", "omission/stamps/analyses/omission/variants", ["variant"]),
        ("inversion", "inversion/stamps/analyses/inversion/ways", ["variant", "canvases", "way"]),
    ],
)
def test_the_page_on_dissection_shows_the_committed_numbers(mark, name, keys):
    """Every row of a table must be one of the reference."""
    head, *rows = table(DISSECTED.read_text(encoding="utf-8"), mark)
    known = pd.read_csv(REFERENCE / f"{name}.csv", dtype=str, keep_default_na=False)[head].to_numpy().tolist()
    assert set(keys) <= set(head)
    assert rows
    assert [row for row in rows if row not in known] == []
