"""The gallery: one HTML page with every claim, table and figure, and one with the runs behind them.

The page is built from the small files that ``artifacts.write`` leaves beside each table and figure, so it shows exactly what
the notebooks showed. It needs no network and no script.
"""

from __future__ import annotations

import html
import json
from pathlib import Path

from ..papers import PLANS
from ..papers.base import Plan
from ..papers.profiles import PROFILES
from ..runs.records import Records, write_whole
from ..show.tables import CSS
from .catalogue import NOTEBOOKS, artifacts

_STYLE = """<style>
body{font:15px/1.5 system-ui,sans-serif;max-width:1180px;margin:2em auto;padding:0 1em;color:#222}
h1{font-size:1.6em;margin-bottom:.2em} h2{border-bottom:2px solid #555;margin-top:2.2em;padding-bottom:.1em} h3{margin-bottom:.2em}
img{max-width:100%;height:auto;border:1px solid #eee} .cap{color:#555;font-size:.92em;margin-top:.2em}
.banner{background:#fff3cd;border:1px solid #e0c96a;padding:.6em 1em} nav a{margin-right:1em} code{background:#f4f4f4;padding:0 .25em}
table.runs{border-collapse:collapse;font-size:12.5px} table.runs td,table.runs th{border-bottom:1px solid #ddd;padding:.25em .6em;text-align:left;vertical-align:top}
</style>"""


def build(plans: dict[str, Plan], store: Records, folder: Path, banner: str = "") -> Path:
    """Write ``index.html`` and ``runs.html`` below ``folder`` (the profile's); returns the index.

    Args:
        banner: what must be said above all else.
    """
    profile = PROFILES[folder.name] if folder.name in PROFILES else next(iter(plans.values())).setting.profile
    parts = [
        f"<h1>Text Mixup Companion</h1><p>Profile <b>{profile.name}</b>: {html.escape(profile.purpose)}. {_hardware(plans, store)}</p>"
    ]
    if banner:
        parts.append(f"<p class='banner'><b>{html.escape(banner)}.</b></p>")
    if not profile.comparable:
        parts.append(
            "<p class='banner'>Numbers of this profile are <b>not comparable</b> with anything; they only show that everything runs.</p>"
        )
    parts.append(
        "<nav>"
        + "".join(f"<a href='{link}'>{name}</a>" for name, link in _notebooks(None, folder))
        + "".join(f"<a href='#{k}'>{html.escape(PLANS[k].PAPER.title.split(':')[0])}</a>" for k in plans)
        + "<a href='runs.html'>all runs</a></nav>"
    )
    parts += [_paper(key, folder) for key in plans]
    page = f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Text Mixup Companion: {profile.name}</title>{_STYLE}{CSS}</head><body>{''.join(parts)}</body></html>"
    index = folder / "index.html"
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(index, page.encode("utf-8"))
    write_whole(folder / "runs.html", _runs(plans, store, (folder / "records.jsonl").is_file()).encode("utf-8"))
    return index


def _hardware(plans: dict[str, Plan], store: Records) -> str:
    seen = {}
    for plan in plans.values():
        for run in plan.runs:
            record = store.get(run)
            if record and record["status"] == "done":
                e = record["environment"]
                name = f"{e['device']}, {e['precision']}, torch {e['versions']['torch']}"
                seen.setdefault(name, []).append(record["date"])
    if not seen:
        return "No runs yet."
    return "Runs: " + "; ".join(f"{len(d)} on {html.escape(n)} ({min(d)} to {max(d)})" for n, d in seen.items()) + "."


def _notebooks(paper: str | None, folder: Path) -> list[tuple[str, str]]:
    """Name and link of the executed notebooks of a paper, or of those that need none."""
    pages = {n: f"notebooks/{n}.html" for n, p in NOTEBOOKS.items() if p == paper}
    return [(name, link) for name, link in pages.items() if (folder / link).is_file()]


def _paper(key: str, folder: Path) -> str:
    paper = PLANS[key].PAPER
    links = [f"<a href='{link}'>{name}</a>" for name, link in _notebooks(key, folder)]
    out = [
        f"<h2 id='{key}'>{html.escape(paper.title)}</h2><p>{html.escape(paper.authors)}, {html.escape(paper.venue)}. "
        f"<a href='{html.escape(paper.url)}'>{html.escape(paper.url)}</a>"
        + (f"<br>Executed notebooks: {', '.join(links)}" if links else "")
        + "</p>"
    ]
    order = sorted(artifacts(key), key=lambda a: a.name != "claims")  # the verdicts first
    for artifact in order:
        description = folder / key / f"{artifact.name}.json"
        if not description.is_file():
            continue
        entry = json.loads(description.read_text("utf-8"))
        out.append(f"<h3 id='{key}-{entry['name']}'>{html.escape(entry['title'])}</h3>")
        if entry["kind"] == "table":
            out.append(
                entry["html"].replace(CSS, "")
                + f"<p class='cap'><a href='{key}/{entry['name']}.csv'>CSV</a>. {html.escape(entry['caption'])}</p>"
            )
        elif entry["kind"] == "figure":
            out.append(
                f"<a href='{key}/{entry['name']}.svg'><img src='{key}/{entry['name']}.png' alt='{html.escape(entry['title'])}'></a>"
                f"<p class='cap'>{html.escape(entry['caption'])}</p>"
            )
        else:
            out.append(f"<p class='cap'>No runs for it in this setting. {html.escape(entry['caption'])}</p>")
    return "".join(out)


def _runs(plans: dict[str, Plan], store: Records, exported: bool) -> str:
    rows = []
    for key, plan in plans.items():
        for run in plan.runs:
            record = store.get(run)
            state = record["status"] if record else "to do"
            detail = ""
            if record and state == "done":
                last = record["selected"]["last"]["metrics"]
                detail = "; ".join(f"{k} {100 * v['accuracy']:.2f}" for k, v in last.items())
                cost = record["cost"]
                detail += f" | {cost['steps']} steps of {cost['step_ms']:.0f} ms, {cost['passes']:.2f} passes | {record['environment']['device']}, {record['date']}"
            elif record:
                detail = record["error"]
            config = json.dumps(run.to_dict() | {"start": run.start.hash if run.start else None}, indent=1)
            rows.append(
                f"<tr id='{run.hash}'><td><code>{run.hash}</code></td><td>{key}</td><td>{html.escape(run.title())}</td><td>{state}</td>"
                f"<td>{html.escape(detail)}<details><summary>configuration</summary><pre>{html.escape(config)}</pre></details></td></tr>"
            )
    head = "<tr><th>run</th><th>paper</th><th>what</th><th>state</th><th>accuracy at the last step, cost, hardware</th></tr>"
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Runs</title>{_STYLE}</head><body><h1>Runs</h1><p><a href='index.html'>"
        f"back</a>. {'The records of all finished runs: <a href=records.jsonl>records.jsonl</a>.' if exported else ''}</p>"
        f"<table class='runs'>{head}{''.join(rows)}</table></body></html>"
    )
