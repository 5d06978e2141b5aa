"""The site in a browser without a network: nothing is fetched, nothing from data becomes markup, everything is readable."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pandas as pd
import pytest

from mixutils import paths, show
from mixutils.companion import make_plan
from mixutils.evidence import Evidence, frame
from mixutils.papers.profiles import PROFILES
from mixutils.runs.records import Records
from mixutils.show.claims import to_frame
from mixutils.site.build import build
from mixutils.site.docs import DOCS
from tests.fakes import done, failed, filled
from tests.fakes_claims import verdicts_of

EVIL = "<script>window.evil = 1</script><img src=x onerror='window.evil = 1'>"
FORMULAS = r"""# A page

With $w_b$ as the share of a label, and a price of \$5:

$$\lambda = \frac{l}{n_A} + \sum_{i=1}^{n} \lVert \partial\mathcal{L} / \partial e_i \rVert_2 + \sum_{i=1}^{n} \lVert e_i \rVert_2$$

| where | with whom |
|---|---|
| tokens | the other half |

`$HOME` is no formula. [Start](start_here.ipynb)."""


def output(**data: str) -> nbformat.NotebookNode:
    kinds = {"html": "text/html", "markdown": "text/markdown", "plain": "text/plain"}
    return nbformat.v4.new_output("display_data", {kinds[k]: v for k, v in data.items()})


def executed(folder: Path, name: str, *cells: nbformat.NotebookNode) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    book = nbformat.v4.new_notebook(cells=list(cells))
    book.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, folder / f"{name}.ipynb")
    return folder / f"{name}.ipynb"


class Fake:
    """A store of records that no check has seen."""

    def __init__(self, records) -> None:
        self.records = {r["hash"]: r for r in records}

    def get(self, run):
        return self.records.get(run.hash)


@pytest.fixture(scope="module")
def plan():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIXUTILS_DATA", "")
        return make_plan("ssmix", "smoke")


def results_of(plan) -> pd.DataFrame:
    """A table of results as notebooks save it, with malice in names."""
    rows = ["No mixup", "TMix", "SSMix", EVIL]
    lines = [
        {
            "table": "2",
            "row": row,
            "column": "sst2",
            "title": EVIL,
            "apart": "",
            "ours": 50.0 + 7 * i % 5,
            "n": 2,
            "runs": run.hash,
        }
        for i, (row, run) in enumerate(zip(rows, plan.runs, strict=False))
    ]
    numbers = dict.fromkeys(("low", "high", "paper", "gain", "gain_low", "gain_high"), 1.0)
    return pd.DataFrame(lines).assign(**numbers)


@pytest.fixture(scope="module")
def site(plan, tmp_path_factory) -> Path:
    """Two executed notebooks, saved claims, and records with malice in every text."""
    folder = tmp_path_factory.mktemp("figures") / "smoke"
    table = show.display_table(pd.DataFrame({"x": [1.5, 2.0], EVIL: [EVIL, "wide " * 60]}), caption=EVIL)
    code = nbformat.v4.new_code_cell("import numpy  # " + "long " * 60, metadata={"jupyter": {"source_hidden": True}})
    outputs = [
        nbformat.v4.new_output("stream", text=f"{EVIL}\n{'wide ' * 80}"),
        output(html=table.to_html(), plain="a table"),
        output(
            markdown=f"Gains of **{EVIL}** with $v_1$, of the set a$\\frac$, [a link](javascript:window.evil=1).",
            plain="",
        ),
    ]
    shown = nbformat.v4.new_code_cell("table", outputs=outputs)
    executed(folder / "notebooks", "start_here", nbformat.v4.new_markdown_cell("# Start here\n\nNo formula."))
    claim = nbformat.v4.new_code_cell('e.claim("X1", text)')
    executed(folder / "notebooks", "ssmix", nbformat.v4.new_markdown_cell(FORMULAS), code, claim, shown)
    executed(folder / "notebooks", "ssmix.failed", nbformat.v4.new_markdown_cell("# Failed"))
    (folder / "ssmix").mkdir()
    claims = to_frame(verdicts_of({"X1": {"text": EVIL, "own": EVIL, "units": {EVIL: [1.0, 1.2, 1.4]}}}), EVIL)
    claims.to_csv(folder / "ssmix" / "claims.csv", index=False)
    results_of(plan).to_csv(folder / "ssmix" / "table_2.csv", index=False)
    records = [done(r, 62.5) for r in plan.runs]
    records[0]["date"] = EVIL
    records[1]["environment"] |= {"device": EVIL, "precision": EVIL, "versions": {"torch": EVIL}}
    records[2] = failed(plan.runs[2], f"ValueError: {EVIL}")
    records[3] = {**failed(plan.runs[3], "broken"), "status": EVIL}
    said: list[str] = []
    build(PROFILES["smoke"], {"ssmix": plan}, Fake(records[:-1]), folder, say=said.append)
    assert said == []
    return folder / "site"


def text(path: Path) -> str:
    return path.read_text("utf-8")


class Links(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found |= {v for k, v in attributes if k in ("href", "src") and v}


def test_every_link_of_every_page_leads_somewhere(site):
    pages = {p.name for p in site.glob("*.html")}
    about = {f"{name}.html" for name in DOCS}
    assert pages == about | {
        *(f"{p}.html" for p in ("index", "cells", "runs", "search", "playground", "ssmix", "start_here", "claim-X1"))
    }
    followed = set()
    for path in site.glob("*.html"):
        for link in Links(text(path)).found:
            if not urlsplit(link).scheme and urlsplit(link).path:
                followed.add(urlsplit(link).path)
                there = site / unquote(urlsplit(link).path)
                assert there.is_file() or (path.name in about and there.is_dir()), f"{path.name}: {link}"
                if urlsplit(link).fragment and there.suffix == ".html":
                    assert f'id="{unquote(urlsplit(link).fragment)}"' in text(there), f"{path.name}: {link}"
    assert pages <= followed


def test_no_text_of_records_data_or_names_becomes_markup(site):
    for path in site.glob("*.html"):
        assert "<script>window.evil" not in text(path)
        assert "<img src=x" not in text(path)
    for name in ("index", "cells", "runs", "ssmix", "claim-X1"):
        assert "&lt;script&gt;window.evil" in text(site / f"{name}.html")


def test_a_record_s_date_and_status_are_text(site):
    runs = text(site / "runs.html")
    cells = re.findall(r'<td class="data row\d+ col(\d)" *>(.*?)</td>', runs, re.DOTALL)
    states, dates = ({text for column, text in cells if column == k} for k in "35")
    escaped = EVIL.replace("<", "&lt;").replace(">", "&gt;").replace("'", "&#39;")
    assert states == {"done", "failed", "to do", escaped}
    assert dates == {"2026-01-31", "", escaped}


def test_the_runs_page_has_every_run_with_its_configuration(site, plan):
    runs = text(site / "runs.html")
    for run in plan.runs:
        assert f">{run.hash}<" in runs
        assert f"<summary>{run.title()}</summary>" in runs
    assert runs.count("&quot;train_size&quot;: 48") >= len(plan.runs)
    assert "<div>4 steps of 10 ms, 1.00 passes\na fake CPU, float32, torch 2.0\n{" in runs
    assert "ValueError: &lt;script&gt;" in runs
    assert "test 62.50" in runs
    assert "<pre" not in runs  # of a thousand runs the theme's script would measure each, for minutes


def test_the_first_page_says_what_it_is_on_what_it_was_made_and_what_became_of_the_claims(site, plan):
    index = text(site / "index.html")
    assert f"Profile <strong>smoke</strong>: {PROFILES['smoke'].purpose}" in index
    assert f"{len(plan.runs) - 3} of {len(plan.runs)} runs are done" in index
    assert ">a fake CPU, float32, torch 2.0<" in index
    assert "✓ supported\n+1.20" in index
    assert 'href="https://aclanthology.org/2021.findings-acl.285"' in index
    assert re.findall(r'toctree-l1"><a class="reference internal" href="(\w+).html', index) == [
        *("start_here", "playground", "ssmix", "cells", "runs", *DOCS)
    ]


def test_a_claim_has_a_page_with_its_differences_its_runs_and_the_cell_that_makes_it(plan, tmp_path):
    folder, store = paths.figures("smoke"), filled(plan, lambda r: 50.0 + r.seed, tmp_path)
    c = Evidence(frame(plan, store))
    c.claim("X2", "*a* claim (DA7)", c.diff("2", "SSMix", "No mixup"), own="see SA18", kind="pooled")
    (folder / "ssmix").mkdir(parents=True)
    made = to_frame(c.verdicts(), "micro *F1*")
    made.to_csv(folder / "ssmix" / "claims.csv", index=False)
    cell = nbformat.v4.new_code_cell('e.claim(\n    "X2",\n    text)')
    executed(
        folder / "notebooks", "ssmix", nbformat.v4.new_markdown_cell("# A\n\nAs P1 and SA18 say, not `SA18`."), cell
    )
    build(PROFILES["smoke"], {"ssmix": plan}, store, folder)
    shown = text(folder / "site" / "claim-X2.html")
    assert "*a* claim (DA7)" in shown
    assert "Reading: micro *F1*" in shown
    assert 'see <a href="readings.html#sa18">SA18</a>' in shown
    runs = {h for hashes in made["unit_runs"] for h in hashes.split()}
    assert runs
    assert {*re.findall(r"href=.runs.html#(\w+)", shown)} == runs
    assert f"--only ssmix --tasks {plan.columns[0].task} --seeds" in shown
    assert "href='ssmix.html#claim-X2'" in shown
    there = text(folder / "site" / "ssmix.html")
    assert '<a id="claim-X2">' in there
    assert there.count('href="readings.html#sa18"') == 1
    assert 'href="deviations.html#p1"' in there
    assert (folder / "site" / "_static" / "claim-X2-0.svg").is_file()


def test_all_results_can_be_searched_filtered_and_sorted_and_lead_to_their_runs(site, window):
    window.goto((site / "cells.html").as_uri(), wait_until="load")
    lines = window.locator("#cells tbody tr")
    first = lines.count()
    assert first > 3
    window.select_option("select[data-column='2']", "TMix")
    assert {lines.nth(i).locator("td").nth(2).inner_text() for i in range(lines.count())} == {"TMix"}
    window.select_option("select[data-column='2']", "")
    window.fill(".dt-search input", "No mixup")
    assert 0 < lines.count() < first
    window.fill(".dt-search input", "")
    window.locator("#cells thead th").nth(5).click()
    values = [float(lines.nth(i).locator("td").nth(5).inner_text()) for i in range(lines.count())]
    assert values in (sorted(values), sorted(values, reverse=True))
    link = lines.nth(0).locator("a").nth(0)
    assert f'id="{link.get_attribute("href").partition("#")[2]}"' in text(site / "runs.html")
    assert window.wrong == []


def test_smoke_numbers_carry_a_banner_on_every_page_and_others_do_not(site, plan, tmp_path, monkeypatch):
    pages = [p for p in site.glob("*.html") if p.stem != "search"]
    assert all("not comparable with anything" in text(p) for p in pages)
    monkeypatch.setenv("MIXUTILS_DATA", "")
    laptop = make_plan("ssmix", "laptop", tasks="docs-pair", seeds="1")
    folder = paths.figures("laptop")
    index = build(PROFILES["laptop"], {"ssmix": laptop}, Records(), folder, "Negative control (shuffle = 4)")
    assert index == folder / "site" / "index.html"
    for name in ("index", "runs"):  # without notebooks there is nothing else
        assert "not comparable" not in text(folder / "site" / f"{name}.html")
        assert "Negative control (shuffle = 4)" in text(folder / "site" / f"{name}.html")
    assert not (folder / "site" / "ssmix.html").exists()
    assert f"0 of {len(laptop.runs)} runs are done" in text(index)


def test_what_sphinx_complains_of_is_said_and_the_site_is_there(plan, tmp_path):
    folder, said = paths.figures("smoke"), []
    executed(folder / "notebooks", "ssmix", nbformat.v4.new_markdown_cell("# A\n\n[b](nowhere.md)"))
    build(PROFILES["smoke"], {}, filled(plan, lambda r: 50, tmp_path), folder, say=said.append)
    assert len(said) == 1
    assert re.match(r"site: ssmix.ipynb:\d+: WARNING: .*nowhere.md", said[0])
    assert (folder / "site" / "ssmix.html").is_file()


# ----------------------------------------------------------------- in a browser


LEFT = "cells => cells.every(c => ['left', 'start'].includes(getComputedStyle(c).textAlign))"
DRAWN = "all => all.map(m => m.getBoundingClientRect().width)"


def test_every_page_is_whole_without_a_network(site, window):
    for path in sorted(site.glob("*.html")):
        window.goto(path.as_uri(), wait_until="load")
        assert window.evaluate("document.documentElement.scrollWidth <= innerWidth"), path.name
        assert window.evaluate("document.body.scrollWidth <= innerWidth"), path.name
        assert window.evaluate("window.evil") is None, path.name
        if path.stem in ("index", "cells", "runs", "ssmix", "claim-X1"):
            assert window.locator("article :is(td, th)").count() > 3
        assert window.eval_on_selector_all("article table:not(.squares) :is(td, th)", LEFT), path.name
    assert window.asked
    assert not [url for url in window.asked if urlsplit(url).scheme not in ("file", "data")]
    assert window.wrong == []


#: Levels of the headings that can be seen, in order.
HEADINGS = "all => all.filter(h => h.getClientRects().length).map(h => +h.tagName[1])"
#: Controls that a keyboard does not reach, or that have no name.
LOST = """all => all.filter(x => x.getClientRects().length && (x.tabIndex < 0 || !(x.labels?.length || x.title || x.ariaLabel
    || x.textContent.trim() || x.placeholder || x.querySelector("[alt]")))).map(x => x.outerHTML)"""


def test_headings_are_in_order_images_have_texts_and_a_keyboard_reaches_every_control(site, window):
    for path in sorted(site.glob("*.html")):
        window.goto(path.as_uri(), wait_until="load")
        levels = window.eval_on_selector_all("article :is(h1, h2, h3, h4, h5, h6)", HEADINGS)
        assert levels[:1] == [1] or path.stem == "search", path.name  # the theme's own page, whose heading is elsewhere
        assert all(b <= a + 1 for a, b in pairwise(levels)), (path.name, levels)
        assert window.eval_on_selector_all("img:not([alt]), img[alt='']", "all => all.map(i => i.src)") == [], path.name
        controls = "article :is(button:not([aria-disabled=true]), input:not([type=hidden]), select, summary, a[href])"
        assert window.eval_on_selector_all(controls, LOST) == [], path.name


def test_the_playground_answers_for_every_method_within_100_ms(site, window):
    window.goto((site / "playground.html").as_uri())
    methods = window.eval_on_selector_all("#play-method option", "all => all.map(o => o.value)")
    assert len(methods) > 30
    took = []
    for i, method in enumerate(methods):
        window.select_option("#play-task", str(i % 4))
        window.select_option("#play-method", method)
        took.append(float(window.get_attribute("#play", "data-milliseconds")))
        assert window.inner_text("#play [data-show=label]")
        assert window.get_attribute("#play canvas", "aria-label").startswith("Share of B")
        assert window.evaluate("document.documentElement.scrollWidth <= innerWidth"), method
    assert sorted(took)[len(took) // 2] < 100
    assert window.wrong == []


def test_the_playground_follows_keys_and_its_address(site, window):
    window.goto(f"{(site / 'playground.html').as_uri()}#task=1&a=3&b=5&method=ssmix&ratio=0.3")
    before = window.inner_text("#play [data-show=label]")
    window.focus("#play-ratio")
    for _ in range(8):
        window.keyboard.press("ArrowRight")
    assert window.inner_text("#play [data-show=label]") != before
    assert window.inner_text("#play output") == "0.7"
    address = window.url
    window.goto("about:blank")
    window.goto(address)
    assert window.input_value("#play-ratio") == "0.7"
    assert window.input_value("#play-b") == "5"
    window.select_option("#play-method", "dmix")
    assert window.locator("#play tbody tr").count() == 19


def test_formulas_are_drawn_and_other_dollars_stay(site, window):
    window.goto((site / "ssmix.html").as_uri())
    assert [width > 5 for width in window.eval_on_selector_all("math", DRAWN)] == [True] * 3
    shown = window.inner_text("article")
    assert "a price of $5" in shown
    assert "$HOME" in shown
    assert "w_b" not in shown
    assert "v_1" not in shown
    assert "\\frac" in shown  # no formula, so as it was written


def test_the_search_finds_a_run_by_its_name(site, plan, window):
    window.goto(f"{(site / 'search.html').as_uri()}?q={plan.runs[0].hash}")
    window.wait_for_selector("#search-results li")
    assert "All runs" in window.inner_text("#search-results")
    assert window.wrong == []


#: Texts whose colour is too near to the background behind them: luminances of both, (L1 + .05) / (L2 + .05) < 4.5.
PALE = """all => {
  const parse = (c) => (c.match(/[\\d.]+/g) ?? []).map(Number);
  const light = (c) => c.slice(0, 3).map((x) => ((x /= 255), x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4))
    .reduce((sum, x, i) => sum + x * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (x) => { for (; x; x = x.parentElement) { const c = parse(getComputedStyle(x).backgroundColor); if (c.length === 3 || c[3] === 1) return c; } return [255, 255, 255]; };
  const own = (x) => [...x.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  return all.filter((x) => own(x) && x.getClientRects().length).filter((x) => {
    const [a, b] = [light(parse(getComputedStyle(x).color)), light(behind(x))].sort((p, q) => q - p);
    return (a + 0.05) / (b + 0.05) < 4.5;
  }).map((x) => x.outerHTML.slice(0, 200));
}"""


@pytest.mark.parametrize("window", [1280], indirect=True)
def test_dark_mode_is_dark_and_every_text_can_be_read_in_both(site, window):
    for scheme in ("light", "dark"):
        window.emulate_media(color_scheme=scheme)
        for path in sorted(site.glob("*.html")):
            window.goto(path.as_uri(), wait_until="load")
            back = window.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (sum(map(int, re.findall(r"\d+", back)[:3])) < 150) == (scheme == "dark"), path.name
            assert window.eval_on_selector_all("article :not(.headerlink, [aria-disabled=true])", PALE) == [], (
                scheme,
                path.name,
            )
