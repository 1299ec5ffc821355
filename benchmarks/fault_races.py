"""What happens beside a run: inputs that change or vanish, and a second run."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

from fault_checks import compare, half_written
from fault_disks import check_words
from fault_kills import Outcome, Undisturbed
from fault_run import Ended, Place, Session

# One of each kind of input: a series' samples and parameters, a slice of a folder, a volume, images, counts.
FILES = (
    ("t2", "mri_shorted/5/pdata/1/2dseq", "shorted/mri-t2"),
    ("t2", "mri_shorted/5/pdata/1/visu_pars", "shorted/mri-t2"),
    ("phases", "xct_pristine/slice_0040.tif", "pristine/xct-scan"),
    ("phases", "xct_shorted.ome.tif", "shorted/xct-scan"),
    ("sem_image", "sem_overview.tif", "shorted/sem-overview"),
    ("edx_net", "edx/Na.tif", "shorted/edx-elements"),
)


def _flip(path: Path, rng: random.Random) -> None:
    """Change one byte in the second half, in place."""
    with path.open("r+b") as stream:
        size = path.stat().st_size
        stream.seek(rng.randrange(size // 2, size))
        old = stream.read(1)
        stream.seek(-1, 1)
        stream.write(bytes([old[0] ^ 1]))


def _replace(path: Path, rng: random.Random) -> None:
    """Put another file in its place, as an editor does."""
    other = path.with_name(f".{path.name}.new")
    shutil.copy(path, other)
    _flip(other, rng)
    other.replace(path)


def _cut(path: Path, rng: random.Random) -> None:
    """Cut it short in place, as a copy that begins again does."""
    with path.open("r+b") as stream:
        stream.truncate(rng.randrange(path.stat().st_size))


def _vanish(path: Path, rng: random.Random) -> None:
    """Remove it."""
    path.unlink()


WAYS: tuple[Callable[[Path, random.Random], None], ...] = (_flip, _replace, _cut, _vanish)


def recorded_digests(out: Path, acquisition: str) -> dict[str, str]:
    """Digests of what a job says that it read."""
    path = out / "a" / acquisition / "inputs.json"
    if not path.exists():
        return {}
    found = json.loads(path.read_text(encoding="utf-8"))
    flat: dict[str, str] = {}

    def walk(part: object) -> None:
        if isinstance(part, dict):
            for key, value in part.items():
                if isinstance(value, str) and len(value) == 64:
                    flat[str(part.get("path", key))] = value
                else:
                    walk(value)
        elif isinstance(part, list):
            for value in part:
                walk(value)

    walk(found)
    return flat


def inputs_change(folder: Path, whole: Undisturbed, rng: random.Random, quota: int) -> Outcome:
    """Change each kind of input in each way while its job runs, at random moments.

    Either the job says that its input changed, or what it made belongs to the file as it was before or as it
    is now, and the digest that it noted is that file's. The file is put back; then results must be the old.
    """
    out = Outcome("inputs that change meanwhile")
    cell = folder / "cell"
    shutil.copytree(whole.cell, cell)
    place = Place(folder / "work").draw(cell)
    kept = folder / "kept"
    for _ in range(quota):
        for rule, name, acquisition in FILES:
            for change in WAYS:
                path = cell / name
                if not path.exists():
                    raise FileNotFoundError(path)
                shutil.copy(path, kept)
                before = hashlib.sha256(path.read_bytes()).hexdigest()
                target = _first_result(place, rule, acquisition)
                session = place.start("--force", target)
                if session.until(lambda jobs, rule=rule: rule in jobs):  # type: ignore[misc]
                    session.sleep(rng.uniform(0.0, max(3.0, whole.seconds.get(rule, 3.0))))
                change(path, rng)
                ended = session.wait()
                out.times += 1
                print(f"  {out.times}: {path.name} {change.__name__}: status {ended.status}", flush=True)
                out.hits[f"{path.name} {change.__name__.strip('_')}"] += 1
                now = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""
                case = (rule, acquisition, target)
                _judge(out, place, whole, ended, case, path, (before, now), change.__name__)
                shutil.copy(kept, path)
                if (again := place.run(target)).status != 0:
                    out.unclear.append(f"{path.name} put back: {again.last_words}")
    # what follows from these is made from the same files again
    for _, _, acquisition in FILES:
        made, old = place.out / "a" / acquisition, whole.place.out / "a" / acquisition
        out.differ += [f"{acquisition} at the end: {d}" for d in compare(old, made, set(), True)]
    return out


def _first_result(place: Place, rule: str, acquisition: str) -> str:
    names = {
        "t2": "t2.json",
        "phases": "grey.json",
        "sem_image": "image.ome.tif",
        "edx_net": "elements.ome.tif",
    }
    return f"{place.results}/a/{acquisition}/{names[rule]}"


def _judge(
    out: Outcome,
    place: Place,
    whole: Undisturbed,
    ended: Ended,
    case: tuple[str, str, str],
    path: Path,
    digests: tuple[str, str],
    how: str,
) -> None:
    rule, acquisition, target = case
    what = f"{path.name} {how.strip('_')}"
    out.half += half_written(place.out)
    if ended.status != 0:
        if "Traceback" in ended.text or path.name not in ended.text:
            out.unclear.append(f"{what}: {ended.last_words}")
        out.words.append(f"{what}: {ended.last_words}")
        return
    noted = {d for name, d in recorded_digests(place.out, acquisition).items() if name.endswith(path.name)}
    before, now = digests
    made = place.out / "a" / acquisition
    if noted == {before}:
        out.differ += [
            f"{what}: {d}" for d in compare(whole.place.out / "a" / acquisition, made, set(), True)
        ]
        # what was read is no longer what is there: that must not look like a finished job
        if before != now and rule not in place.run("-n", target).text:
            out.unclear.append(f"{what}: the change is not seen afterwards")
    elif noted == ({now} if now else set()):
        # read as it is now, or as a folder without it: made again from that it must be the same
        shutil.copytree(made, place.folder / "seen", dirs_exist_ok=True)
        place.run("--force", target)
        out.differ += [f"{what}: {d}" for d in compare(place.folder / "seen", made, set(), True)]
        shutil.rmtree(place.folder / "seen")
    else:
        out.differ.append(f"{what}: noted {noted}, before {before}, now {now}")


def two_runs(folder: Path, whole: Undisturbed, rng: random.Random, quota: int) -> Outcome:
    """Start a second run while the first one works: in its folder, and from elsewhere into its results."""
    out = Outcome("two runs at once")
    place = Place(folder / "work").draw(whole.cell)
    elsewhere = Place(folder / "elsewhere", results=str(place.out)).draw(whole.cell)
    beside = Place(place.folder, log_folder=folder)
    first = place.start()
    first.until(lambda jobs: bool(jobs))
    for _ in range(quota):
        first.sleep(rng.uniform(0.0, 20.0))
        if first.process.poll() is None:
            _second(out, beside.start(), "in the same folder", "lock")
        if first.process.poll() is None:
            _second(out, elsewhere.start(), "from elsewhere", "another run writes to")
    out.check_end(place, whole, first.wait())
    # the second user's run comes later, and finds everything made
    ended = elsewhere.run()
    if ended.status != 0:
        out.unclear.append(f"the later run from elsewhere: {ended.last_words}")
    out.differ += compare(whole.place.out, place.out, set())
    return out


def _second(out: Outcome, session: Session, what: str, wanted: str) -> None:
    check_words(out, session.wait(300.0), (wanted,), what)
