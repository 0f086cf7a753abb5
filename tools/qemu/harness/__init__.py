"""What tools/qemu/record is made of: the guest's image, the machine that runs it, and the files that come out."""

import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent.parent
PAGE = 4096


class Failure(Exception):
    """Something that the user can read and act upon."""


class Disturbed(Failure):
    """A measurement that something else had a part in; another try may be left alone."""


def run(*command, **options):
    result = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            check=False, **options)
    if result.returncode != 0:
        raise Failure(f"{' '.join(map(str, command))}:\n{(result.stderr or result.stdout).strip()[-2000:]}")
    return result.stdout


def say(text):
    print(text, file=sys.stderr, flush=True)
