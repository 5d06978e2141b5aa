"""A static site from executed notebooks, saved tables and records, by Sphinx, MyST-NB and sphinx-book-theme.

No page asks a network for anything, and whatever comes from records, data and names is escaped on its way.
"""

from __future__ import annotations

import html
import io
import json
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
from docutils import nodes
from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from pandas.io.formats.style import Styler
from sphinx.application import Sphinx
from sphinx.util.console import strip_escape_sequences
from sphinx.util.docutils import docutils_namespace, patch_docutils

from .. import paths
from ..papers import PLANS, Plan
from ..papers.profiles import Profile
from ..runs.records import Records
from ..show import card, display_table
from . import cells, claims, csvs, docs, figures, playground
from .catalogue import NOTEBOOKS
from .readings import linked

TITLE = "Text Mixup Companion"
#: Sphinx's ``configuration`` and the ``theme``'s options.
SPHINX = paths.facts("site/sphinx")
WORDS = (
    "*Supported* and *contradicted*: the 95 % interval lies above or below 0, and still does after Holm's correction over the claims of the paper. "
    "*Negligible*: the effect is shown to be within the margin around 0. *Smaller than reported*: the interval ends below the reported effect. "
    "*Undecided*: anything else. *Not tested*: no runs, or none that can say anything. Each square leads to what its word rests on."
)


def build(
    profile: Profile,
    plans: dict[str, Plan],
    store: Records,
    folder: Path,
    banner: str = "",
    say: Callable[[str], None] = print,
) -> Path:
    """Write the site to ``folder / "site"``; returns its first page.

    Args:
        plans: whose runs are listed. folder: the profile's, with ``notebooks/*.ipynb`` and ``PAPER/claims.csv``.
        banner: what must be said above all else, on every page. say: called with every complaint of Sphinx.
    """
    if not profile.comparable:
        banner = f"{banner} Numbers of this profile are not comparable with anything; they show that everything runs."
    settings = SPHINX["configuration"] | {"extensions": ["myst_nb", __name__], "project": TITLE}
    settings["html_title"] = f"{TITLE}: {profile.name}"
    settings["html_theme_options"] = SPHINX["theme"] | {"announcement": html.escape(banner.strip())}
    with tempfile.TemporaryDirectory() as place:
        source, made, messages = Path(place, "source"), Path(place, "made"), io.StringIO()
        (source / "_static").mkdir(parents=True)
        shutil.copy(paths.PACKAGE / "site" / "site.css", source / "_static")
        names = [n for n in NOTEBOOKS if (folder / "notebooks" / f"{n}.ipynb").is_file()]
        for name in names:
            nbformat.write(page(folder / "notebooks" / f"{name}.ipynb"), source / f"{name}.ipynb")
        (source / "runs.md").write_text(f"# All runs\n\n{_raw(source, 'runs', runs(plans, store))}", "utf-8")
        for key, of_paper in csvs.of_papers(folder).items():
            claims.write(source, of_paper, key, profile.name, store)
        if all_results := cells.page(source, folder):
            (source / "cells.md").write_text(all_results, "utf-8")
        playground.write(source)
        about = docs.copy(source, folder / "site", names)
        (source / "index.md").write_text(_first_page(profile, plans, store, folder, names, about, source), "utf-8")
        with patch_docutils(), docutils_namespace():  # nothing stays registered for the next build
            sphinx = Sphinx(source, None, made, Path(place, "trees"), "html", settings, None, messages)
            sphinx.build()
        for line in strip_escape_sequences(messages.getvalue()).replace(f"{source}/", "").splitlines():
            say(f"site: {line}")
        shutil.rmtree(folder / "site", ignore_errors=True)
        shutil.move(made, folder / "site")
    return folder / "site" / "index.html"


def page(notebook: Path) -> nbformat.NotebookNode:
    """An executed notebook as a page: hidden source collapsed, Markdown outputs without the HTML that names could bring in."""
    book, markdown = nbformat.read(notebook, as_version=4), MarkdownIt("commonmark", {"html": False}).enable("table")
    markdown.use(dollarmath_plugin, renderer=lambda text, how: mathml(text, how["display_mode"]))
    figures.describe(book, notebook)
    for cell in list(book.cells):
        if cell.cell_type == "code" and (places := claims.anchors(cell.source)):
            book.cells.insert(book.cells.index(cell), nbformat.v4.new_markdown_cell(places))
        if cell.metadata.get("jupyter", {}).get("source_hidden"):
            cell.metadata.tags = [*cell.metadata.get("tags", ()), "hide-input"]
        for output in cell.get("outputs", ()):
            if "text/markdown" in output.get("data", {}):
                text = linked(output.data.pop("text/markdown")).replace(".md#", ".html#")
                text = re.sub(r"\]\((\w+)\.ipynb", r"](\1.html", text)
                output.data["text/html"] = markdown.render(text)
    return book


