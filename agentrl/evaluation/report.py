"""Reports of a run, made from its stored rollouts alone: a learning curve, and one self-contained page."""

from __future__ import annotations

import base64
import html as markup
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from agentrl.errors import MissingExtraError, UsageError
from agentrl.evaluation.attempts import correction
from agentrl.evaluation.grids import as_html, grids
from agentrl.evaluation.summary import Comparison, Summary, compare, summarise
from agentrl.store import Run, write_atomically
from agentrl.types import Rollout

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Comparison", "Summary", "compare", "html", "learning_curve", "summarise"]

_MOST_STEPS = 400  # of a longer run, as many steps are read, evenly spaced: more do not show in a picture
_MOST_EXAMPLES = 6
_MOST_TEXT = 4000
_INK, _BLUE, _ORANGE, _GREEN = "#333333", "#2f6fb3", "#d1662b", "#3a8f5c"


@dataclass(frozen=True, slots=True)
class _Point:
    """One shard: the step it belongs to, and what it amounts to."""

    step: int
    summary: Summary


def learning_curve(run: Run, path: Path | str) -> Path:
    """Draw reward, evaluations with their intervals, format rate and accuracy against the training step.

    Args:
        run: With shards `train/step_...`, and `eval/...` where it was evaluated.
        path: The PNG to write.

    Raises:
        MissingExtraError: matplotlib is not installed.
        UsageError: The run has no training steps.
    """
    train = _training(run)
    if not train:
        raise UsageError(f"{run.path} has no training steps to draw")
    data = io.BytesIO()
    _draw(train, _evaluations(run, train[-1].step + 1), run.path.name).savefig(data, format="png", dpi=150)
    write_atomically(Path(path), data.getvalue())
    return Path(path)


def html(run: Run, path: Path | str, k: Sequence[int] | None = None, *, turns: int = 1) -> Path:
    """Write one page that needs no other file: headline numbers, the curve, statuses and example transcripts.

    Args:
        run: With at least one shard.
        path: The file to write.
        k: For which k to show pass@k; default: 1, and the number of samples.
        turns: Above 1, how many attempts of each episode to look at, in the last evaluation.

    Raises:
        UsageError: The run has no scored rollouts.
    """
    shards = run.shards()
    evals = [s for s in shards if not s.startswith("train/")] or shards[-1:]
    read = {shard: run.read(shard) for shard in sorted(evals, key=lambda s: _step_of(s, _LAST))}
    stored = {shard: rollouts for shard, rollouts in read.items() if any(r.scored for r in rollouts)}
    if not stored:
        raise UsageError(f"{run.path} has no scored rollouts to report on")
    shown = {s: summarise(r, k or _default_k(r)) for s, r in stored.items()}
    body = [
        f"<h1>{_text(run.path.name)}</h1>",
        _headline(shown),
        _change(list(stored.values()), k),
        _corrected(list(stored.values())[-1], k, turns),
        _curve(run),
        "<h2>How episodes ended</h2>",
        *(_statuses(shard, summary) for shard, summary in shown.items()),
        "<h2>Examples</h2>",
        *(_example(r) for r in _pick(list(stored.values())[-1])),
        f"<details><summary>Settings</summary><pre>{_text(_settings(run.config))}</pre></details>",
    ]
    write_atomically(Path(path), _PAGE.format(title=_text(run.path.name), body="\n".join(body)).encode())
    return Path(path)


# From shards to points.

_LAST = 10**12


def _training(run: Run) -> list[_Point]:
    shards = [s for s in run.shards() if s.startswith("train/")]
    if not shards:
        return []
    spaced = np.unique(np.linspace(0, len(shards) - 1, min(len(shards), _MOST_STEPS)).astype(int))
    return _points(run, [(_step_of(shards[i], int(i)), shards[i]) for i in spaced])


def _evaluations(run: Run, last: int) -> list[_Point]:
    return _points(run, sorted((_step_of(s, last), s) for s in run.shards() if s.startswith("eval/")))


def _points(run: Run, shards: Iterable[tuple[int, str]]) -> list[_Point]:
    found = []
    for step, shard in shards:
        rollouts = run.read(shard)
        if any(r.scored for r in rollouts):  # a step whose groups were all dropped has nothing to show
            found.append(_Point(step, summarise(rollouts)))
    return found


