"""What the registration scripts share: the way through an intermediate to the reference, and the files."""

from dataclasses import replace
from typing import Any

from matplotlib.figure import Figure

from spallmap.figures.registration.pairs import pair_notes
from spallmap.landmarks import Landmarks, read_landmarks
from spallmap.registration.compose import chain
from spallmap.registration.landmark_fit import apply_landmarks
from spallmap.registration.result import Registration
from spallmap.results.documents import write_figure
from spallmap.results.registration import read_registration, write_registration


def carried(registration: Registration, to_reference: str | None, through: str) -> Registration:
    """Chain a registration with that of what it was registered to; the reference itself needs none."""
    if not to_reference:
        return registration
    return chain(registration, read_registration(to_reference), through)


def landmarks_in_tomogram(path: str | None, to_reference: str | None) -> Landmarks | None:
    """Read landmarks, and take their partners from the reference frame to the tomogram's."""
    if not path:
        return None
    landmarks = read_landmarks(path)
    if not to_reference:
        return landmarks
    tomogram = read_registration(to_reference)
    if not tomogram.accepted:
        return None
    return replace(landmarks, reference_um=tomogram.map.inverse()(landmarks.reference_um))


def write(registration: Registration, picture: Figure, landmarks: str | None, output: Any) -> None:
    """Add the errors at landmarks and write map, verdict and picture."""
    if landmarks:
        registration = apply_landmarks(registration, read_landmarks(landmarks))
    write_figure(output.picture, picture, notes=pair_notes(picture))
    write_registration(output.json, output.tfm, registration)
