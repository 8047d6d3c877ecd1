"""Spam or not by 57 word frequencies (UCI 94, CC BY 4.0), from Debian's r-cran-kernlab.

A fifth is for testing.
"""

from datasets.packages import Pair, from_debian, keep, split

PACKAGE, MEMBER = "r-cran-kernlab", "usr/lib/R/site-library/kernlab/data/spam.rda"
TEST_ROWS = 921


def spambase_files() -> Pair:
    """(training, test) files of 57 columns."""
    return keep("spambase", lambda: split(*from_debian(PACKAGE, MEMBER), TEST_ROWS))