def _step_of(shard: str, otherwise: int) -> int:
    """The number at the end of a shard's name; `eval/before` is step 0."""
    if shard.endswith("before"):
        return 0
    number = re.search(r"(\d+)$", shard)
    return int(number[1]) if number else otherwise


def _default_k(rollouts: Sequence[Rollout]) -> tuple[int, ...]:
    counts: dict[str, int] = {}
    for rollout in rollouts:
        counts[rollout.task.id] = counts.get(rollout.task.id, 0) + 1
    return tuple(sorted({1, min(counts.values())}))


# The picture.


def _draw(train: Sequence[_Point], evals: Sequence[_Point], title: str) -> Figure:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("drawing needs matplotlib: pip install 'agentrl[report]'") from None

    figure = Figure(figsize=(8, 6.4), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, color=_INK)
    step = np.array([p.step for p in train])
    _trend(above, step, [p.summary.reward.mean for p in train], (_BLUE, "training reward, mean of a step"))
    if evals:
        _eval_points(above, evals)
    above.set_ylabel("reward; share of tasks solved")
    _trend(below, step, [p.summary.format_rate for p in train], (_GREEN, "answers that could be read"))
    given = [p.summary.accuracy_given_format for p in train]
    _trend(below, step, given, (_BLUE, "of those, correct"))
    below.set_ylabel("share of episodes")
    below.set_ylim(-0.03, 1.03)
    below.set_xlabel("training step")
    for axes in (above, below):
        _plain(axes)
    return figure


def _trend(axes: Axes, step: npt.NDArray[Any], value: Sequence[float], look: tuple[str, str]) -> None:
    """Faint dots for what was measured, a line for its moving mean."""
    colour, label = look
    axes.plot(step, value, ".", color=colour, alpha=0.3, markersize=4, markeredgewidth=0)
    axes.plot(step, _smooth(np.asarray(value, dtype=np.float64)), color=colour, linewidth=1.8, label=label)


def _eval_points(axes: Axes, evals: Sequence[_Point]) -> None:
    mean = np.array([p.summary.pass_at[1].mean for p in evals])
    low = np.array([p.summary.pass_at[1].low for p in evals])
    high = np.array([p.summary.pass_at[1].high for p in evals])
    axes.errorbar(
        [p.step for p in evals],
        mean,
        yerr=(np.maximum(mean - low, 0), np.maximum(high - mean, 0)),
        fmt="o",
        color=_ORANGE,
        capsize=3,
        markersize=5,
        linewidth=1.4,
        label=f"held-out pass@1 ({evals[-1].summary.tasks} tasks), 95 % interval",
        zorder=3,
    )


