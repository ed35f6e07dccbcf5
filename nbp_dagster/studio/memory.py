"""Memory that is freed is given back: the one knob of the C library that pictures need."""

import ctypes
import logging
from functools import cache
from typing import Final

logger = logging.getLogger(__name__)

# From glibc's malloc.h.
_M_MMAP_THRESHOLD: Final = -3
# Bytes. A 1K picture takes 4 MB and stays with the allocator; a 4K one comes in blocks of 16 MB.
_LARGE: Final = 8 * 1024 * 1024


@cache
def return_large_blocks() -> bool:
    """Have blocks of 8 MB and more go back to the system the moment they are freed.

    Left alone, glibc raises its own threshold with the first such block it sees freed, and then
    keeps them, a set for each thread: 64 pictures of 4K peaked at 1.3 GB in place of 0.55.

    Returns:
        Whether the C library knows the knob; where it does not, nothing is changed.
    """
    try:
        is_set = bool(ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE))
    except (OSError, AttributeError, TypeError):
        is_set = False
    if not is_set:
        logger.debug("this C library has no mallopt; memory may peak higher with large pictures")
    return is_set
