"""What a registration found to be odd about a scan of the metal, in words for the report."""

from __future__ import annotations

from spallmap.errors import DataWarning
from spallmap.registration.result import Registration

# Clean scans were fitted with gains of 0.94 to 1.05.
_EVEN_GAINS = 1.25


def scan_warnings(registration: Registration) -> tuple[DataWarning, ...]:
    """Say what was fitted of a scan beside its pose, where that is more than a clean scan asks for.

    Parameters
    ----------
    registration : Registration
        Of an MRI, from :func:`spallmap.registration.register_projection`, or carried on from one.

    Returns
    -------
    tuple of DataWarning
        What was found, what was done about it and what it costs; none where nothing was fitted.

    Examples
    --------
    >>> from spallmap.registration.compose import refused
    >>> scan_warnings(refused("the image is constant"))
    ()
    """
    scan = registration.diagnostics.scan
    if scan is None:
        return ()
    found = []
    moved_um = registration.diagnostics.measures.get("distortion_um") or 0.0
    if scan.readout is not None:
        found.append(
            DataWarning(
                "field of the scanner",
                f"metal displaced along own {'xy'[scan.readout]} by {moved_um:.1f} um, root mean square",
                "fitted as a smooth displacement; its mean looks like a shift of the cell, so as much is in "
                "the standard error, and a single point lies that far from where the map sends it",
            )
        )
    for axis, fraction in zip(("rows", "columns"), scan.missing, strict=True):
        if fraction:
            found.append(
                DataWarning(
                    "k-space of the scan",
                    f"{100.0 * fraction:.0f} % of its {axis} missing on one side: partial Fourier",
                    f"the model leaves them out too; details along the {axis} are blurred",
                )
            )
    low, high = sorted(scan.electrode_gain)
    if low > 0.0 and high > _EVEN_GAINS * low:
        found.append(
            DataWarning(
                "electrodes in the scan",
                f"one shows {low / high:.2f} of the other's signal for as much metal",
                "each has its own gain in the fit; errors of T2 are larger in the weaker one",
            )
        )
    return tuple(found)
