"""Passwords are hashed by as many threads as there are cores, which give way to all else.

A hash takes a quarter of a second of a core. With one in each of the web server's threads a flood
of sign-ins kept those who only read waiting five times as long (P13 in docs/benchmarks). A thread
that lowered its priority cannot raise it again, so these do nothing else.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from django.contrib.auth.hashers import BCryptSHA256PasswordHasher

NICENESS = 10

# On Linux the niceness is each thread's own (nice(2), C library/kernel differences).
_threads = ThreadPoolExecutor(len(os.sched_getaffinity(0)), "hashing", os.nice, (NICENESS,))


class GivingWayHasher(BCryptSHA256PasswordHasher):
    """bcrypt over SHA-256, as Django has it; the hashes are the same."""

    def encode(self, password: str, salt: str) -> str:
        return _threads.submit(super().encode, password, salt).result()
