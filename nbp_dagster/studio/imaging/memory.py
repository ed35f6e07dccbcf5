"""How the C library keeps memory for pictures: small ones are kept, large ones given back."""

import ctypes
import logging
from functools import cache
from typing import Final

logger = logging.getLogger(__name__)

# From glibc's malloc.h, each with what it is set to, in bytes unless said otherwise.
_KNOBS: Final = {
    # M_MMAP_THRESHOLD. A 1K picture takes 4 MB and stays with the allocator; a 4K one comes in
    # blocks of 16 MB, which go back to the system the moment they are freed. Left alone, glibc
    # raises this with the first such block it sees freed, and then keeps them, a set for each
    # thread: 64 pictures of 4K peaked at 1.3 GB in place of 0.55.
    -3: 8 * 1024 * 1024,
    # M_TRIM_THRESHOLD. What a 1K picture and its renditions take stays, once it is there: setting
    # the other knob leaves this at 128 kB, and the system then maps thousands of pages anew, and
    # clears them, for every picture.
    -1: 32 * 1024 * 1024,
    # M_ARENA_MAX, a number of arenas. Each keeps as much; threads that draw take turns anyway.
    -8: 2,
}


@cache
def settle_allocator() -> bool:
    """Have memory of small pictures kept for the next one, and that of large ones given back.

    Returns:
        Whether the C library knows the knobs; where it does not, nothing is changed.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
        is_set = all([bool(mallopt(knob, value)) for knob, value in _KNOBS.items()])
    except (OSError, AttributeError, TypeError):
        is_set = False
    if not is_set:
        logger.debug("this C library has no mallopt; memory may peak higher with large pictures")
    return is_set