def runs(plans: dict[str, Plan], store: Records) -> Styler:
    """One line per run, with its cost, hardware and configuration, or its error, to unfold."""
    lines = []
    for key, plan in plans.items():
        for run in plan.runs:
            record = store.get(run) or {"status": "to do"}
            details = json.dumps(run.to_dict() | {"start": run.start.hash if run.start else None}, indent=1)
            line = {"run": run.hash, "paper": key, "state": record["status"]}
            if record["status"] == "done":
                cost, parts = record["cost"], record["selected"]["last"]["metrics"]
                line["accuracy at the last step"] = ", ".join(
                    f"{k} {100 * v['accuracy']:.2f}" for k, v in parts.items()
                )
                line["date"] = record["date"]
                time = f"{cost['steps']} steps of {cost['step_ms']:.0f} ms, {cost['passes']:.2f} passes"
                details = f"{time}\n{_hardware(record)}\n{details}"
            lines.append(line | {"what": "\n".join(filter(None, [run.title(), record.get("error"), details]))})
    columns = ["run", "paper", "what", "state", "accuracy at the last step", "date"]
    table = Styler(pd.DataFrame(lines, columns=columns).fillna(""), cell_ids=False).hide(axis="index")
    return table.format(escape="html").format(_unfold, subset=["what"]).format(_place, subset=["run"])


def _place(name: str) -> str:
    """A hash that links lead to."""
    return f'<span id="{name}">{name}</span>'


def _unfold(text: str) -> str:
    """Its first line, with the others below it on demand."""
    first, _, rest = html.escape(text).partition("\n")
    # No <pre>: the theme's script measures every one of a page, minutes for a thousand.
    return f"<details><summary>{first}</summary><div>{rest}</div></details>"


def _hardware(record: dict[str, Any]) -> str:
    e = record["environment"]
    return f"{e['device']}, {e['precision']}, torch {e['versions']['torch']}"


def _first_page(
    profile: Profile,
    plans: dict[str, Plan],
    store: Records,
    folder: Path,
    names: list[str],
    about: list[str],
    source: Path,
) -> str:
    records = [store.get(run) for plan in plans.values() for run in plan.runs]
    done = pd.DataFrame(
        [{"hardware": _hardware(r), "date": r["date"]} for r in records if r is not None and r["status"] == "done"],
        columns=["hardware", "date"],
    )
    made = done.groupby("hardware", sort=False)["date"].agg(["size", "min", "max"]).reset_index()
    made = made.rename(columns={"size": "runs", "min": "first", "max": "last"})
    parts = [
        f"# {TITLE}",
        "Papers on mixup for text classification, trained again: every reported number beside ours, and a verdict on every claim.",
    ]
    titles = {None: "Start"} | {key: module.PAPER.title for key, module in PLANS.items()}
    saved = csvs.of_papers(folder)
    if saved:
        # The comparison and TREC in full have profiles of their own, which answer where this one does not, as in the README.
        gains = _first(folder / "compare" / "gains.csv", paths.figures("compare") / "compare" / "gains.csv")
        levels = _first(folder / "trec_full" / "levels.csv", paths.figures("base") / "trec_full" / "levels.csv")
        said = card.sentences(saved, *(csvs.read(path) if path else None for path in (gains, levels)))
        parts += [" ".join(said), claims.grid(saved), WORDS]
        if gains and (forest := gains.with_name("forest.png")).is_file():
            shutil.copyfile(forest, source / forest.name)
            parts.append(f"![{figures.about(forest).get('Description', '')}]({forest.name})")
    parts += [
        f"Profile **{profile.name}**: {profile.purpose}. {len(done):,} of {len(records):,} runs are done ([all runs](runs.md)). "
        f"Each table is also a CSV file and each figure an SVG in `figures/{folder.name}`.",
        _raw(source, "hardware", display_table(made)),
        *["## Claims"] * bool(saved),
    ]
    for key, of_paper in saved.items():
        found = csvs.claims(of_paper)
        table = display_table(found, wrap=list(found.columns[1:])).format(claims.link, subset=[""])
        parts += [f"### {titles[key]}", _raw(source, key, table)]
    cited = [p for p in (PLANS[key].PAPER for key in plans) if p.url]
    parts += ["## Papers"] if cited else []
    parts += [f"- {p.authors}, *{p.title}*, {p.venue}, <{p.url}>" for p in cited]
    contents = [(title, [n for n in names if NOTEBOOKS[n] == key]) for key, title in titles.items()]
    contents[0][1].append("playground")
    for title, pages in [
        *contents,
        ("Records", ["cells"] * (source / "cells.md").is_file() + ["runs"]),
        ("About", about),
    ]:
        if pages:
            parts.append("\n".join(["```{toctree}", ":hidden:", f":caption: {title}", *pages, "```"]))
    return "\n\n".join(parts)


def _first(*files: Path) -> Path | None:
    return next((path for path in files if path.is_file()), None)


def _raw(source: Path, name: str, table: Styler) -> str:
    """A table in a file of its own, which a page takes in as it is: its cells are escaped, and nothing reads them as Markdown."""
    path = source / f"{name}-table.html"
    path.write_text(f"<div class='scroll {name}'>{table.set_uuid(name).to_html()}</div>", "utf-8")
    return f"```{{raw}} html\n:file: {path.name}\n```"


def mathml(formula: str, display: bool) -> str:
    """A formula as browsers draw it by themselves; what is none, as it was written."""
    try:
        return convert(formula, display="block" if display else "inline")
    except Exception:  # of many kinds, from a name with dollars in it
        return f"<code>{html.escape(formula)}</code>"


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx's side of this module: its formulas are MathML."""

    def visitor(tag: str, display: bool) -> tuple[Callable, None]:
        def visit(writer: Any, node: nodes.math | nodes.math_block) -> None:
            writer.body.append(f"<{tag} class='math'>{mathml(node.astext(), display)}</{tag}>")
            raise nodes.SkipNode

        return visit, None

    app.add_post_transform(docs.Codes)
    app.add_html_math_renderer("mathml", visitor("span", False), visitor("div", True))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
