"""How far the unpacking is: bars on a terminal, JSON for programs, nothing in pipes."""
import json
import os
import pty
import re
import signal
import subprocess
import tarfile
import time

from images import image_case, tagged, tar

CONFIG = {"Cmd": ["sh"]}


def events(result):
    return [json.loads(line) for line in result.err.splitlines()]


@image_case("nothing is said in a pipe or a file but warnings, and with --quiet not even they")
def quiet(i):
    i.layout.write(tagged(i.layout.manifest(tar(("f", os.urandom(3 << 20))), tar(("null", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3})), config=CONFIG)))
    done = i.unpack().ok()
    assert (done.out, done.err) == ("", ""), done
    done = i.unpack("--rootless", "--owners", "recorded").ok()
    assert done.out == "" and done.err.strip() == "calque: warning: /null: a device node needs privileges; an empty file stands in its place", done.err
    done = i.unpack("--rootless", "--owners", "recorded", "--quiet").ok()
    assert (done.out, done.err) == ("", ""), done


@image_case("with --format json each event is an object in a line: how far each layer is, warnings, the end")
def as_json(i):
    layers = [i.layout.layer(tar(("a", os.urandom(3 << 20)))), i.layout.layer(tar(("null", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3}), ("b", os.urandom(2 << 20))))]
    i.layout.write(tagged(i.layout.manifest(*layers, config=CONFIG)))
    sizes = [layer[0]["size"] for layer in layers]
    store = ("--store", str(i.layout.path.parent / "store"))
    for options in ((), ("--mode", "overlay", *store)):
        found = events(i.unpack("--format", "json", *options).ok())
        assert found[-1] == {"event": "finished", "bundle": str(i.bundle)}, found[-1]
        progress = found[:-1]
        assert all(event["event"] == "progress" and event["layers"] == 2 and event["total"] == sum(sizes) for event in progress), found
        for number, (layer, size) in enumerate(zip(layers, sizes), 1):
            of_layer = [event for event in progress if event["layer"] == number]
            assert of_layer[-1]["layerDone"] == of_layer[-1]["layerTotal"] == size and of_layer[-1]["name"] == layer[0]["digest"], of_layer
            assert [event["layerDone"] for event in of_layer] == sorted(event["layerDone"] for event in of_layer)
        assert max(event["done"] for event in progress) == sum(sizes)
    found = events(i.unpack("--format", "json", "--rootless", "--owners", "recorded").ok())
    assert [event["message"][:6] for event in found if event["event"] == "warning"] == ["/null:"], found
    # an error is a line for people, as ever
    i.unpack("--format", "json", tag="none").failed("no image with the tag")


def on_terminal(command, width):
    """What a command writes to a terminal; it stands still for a while when it has begun to write."""
    master, slave = pty.openpty()
    import fcntl
    import struct
    import termios
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=slave, stderr=slave)
    os.close(slave)
    text = os.read(master, 65536)
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(0.4)
    os.kill(process.pid, signal.SIGCONT)
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:  # EIO: nobody has the other end any more
            break
        text += part
    os.close(master)
    assert process.wait() == 0, text
    return text.decode()


@image_case("on a terminal each layer in work has a bar with bytes and rate, and all of them another; they go at the end")
def terminal(i):
    i.layout.write(tagged(i.layout.manifest(*(tar((name, os.urandom(48 << 20))) for name in "ab"), config=CONFIG)))
    store = ("--store", str(i.layout.path.parent / "store"))
    for options in ((), ("--mode", "overlay", *store)):
        text = on_terminal([i.program, "unpack", *options, "--image", str(i.layout.path), str(i.bundle)], 100)
        assert re.search(r"layer 1 of 2  \[[=> ]+\] +\d+%  [\d.]+ .?B of 50.3 MB", text), repr(text[:2000])
        assert re.search(r"layer \d of 2  \[[=> ]+\] +\d+%  [\d.]+ .?B of 50.3 MB  [\d.]+ .?B/s", text), repr(text[:3000])
        assert re.search(r"all layers  \[[=> ]+\] +\d+%  [\d.]+ .?B of 101 MB  [\d.]+ .?B/s", text), repr(text[:3000])
        assert text.endswith("\x1b[J"), repr(text[-200:])
        # no line is longer than the terminal is wide
        assert max(len(re.sub(r"\x1b\[\d*[A-Z]", "", line)) for line in re.split(r"[\r\n]", text)) < 100
        subprocess.run([i.program, "delete", str(i.bundle)], check=True)
    assert on_terminal([i.program, "unpack", "--format", "json", "--image", str(i.layout.path), str(i.bundle)], 100).startswith('{"event"')
