"""pydicom without a word: its warnings and its log quote attribute values."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Drop what pydicom warns of and logs, and let it take values as they are, right or wrong."""
    from pydicom import config

    logger: logging.Logger = config.logger
    was_disabled, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings(), config.disable_value_validation():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = was_disabled
