"""The gallery: every link leads somewhere, nothing from data becomes markup, no network and no script."""

from __future__ import annotations

from html.parser import HTMLParser

import matplotlib.pyplot as plt
import pytest
from mixutils.show.artifacts import write

from mixutils import paths
from mixutils.companion import make_plan
from mixutils.runs.records import Records
from mixutils.site import gallery as site
from mixutils.site.catalogue import artifacts
from tests.fakes import done, failed, filled, kind, shipped

EVIL = "<script>alert('x')</script>"


class Page(HTMLParser):
    """Links, ids and tags of a page; tags must be closed in order."""

    VOID = {"meta", "img", "br", "link"}

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links, self.ids, self.tags, self.open = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        named = dict(attributes)
        self.links += [named[k] for k in ("href", "src") if k in named]
        if "id" in named:
            self.ids.append(named["id"])
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.fixture
def plan(monkeypatch):
    monkeypatch.setenv("MIXUTILS_DATA", "")
    return make_plan("ssmix", "smoke")


@pytest.fixture
def folder():
    return paths.figures("smoke")


def build(plan, store, folder, only=("table_2", "claims", "times", "figure_1", "size_curve")):
    for artifact in artifacts("ssmix"):
        if artifact.name in only:
            write(artifact, plan, store, folder / "ssmix")
    return site.build({"ssmix": plan}, store, folder)


def test_every_link_of_every_page_leads_somewhere(plan, folder, tmp_path):
    store = filled(plan, lambda r: 50 + r.seed, tmp_path)
    store.export(plan.runs, folder / "records.jsonl")
    for name in ("start_here", "ssmix", "ssmix_spans"):
        page = folder / "notebooks" / f"{name}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("<p>executed</p>", "utf-8")
    index = build(plan, store, folder)
    assert index == folder / "index.html"
    seen = set()
    for path in (index, folder / "runs.html"):
        page = Page(path.read_text("utf-8"))
        assert page.open == []
        for link in page.links:
            seen.add(link)
            if link.startswith("#"):
                assert link[1:] in page.ids
            elif not link.startswith("https://"):
                assert (folder / link).is_file(), link
    assert {"runs.html", "index.html", "records.jsonl", "#ssmix", "ssmix/table_2.csv", "ssmix/times.svg"} <= seen
    assert {f"notebooks/{n}.html" for n in ("start_here", "ssmix", "ssmix_spans")} <= seen


def test_without_notebooks_and_export_there_are_no_links_to_them(plan, folder, tmp_path):
    index = build(plan, filled(plan, lambda r: 50, tmp_path), folder)
    for path in (index, folder / "runs.html"):
        assert not [x for x in Page(path.read_text("utf-8")).links if "notebooks" in x or "jsonl" in x]


def test_pages_need_no_script_and_fetch_nothing(plan, folder, tmp_path):
    index = build(plan, filled(plan, lambda r: 50, tmp_path), folder)
    for path in (index, folder / "runs.html"):
        page = Page(path.read_text("utf-8"))
        assert not {"script", "iframe", "object", "link"} & set(page.tags)
        assert "@import" not in path.read_text("utf-8")


def test_verdicts_come_first_and_figures_have_a_text(plan, folder, tmp_path):
    text = build(plan, filled(plan, lambda r: 50, tmp_path), folder).read_text("utf-8")
    ids = [i for i in Page(text).ids if i.startswith("ssmix-")]
    assert ids == ["ssmix-claims", "ssmix-table_2", "ssmix-times", "ssmix-size_curve", "ssmix-figure_1"]
    assert text.count("alt='Time per step relative to EmbedMix'") == 1
    assert "No runs for it in this setting. SSMix minus the better" in text


def test_smoke_numbers_carry_a_banner_and_others_do_not(plan, tmp_path):
    store = filled(plan, lambda r: 50, tmp_path)
    assert "not comparable" in build(plan, store, paths.figures("smoke")).read_text("utf-8")
    laptop = make_plan("ssmix", "laptop", tasks="docs-pair", seeds="1")
    assert "not comparable" not in build(laptop, store, paths.figures("laptop")).read_text("utf-8")


def test_the_head_says_on_what_the_runs_were_made(plan, folder, tmp_path):
    store = filled(plan, lambda r: 50, tmp_path, skip=lambda r: kind(r) == "unk")
    text = build(plan, store, folder, ()).read_text("utf-8")
    assert "Runs: 28 on a fake CPU, float32, torch 2.0 (2026-01-31 to 2026-01-31)." in text
    assert "No runs yet." in build(plan, Records(), folder, ()).read_text("utf-8")


def test_the_runs_page_has_every_run_with_its_state(plan, folder, tmp_path):
    runs = plan.runs
    records = [done(runs[0], 62.5), failed(runs[1], f"ValueError: {EVIL}")]
    build(plan, shipped(records, tmp_path), folder, ())
    text = (folder / "runs.html").read_text("utf-8")
    page = Page(text)
    assert page.ids == [r.hash for r in runs]
    assert text.count("<td>done</td>") == text.count("<td>failed</td>") == 1
    assert text.count("<td>to do</td>") == len(runs) - 2
    assert "test 62.50 | 4 steps of 10 ms, 1.00 passes | a fake CPU, 2026-01-31" in text


def test_nothing_that_comes_from_data_or_errors_becomes_markup(monkeypatch, tmp_path, folder):
    monkeypatch.setenv("MIXUTILS_DATA", str(tmp_path / "data"))
    (tmp_path / "data" / "<script>x").mkdir(parents=True)
    (tmp_path / "data" / "<script>x" / "train.jsonl").touch()
    plan = make_plan("ssmix", "laptop", tasks="<script>x", seeds="1")
    records = [done(r, 50) for r in plan.runs]
    for record in records:
        record["environment"]["device"] = EVIL
        record["data"] |= {"source": EVIL, "notes": [EVIL], "labels": [EVIL, "b"]}
    records[-1] = failed(plan.runs[-1], EVIL)
    index = build(plan, shipped(records, tmp_path / "store"), folder, ("table_1", "table_2", "table_control", "claims"))
    for path in (index, folder / "runs.html"):
        text = path.read_text("utf-8")
        assert "<script" not in text
        assert "&lt;script&gt;" in text
