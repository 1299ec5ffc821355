"""Files of matched points."""

from __future__ import annotations

from pathlib import Path

from spallmap.landmarks import COLUMNS, Landmarks, landmarks_of_rows
from spallmap.readers.file_states import files_at_rest
from spallmap.user_files.delimited import TableKind, read_table

# What a file of landmarks has to look like.
KIND = TableKind(
    ",",
    COLUMNS,
    COLUMNS,
    f"a CSV file with the columns {','.join(COLUMNS)}, saved as UTF-8, numbers with a decimal point",
)


def read_landmarks(path: Path | str) -> Landmarks:
    r"""Read a CSV file of landmarks.

    Parameters
    ----------
    path : Path or str
        Columns u_um, v_um, x_um, y_um, z_um and use, in any order, as for
        :func:`spallmap.landmarks.landmarks_of_rows`.

    Returns
    -------
    Landmarks
        The points.

    Raises
    ------
    InputError
        If the file is missing or is no such table; the message names the file, the row and the column.
    InputGroupError
        Where several rows are wrong.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "marks.csv")
    ...     _ = path.write_text("u_um,v_um,x_um,y_um,z_um,use\n10,20,110,5,220,fit\n")
    ...     read_landmarks(path).reference_um.tolist()
    [[110.0, 5.0, 220.0]]
    """
    return landmarks_of_rows(read_table(Path(path), KIND))


def read_recorded_landmarks(path: Path | str | None) -> tuple[Landmarks | None, dict[str, str]]:
    r"""Read landmarks where there are some, and say which file they were.

    Parameters
    ----------
    path : Path, str or None
        As for :func:`read_landmarks`; None where an acquisition has none.

    Returns
    -------
    landmarks : Landmarks or None
        The points.
    read : dict of str to str
        SHA-256 of the file by its path; empty without one.

    Raises
    ------
    InputError
        As :func:`read_landmarks`, and for a file that changed meanwhile.

    Examples
    --------
    >>> read_recorded_landmarks(None)
    (None, {})
    """
    if path is None:
        return None, {}
    with files_at_rest(lambda: [Path(path)]) as read:
        landmarks = read_landmarks(path)
    return landmarks, read
