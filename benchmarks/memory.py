"""How much memory a process has used at most. Apart from `benchmarks.record`, because that starts Keras."""

import sys

import psutil


def peak_rss_mib():
    """Peak resident memory of this process so far, in MiB."""
    if sys.platform == "win32":
        return round(psutil.Process().memory_info().peak_wset / 2**20, 1)
    import resource  # not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in KiB on Linux, in bytes on macOS
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)
