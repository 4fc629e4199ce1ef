"""What went wrong, told on the page in one sentence: the one place that decides how."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

from ncviz.errors import NcvizError
from ncviz.jobs import Job
from ncviz.text import with_code


@contextmanager
def telling_errors(
    tell: Callable[[str], object] = st.error, then: Callable[[], object] | None = None
) -> Iterator[None]:
    """Tell an error of ours where it stands; what follows in the block, or in the function it decorates, is left out.

    Args:
        tell: Takes the sentence, which is plain Markdown.
        then: Called after that, such as ``st.stop`` where the page is nothing without what failed.
    """
    try:
        yield
    except NcvizError as error:
        tell(with_code(str(error)))
        if then is not None:
            then()


def tell_failure(job: Job | None) -> None:
    """Tell why a run failed, if it did."""
    if job is not None and job.error:
        st.error(with_code(job.error))
