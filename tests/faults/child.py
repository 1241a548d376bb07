"""Runs a project's program with a failpoint or with a mechanism off, and it knows of neither.

Passwords are hashed as cheaply as bcrypt can.

``python child.py SPEC PROGRAM …``, in the project's folder. SPEC is JSON: ``off`` names functions
of `mechanisms`; ``failpoint`` is ``[action, when, target, call, mark]``: the process sends itself
the signal ``action`` ``before`` or ``after`` the given call of the function ``target``. It makes
the file ``mark`` then, and does so once, also where several processes run the program.
"""

import functools
import itertools
import json
import os
import runpy
import signal
import sys
from pathlib import Path
from pkgutil import resolve_name


def arm(action, when, target, call, mark):
    owner, _, name = target.rpartition(".")
    owner = resolve_name(owner)
    function = getattr(owner, name)
    calls = itertools.count(1)

    @functools.wraps(function)
    def armed(*arguments, **options):
        fire = next(calls) == call
        if fire and when == "before":
            _fire(action, mark)
        result = function(*arguments, **options)
        if fire and when == "after":
            _fire(action, mark)
        return result

    setattr(owner, name, armed)


def _fire(action, mark):
    try:
        Path(mark).touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), getattr(signal, action))


def main(spec, *program):
    # As `python PROGRAM` in the project's folder would have it.
    sys.path[0] = str(Path.cwd())
    sys.path.append(str(Path(__file__).resolve().parents[2]))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django
    from django.contrib.auth.hashers import BCryptSHA256PasswordHasher

    django.setup()
    # What makes guessing slow is most of the work for the load, and nothing that a row looks at.
    BCryptSHA256PasswordHasher.rounds = 4
    given = json.loads(spec)
    if given["off"]:
        from tests.faults.mechanisms import MECHANISMS

        for name in given["off"]:
            MECHANISMS[name].switch_off()
    if given["failpoint"]:
        arm(*given["failpoint"])
    if program[0] == "-m":
        sys.argv = [*program[1:]]
        runpy.run_module(program[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = [*program]
        runpy.run_path(program[0], run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])