def _smooth(value: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Centred moving mean over about a tenth of the steps; steps without a value (nan) do not count."""
    half = max(1, len(value) // 20)
    known = ~np.isnan(value)
    kernel = np.ones(2 * half + 1)
    total = np.convolve(np.pad(np.where(known, value, 0.0), half), kernel, "valid")
    count = np.convolve(np.pad(known.astype(np.float64), half), kernel, "valid")
    mean = np.full(len(value), np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=_INK, labelsize=9)
    axes.margins(x=0.02)
    axes.legend(frameon=False, fontsize=9, loc="best")


# The page.

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>
body {{ font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }}
h1 {{ font-size: 1.5rem }}
h2 {{ font-size: 1.15rem; margin-top: 2rem }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums }}
table + table {{ margin-top: 1.5rem }}
th, td {{ text-align: left; vertical-align: top; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid #e4e4e4 }}
img {{ max-width: 100% }}
pre {{ white-space: pre-wrap; overflow-wrap: anywhere; margin: .2rem 0 .8rem; font-size: 13px }}
.note, .role {{ color: #666; font-size: 13px }}
.bar {{ display: inline-block; height: .7rem; background: #2f6fb3; margin-right: .5rem }}
.episode {{ border-left: 3px solid #d8d8d8; padding-left: 1rem; margin: 1.5rem 0 }}
.correct {{ border-color: #3a8f5c }}
</style></head><body> {body}
</body></html>
"""


def _headline(shown: dict[str, Summary]) -> str:
    names = [name for name, _ in next(iter(shown.values())).rows() if name != "statuses"]
    head = "".join(f"<th>{_text(name)}</th>" for name in ("evaluation", "tasks x samples", *names))
    lines = []
    for shard, summary in shown.items():
        cells = dict(summary.rows())
        size = f"{summary.tasks} x {summary.samples}" + (f" ({summary.dropped} unscored)" if summary.dropped else "")
        lines.append(_cells((shard.removeprefix("eval/"), size, *(cells.get(name, "-") for name in names))))
    note = '<p class="note">In brackets: 95 % bootstrap intervals over tasks.</p>'
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>{note}"


def _change(stored: Sequence[Sequence[Rollout]], k: Sequence[int] | None) -> str:
    if len(stored) < 2 or not {r.task.id for r in stored[0]} & {r.task.id for r in stored[-1]}:
        return ""
    change = compare(stored[0], stored[-1], k or (1,))
    rows = "".join(_cells(row) for row in change.rows())
    return f"<h2>First to last, on the same {change.tasks} tasks</h2><table>{rows}</table>"


def _corrected(rollouts: Sequence[Rollout], k: Sequence[int] | None, turns: int) -> str:
    if turns == 1:
        return ""
    found = correction(rollouts, turns=turns, k=k or _default_k(rollouts))
    notes = f'<p class="note">{_text("; ".join(found.notes()))}</p>'
    return f"<h2>Correction over {turns} attempts</h2>{notes}{as_html(grids(found.layout, found.cells()))}"


def _curve(run: Run) -> str:
    train = _training(run)
    if not train:
        return ""
    data = io.BytesIO()
    try:
        _draw(train, _evaluations(run, train[-1].step + 1), "").savefig(data, format="png", dpi=130)
    except MissingExtraError as error:
        return f'<p class="note">No curve: {_text(str(error))}</p>'
    source = base64.b64encode(data.getvalue()).decode()
    return f'<h2>Training</h2><img alt="learning curve" src="data:image/png;base64,{source}">'


def _statuses(shard: str, summary: Summary) -> str:
    rows = []
    for status, count in summary.statuses.items():
        share = count / summary.episodes
        bar = f'<span class="bar" style="width:{max(share * 16, 0.1):.1f}rem"></span>{share:.1%}'
        rows.append(f"<tr><td>{_text(status)}</td><td>{count}</td><td>{bar}</td></tr>")
    return f"<h3>{_text(shard.removeprefix('eval/'))}</h3><table>{''.join(rows)}</table>"


def _pick(rollouts: Iterable[Rollout]) -> list[Rollout]:
    """The first two of each status, in the order met."""
    seen: dict[str, list[Rollout]] = {}
    for rollout in rollouts:
        seen.setdefault(_status(rollout), []).append(rollout)
    return [r for i in (0, 1) for group in seen.values() for r in group[i : i + 1]][:_MOST_EXAMPLES]


def _example(rollout: Rollout) -> str:
    status = _status(rollout)
    answer = f"; expected {_text(str(rollout.task.answer)[:200])}" if rollout.task.answer is not None else ""
    head = f"<b>{_text(status)}</b>, reward {rollout.reward:g}, task {_text(rollout.task.id)}{answer}"
    turns = (
        f'<div class="role">{_text(m.role)}</div><pre>{_text(_clip(_say(m.content, m.tool_calls)))}</pre>'
        for m in rollout.transcript()
    )
    kind = "episode correct" if status == "correct" else "episode"
    return f'<div class="{kind}"><p>{head}</p>{"".join(turns)}</div>'


def _say(content: str, calls: Sequence[Any]) -> str:
    return "\n".join(filter(None, [content, *(f"{c.name}({dict(c.arguments)})" for c in calls)]))


def _clip(text: str) -> str:
    left = len(text) - _MOST_TEXT
    return text if left <= 0 else f"{text[:_MOST_TEXT]}\n... ({left} more characters)"


def _status(rollout: Rollout) -> str:
    return rollout.verdict.status if rollout.verdict is not None else "no_verdict"


def _cells(values: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<td>{_text(value)}</td>" for value in values) + "</tr>"


def _settings(config: Any, prefix: str = "") -> str:
    if not isinstance(config, dict):
        return f"{prefix} = {config!r}"
    return "\n".join(_settings(value, f"{prefix}.{key}" if prefix else key) for key, value in config.items())


def _text(value: str) -> str:
    return markup.escape(value)
