"""What the tests of another project tell of a runtime, beside what is known: the three suites count and list it in one way.

known-differences-SUITE.json has, for each runtime by name, the tests that fail and why; a section "NAME (MODE, …)" adds what counts in these modes alone, and an
empty reason takes away what another section says. A test that fails and is not on the list is a failure; so is one on the
list that passes, unless its reason begins with "sometimes". One on the list of which a complete run hears nothing is told at the end.
"""
import collections
import json
import os
import pathlib

HERE = pathlib.Path(__file__).resolve().parent


class Outcomes:
    def __init__(self, suite, runtime, *, modes=(), show=False, quiet=False):
        """`show` prints also what known differences say; `quiet` leaves out what passed or was skipped."""
        self.file = f"known-differences-{suite}.json"
        self.runtime = os.path.basename(runtime)
        self.title = f"{self.runtime} ({', '.join(modes)})" if modes else self.runtime
        self.known = {}
        for section, listed in json.loads((HERE / self.file).read_text(encoding="utf-8")).items():
            name, _, words = section.rstrip(")").partition(" (")
            if name == self.runtime and set(words.split(", ") if words else ()) <= set(modes):
                self.known |= listed
        self.known = {name: reason for name, reason in self.known.items() if reason}
        self.show, self.quiet = show, quiet
        self.names = set()
        self.count = collections.Counter()

    def tell(self, name, outcome, lines=()):
        """Counts and prints one test. `lines` say why it was skipped, or what it printed. Gives what it counts as."""
        reason = self.known.get(name)
        self.names.add(name)
        if reason and outcome == "failed":
            outcome = "known"
        elif reason and outcome == "passed" and not reason.startswith("sometimes"):
            outcome, lines = "failed", [f"a known difference is gone: remove it from {self.file}"]
        self.count[outcome] += 1
        if not self.quiet or outcome in ("failed", "known"):
            mark = {"skipped": f" # SKIP {' '.join(lines)}", "known": f" # TODO {reason}"}.get(outcome, "")
            print(("not ok " if outcome in ("failed", "known") else "ok ") + name + mark, flush=True)
        if outcome == "failed" or outcome == "known" and self.show:
            print("".join(f"# {line[:500]}\n" for line in lines), end="", flush=True)
        return outcome

    def finish(self, complete):
        """Prints the last line, and before it what is listed and was not heard of in a `complete` run. Gives the exit status."""
        for name in sorted(set(self.known) - self.names) if complete else ():
            print(f"# listed, and no test has this name: {name}")
        print(f"# {self.title}: {self.count['passed']} passed, {self.count['failed']} failed, {self.count['known']} known differences, "
              f"{self.count['skipped']} skipped", flush=True)
        return 1 if self.count["failed"] else 0
