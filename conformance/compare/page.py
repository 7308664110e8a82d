"""The page with the differences, for people who put cale in runc's place."""
import pathlib

PAGE = pathlib.Path(__file__).resolve().parent.parent.parent / "spec-notes/runc.md"
WORDS = {"status": "exit status", "out": "stdout", "stderr": "stderr", "message": "words of the message", "state": "state afterwards", "limits": "cgroup"}


def page_of(rows, differences):
    """Markdown: one line for each reason, with what differs and the commands in which it does."""
    by_name = {row.name: row for row in rows}
    lines = []
    for why, aspects, names in differences:
        commands = dict.fromkeys(f"`{plain(by_name[name].command)}` ({name})" for name in names)
        lines.append(f"| {why} | {', '.join(WORDS.get(aspect, f'`{aspect}`') for aspect in aspects)} | {'<br>'.join(commands)} |")
    return "\n".join([
        "# How cale differs from runc, and why", "",
        "Written by `conformance/compare/run --write` from `conformance/compare/differences.py`. runc is 1.1.5, that of Debian 12. Everything else in",
        f"`conformance/compare/table`, {len(rows)} invocations in all, has equal exit statuses, outputs, files and states. What the properties of",
        "`config.json` bring about is compared by `conformance/cases`, whose list is `conformance/known-differences.json`.", "",
        "| why | what differs | where |", "|---|---|---|", *lines, ""])


def plain(command):
    return command.replace("{", "").replace("}", "").replace("|", "\\|").replace("\n", "\\n")
