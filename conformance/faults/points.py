"""The points at which a program is disturbed: its system calls, one experiment each for a kill and for every plausible error."""
import re

from faults import errors
from faults.experiment import Failure

SHORT = 16


class Call:
    """A system call of a command: the COUNTth with its number in one process."""

    def __init__(self, line, names):
        role, number, count, answer, text = line.split(" ", 4)
        self.role, self.number, self.count, self.answer, self.text = role, int(number), int(count), int(answer), text.strip()
        self.name = names.get(self.number, f"call{number}")
        # the init goes on by itself: it has read its last answer
        self.is_released = False
        # of a child that helps and is gone before the container is there
        self.is_of_helper = False

    def __str__(self):
        return f"{self.role}:{self.name}:{self.count}" + (f" {self.text}" if self.text != "-" else "")


def check_message(err, code, call, name):
    """One line that says what failed and why."""
    lines = err.strip().splitlines()
    said = [line for line in lines if not re.search(r", ignoring$|: warning:", line)]
    if len(said) != 1 or not re.match(re.escape(name) + r': \w', said[0]):
        raise Failure(f"not one line of error: {err.strip()!r}")
    if not re.search(errors.KILLED if code is None else rf"\b{code}\b", said[0]) and not errors.excused(call, code, said[0]):
        raise Failure(f"the error does not name {code or 'the kill'}: {said[0]}")


def experiments(calls, options):
    """Every kill point and every error, or a fixed sample of them."""
    found = []
    if not options.errors:
        found += [(call, None) for call in calls if call.name not in ("exit_group", "exit")]
    if not options.kills:
        found += [(call, code) for call in calls for code in errors.plausible(call)
                  # what fails anyway needs no help
                  if call.answer > -4096 and not (call.answer < 0 and call.name != "execve")]
    if options.only:
        return [(call, code) for call, code in found if options.only in (f"{call.role}:{call.name}:{call.count}", f"{call.role}:{call.name}:{call.count}:{code}")]
    if options.short and len(found) > SHORT:
        step = len(found) / SHORT
        found = [found[int(index * step)] for index in range(SHORT)]
    return found
