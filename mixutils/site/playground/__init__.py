"""The playground: one page on which the mixers mix real sentences, in the browser, without a server or a network.

``mixers.js`` follows the library and is tested against it, ``answer.js`` applies it to the sentences of ``sentences.js``, which
``prepare.py`` makes, and ``page.js`` shows what comes out.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from matplotlib.colors import to_rgb

from ...mixers import REGISTRY
from ...show.style import TEXT_COLOURS

SCRIPTS = ("sentences.js", "mixers.js", "answer.js", "page.js")
HERE = Path(__file__).parent


def write(source: Path) -> None:
    """Put the page ``playground`` and its scripts into ``source``, a folder of Sphinx's."""
    place = source / "_static" / "playground"
    place.mkdir(parents=True)
    for name in SCRIPTS:
        shutil.copy(HERE / name, place)
    (place / "methods.js").write_text(methods(), "utf-8")
    shutil.copy(HERE / "page.html", source / "playground-form.html")
    scripts = "\n".join(f'<script src="_static/playground/{name}"></script>' for name in ("methods.js", *SCRIPTS))
    (source / "playground-scripts.html").write_text(scripts, "utf-8")
    text = (HERE / "page.md").read_text("utf-8")
    if not (source / "start_here.ipynb").is_file():
        text = text.replace("[start_here](start_here.ipynb)", "the notebook start_here")
    (source / "playground.md").write_text(text, "utf-8")


def methods() -> str:
    """The registry as the scripts know it."""
    mixing = {
        name: {
            "title": e.title,
            "family": e.cls.__name__,
            "options": e.options,
            "where": e.where,
            "whom": e.whom,
            "how": e.how,
            "label": e.label,
        }
        for name, e in REGISTRY.items()
        if e.where != "–"
    }
    colours = {name: [round(255 * x) for x in to_rgb(colour)] for name, colour in TEXT_COLOURS.items()}
    return f"const METHODS = {json.dumps(mixing, ensure_ascii=False)};\nconst COLOURS = {json.dumps(colours)};\n"
