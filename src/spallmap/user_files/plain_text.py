"""Text of a file that a person wrote: UTF-8 and nothing else, in lines that end as on any system."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from spallmap.errors import InputError
from spallmap.readers.checks.file_access import LARGEST_TEXT_BYTES, READABLE, read_text_bytes, reported

# First bytes of what is no plain text, and what to call it. Longer marks stand before those they begin with.
_SIGNATURES = (
    (b"\xff\xfe\x00\x00", "UTF-32 text"),
    (b"\x00\x00\xfe\xff", "UTF-32 text"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
    (b"PK\x03\x04", "an Excel or other zipped document"),
    (b"\xd0\xcf\x11\xe0", "an old Excel document"),
    (b"\x1f\x8b", "gzip-compressed data"),
    (b"%PDF", "a PDF document"),
)
# UTF-16 without a mark: every other byte of Western text is zero. A stray null byte is far rarer.
_HALF_NULLS = 0.25
# What no line of text holds: control characters other than the tab.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
# A quoted value longer than this hides the message that it stands in.
_LONGEST_SHOWN = 120


def read_lines(
    path: Path, remedy: str, missing: str = "no such file", largest: int = LARGEST_TEXT_BYTES
) -> list[str]:
    r"""Read the lines of a text file.

    Parameters
    ----------
    path : Path
        The file.
    remedy : str
        What the file should be, in words for a message.
    missing : str
        What to say where it does not exist.
    largest : int
        Bytes above which it is refused unread.

    Returns
    -------
    list of str
        Without their ends, which may be LF, CRLF or CR; a byte order mark is left out.

    Raises
    ------
    InputError
        If it cannot be read, is another kind of file or another encoding, or holds control characters; the
        message names the line.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.tsv")
    ...     _ = path.write_bytes(b"\xef\xbb\xbfcell\tstate\r\nb\tshorted\r\n")
    ...     read_lines(path, "a table")
    ['cell\tstate', 'b\tshorted', '']
    """
    if not is_there(path, remedy):
        raise InputError(str(path), missing, remedy)
    content = read_text_bytes(path, remedy, largest)
    for mark, kind in _SIGNATURES:
        if content.startswith(mark):
            raise InputError(str(path), kind, remedy)
    if content[:4096].count(0) > _HALF_NULLS * len(content[:4096]):
        raise InputError(str(path), "UTF-16 text, or no text", remedy)
    text = _decoded(path, content.removeprefix(b"\xef\xbb\xbf"), remedy)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if _CONTROL.search(text.replace("\r", "\n")):
        number, found = next((n, m) for n, s in enumerate(lines, 1) if (m := _CONTROL.search(s)))
        code = ord(found.group())
        kind = "a null byte" if code == 0 else f"a control character (0x{code:02x})"
        raise InputError(f"{path}, line {number}", kind, remedy)
    return lines


def is_there(path: Path, allowed: str = READABLE) -> bool:
    """Whether a path names something, be it a link to nothing.

    Parameters
    ----------
    path : Path
        The path.
    allowed : str
        What should be there, in words for the message.

    Returns
    -------
    bool
        False only where there is nothing of that name.

    Raises
    ------
    InputError
        Where that cannot be known: a folder that may not be entered, a loop of links, a name too long.

    Examples
    --------
    >>> is_there(Path("nowhere.tsv")), is_there(Path("/"))
    (False, True)
    """
    with reported(path, allowed):
        try:
            path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True


def _decoded(path: Path, content: bytes, remedy: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        byte = content[error.start : error.start + 1]
        found = f"bytes that are not UTF-8: 0x{byte[0]:02x}"
        letter = byte.decode("cp1252", errors="ignore")
        if letter:
            found += f", which is {letter!r} in Windows-1252 and Latin-1 text"
        raise InputError(f"{path}, line {before.count(10) + 1}", found, remedy) from None


def shown(text: str) -> str:
    """Quote a value for a message: not too long, and with the name of a character that cannot be seen.

    Parameters
    ----------
    text : str
        The value as it stands in the file.

    Returns
    -------
    str
        In quotation marks.

    Examples
    --------
    >>> shown("z,y"), shown(chr(0x2212) + "z,y")
    ("'z,y'", "'−z,y' (with U+2212 MINUS SIGN)")
    """
    half = _LONGEST_SHOWN // 2
    # a path's end names the file
    cut = text if len(text) <= _LONGEST_SHOWN else f"{text[:half]}...{text[-half:]}"
    long = "" if cut is text else f" ({len(text)} characters)"
    odd = next((c for c in text if _misleading(c)), None)
    named = "" if odd is None else f" (with U+{ord(odd):04X} {unicodedata.name(odd, 'without a name')})"
    return f"{cut!r}{long}{named}"


def _misleading(character: str) -> bool:
    """Whether it looks like another character or like nothing: dashes, spaces, marks of format, quotes."""
    if character.isascii():
        return False
    return unicodedata.category(character) in ("Pd", "Zs", "Zl", "Zp", "Cf", "Pi", "Pf") or (
        unicodedata.normalize("NFKC", character).isascii() or character == "\N{MINUS SIGN}"
    )
