"""The messages of the Container Runtime Interface that the cases need, by name and field number, and calls with them.

Source: runtime.v1 in k8s.io/cri-api (api.proto); the wire form is that of Protocol Buffers.
"""
import sys

try:
    import grpc
except ImportError:  # Debian's, for a python3 that is not Debian's
    sys.path.append("/usr/lib/python3/dist-packages")
    import grpc

SERVICE = "/runtime.v1."
# a name of a field: its number, and what it holds when that is a message; "*" is a map of texts
NAMESPACES = {"network": 1, "pid": 2, "ipc": 3}
PROFILE = {"profile_type": 1, "localhost_ref": 2}
NUMBER = {"value": 1}
METADATA = {"name": 1, "uid": 2, "namespace": 3, "attempt": 4}
POD = {
    "metadata": (1, METADATA), "hostname": 2, "log_directory": 3, "linux": (8, {"cgroup_parent": 1, "sysctls": (3, "*"), "security_context": (2, {
        "namespace_options": (1, NAMESPACES), "privileged": 6, "seccomp": (9, PROFILE)})})}
RESOURCES = {"cpu_period": 1, "cpu_quota": 2, "cpu_shares": 3, "memory_limit_in_bytes": 4, "oom_score_adj": 5}
CONTAINER = {
    "metadata": (1, {"name": 1, "attempt": 2}), "image": (2, {"image": 1}), "command": 3, "args": 4, "working_dir": 5, "envs": (6, {"key": 1, "value": 2}),
    "mounts": (7, {"container_path": 1, "host_path": 2, "readonly": 3, "propagation": 5}), "log_path": 11, "linux": (15, {
        "resources": (1, RESOURCES), "security_context": (2, {
            "capabilities": (1, {"add_capabilities": 1, "drop_capabilities": 2}), "privileged": 2, "namespace_options": (3, NAMESPACES), "run_as_user": (5, NUMBER),
            "readonly_rootfs": 7, "supplemental_groups": 8, "no_new_privs": 11, "run_as_group": (12, NUMBER), "masked_paths": 13, "readonly_paths": 14,
            "seccomp": (15, PROFILE)})})}


class Failure(Exception):
    """What the other side answers in place of a message."""


def varint(number):
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out + bytes([number]))


def encode(message, fields):
    """The wire form of a dictionary, whose names `fields` gives numbers."""
    out = b""
    for name, value in message.items():
        number, inner = fields[name] if isinstance(fields[name], tuple) else (fields[name], None)
        if inner == "*":
            inner, value = {"key": 1, "value": 2}, [{"key": key, "value": text} for key, text in value.items()]
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, int):
                out += varint(number << 3) + varint(int(item))
                continue
            data = encode(item, inner) if inner else str(item).encode()
            out += varint(number << 3 | 2) + varint(len(data)) + data
    return out


def decode(data):
    """The fields of a message by number: a list of numbers and bytes each."""
    fields, place = {}, 0

    def number():
        nonlocal place
        value = shift = 0
        while True:
            byte = data[place]
            place += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while place < len(data):
        key = number()
        if key & 7 == 0:
            value = number()
        elif key & 7 == 2:
            size = number()
            value, place = data[place:place + size], place + size
        else:
            raise ValueError(f"a field of kind {key & 7}")
        fields.setdefault(key >> 3, []).append(value)
    return fields


def text(fields, number):
    return fields.get(number, [b""])[-1].decode(errors="replace")


def inner(fields, number):
    return decode(fields.get(number, [b""])[-1])


class Client:
    def __init__(self, socket):
        self.channel = grpc.insecure_channel(f"unix:{socket}")

    def call(self, method, message, fields, service="RuntimeService", seconds=180):
        ask = self.channel.unary_unary(f"{SERVICE}{service}/{method}", request_serializer=lambda data: data, response_deserializer=decode)
        try:
            return ask(encode(message, fields), timeout=seconds, wait_for_ready=True)
        except grpc.RpcError as error:
            raise Failure(f"{method}: {error.details()}") from None

    def status(self):
        """The conditions RuntimeReady and NetworkReady."""
        found = inner(self.call("Status", {}, {}), 1)
        return {text(condition, 1): condition.get(2) == [1] for condition in map(decode, found.get(1, []))}

    def has_image(self, name):
        return 1 in self.call("ImageStatus", {"image": {"image": name}}, {"image": (1, {"image": 1})}, service="ImageService")

    def run_pod(self, config):
        return text(self.call("RunPodSandbox", {"config": config}, {"config": (1, POD)}), 1)

    def stop_pod(self, pod):
        self.call("StopPodSandbox", {"pod": pod}, {"pod": 1})

    def remove_pod(self, pod):
        self.call("RemovePodSandbox", {"pod": pod}, {"pod": 1})

    def create(self, pod, config, pod_config):
        return text(self.call("CreateContainer", {"pod": pod, "config": config, "sandbox_config": pod_config}, {"pod": 1, "config": (2, CONTAINER), "sandbox_config": (3, POD)}), 1)

    def start(self, container):
        self.call("StartContainer", {"id": container}, {"id": 1})

    def stop(self, container, seconds):
        self.call("StopContainer", {"id": container, "timeout": seconds}, {"id": 1, "timeout": 2})

    def remove(self, container):
        self.call("RemoveContainer", {"id": container}, {"id": 1})

    def container(self, container):
        found = inner(self.call("ContainerStatus", {"id": container}, {"id": 1}), 1)
        return {"state": found.get(3, [0])[-1], "exit_code": found.get(7, [0])[-1], "reason": text(found, 10)}

    def update(self, container, resources):
        self.call("UpdateContainerResources", {"id": container, "linux": resources}, {"id": 1, "linux": (2, RESOURCES)})

    def execute(self, container, command, seconds):
        """Exit status, stdout and stderr."""
        found = self.call("ExecSync", {"id": container, "cmd": list(command), "timeout": seconds}, {"id": 1, "cmd": 2, "timeout": 3})
        return found.get(3, [0])[-1], text(found, 1), text(found, 2)

    def memory(self, container):
        """Bytes of the working set."""
        return inner(inner(inner(self.call("ContainerStats", {"id": container}, {"id": 1}), 1), 3), 2).get(1, [0])[-1]
