"""The forms in which an output is compared: what differs from run to run, or by the runtime's name, is taken out of it."""
import json
import re

# 32 and 33 are the C library's own: its posix_spawn(3) leaves them ignored, and Go takes one of them back.
IGNORED = re.compile(r"(?<=SigIgn:\t)[0-9a-f]{16}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def plain(text, names):
    """`names` are pairs of what is replaced and the word that stands for it."""
    for found, word in names:
        text = text.replace(found, word)
    text = IGNORED.sub(lambda found: f"{int(found[0], 16) & ~(3 << 31):016x}", text)
    return TIME.sub("TIME", text)


def shape(value):
    """Keys and types; of an array the different shapes of what is in it."""
    if isinstance(value, dict):
        return {key: shape(member) for key, member in sorted(value.items())}
    if isinstance(value, list):
        return [json.loads(text) for text in sorted({json.dumps(shape(item), sort_keys=True) for item in value})]
    if value is None:
        return "null"
    return {bool: "bool", int: "number", float: "number", str: "string"}[type(value)]


def without_pids(value):
    """A pid that is not 0 is a pid."""
    if isinstance(value, dict):
        return {key: "PID" if key == "pid" and member else without_pids(member) for key, member in value.items()}
    if isinstance(value, list):
        return [without_pids(item) for item in value]
    return value


def cells(text):
    """The lines of a table as cells, which two spaces part; numbers of processes are only numbers."""
    return [[re.sub(r"^[1-9]\d*\b", "PID", cell) for cell in re.split(r"\s{2,}", line.strip())] for line in text.splitlines()]


def form(text, how, names):
    """`text` in the form `how` of `Row.out`."""
    text = plain(text, names)
    if how is None:
        return None
    if how == "some":
        return "something" if text.strip() else "nothing"
    if not text.strip():
        return text
    if how == "header":
        return text.splitlines()[0].split()
    if how == "table":
        return cells(text)
    if how == "sorted":
        return sorted(text.splitlines())
    if how == "labels":
        return [line.split(":")[0].split(" version ")[0] for line in text.splitlines()]
    if how == "text":
        return text
    try:
        if how == "json":
            return without_pids(json.loads(text))
        if how == "state":
            states = without_pids(json.loads(text))
            for state in [states] if isinstance(states, dict) else states or []:
                state.update(ociVersion="VERSION", owner="OWNER")
            return states
        if how == "shape":
            return shape(json.loads(text))
        if how == "lines":
            return [shape(json.loads(line)) for line in text.splitlines()]
    except ValueError:
        return "no JSON: " + text
    raise AssertionError(f"there is no form {how}")


def log_form(text, names):
    """Lines of a log, in JSON or text: keys and types, the level, and whether the time is RFC 3339."""
    lines = []
    for line in text.splitlines():
        try:
            entry = json.loads(line)
            lines.append({**shape(entry), "level": entry.get("level"), "time": plain(entry.get("time", ""), names)})
        except (ValueError, AttributeError):
            text = re.fullmatch(r'time="([^"]*)" level=(\w+) msg=.+', plain(line, names))
            lines.append({"form": "text", "time": text[1], "level": text[2]} if text else "no log: " + line)
    return lines
