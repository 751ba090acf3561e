"""How sure a measured figure is: 95 % confidence intervals."""

import numpy as np

Z = 1.959963984540054  # of 95 %, two-sided
RESAMPLES = 1000
#: Student's t of 95 %, two-sided, by degrees of freedom from 1 on; beyond them Z is near enough.
T = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
)  # fmt: skip


def wilson(correct, total):
    """The interval of a share, [low, high] (Wilson 1927); [0, 1] where nothing was counted."""
    if not total:
        return [0.0, 1.0]
    share = correct / total
    middle = share + Z**2 / (2 * total)
    half = Z * (share * (1 - share) / total + Z**2 / (4 * total**2)) ** 0.5
    low, high = (middle - half) / (1 + Z**2 / total), (middle + half) / (1 + Z**2 / total)
    return [max(0.0, low), min(1.0, high)]


def over_seeds(values):
    """The interval of the mean of a figure over trainings with other seeds (Student's t).

    Returns:
        [low, high]; None where there are fewer than two.
    """
    count = len(values)
    if count < 2:
        return None
    t = T[count - 2] if count - 2 < len(T) else Z
    half = t * float(np.std(values, ddof=1)) / count**0.5
    mean = float(np.mean(values))
    return [mean - half, mean + half]


def bootstrap(strata, figure, seed):
    """The interval of a figure computed from sums over documents (Efron 1979, percentiles).

    Documents are drawn anew inside each stratum, so the mixture of kinds stays as it is.

    Args:
        strata: arrays (documents, columns), a row the sums of one document.
        figure: from the sums over all documents, (resamples, columns), to (resamples, …).
        seed: of the resampling.

    Returns:
        [low, high], each of the figure's own shape.
    """
    rng = np.random.default_rng(seed)
    totals = []
    for _ in range(RESAMPLES):
        drawn = (rng.integers(len(rows), size=len(rows)) for rows in strata)
        totals.append(
            sum(rows[chosen].sum(axis=0) for rows, chosen in zip(strata, drawn, strict=True))
        )
    return np.percentile(figure(np.array(totals)), [2.5, 97.5], axis=0).tolist()


def ratio(totals):
    """First column over second, the figure of most bootstraps."""
    return totals[:, 0] / np.maximum(totals[:, 1], 1e-9)
