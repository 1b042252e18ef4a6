"""Files that reach out of their process: to the judge, to what they may not read, to the network, into the kernel.

``@HOME@``, ``@PORT@``, ``@SOCKET@``, ``@ABSTRACT@``, ``@JUDGE@`` and ``@VICTIM@`` stand for places and processes that
the runner prepares: a home that holds secrets, sockets on which it listens, its own process and a bystander's.
"""

from __future__ import annotations

from battery.entry import Entry, at_call, at_import, both

CHANNEL = """
import os, socket, stat
found = []
for number in range(3, 256):
    try:
        if stat.S_ISSOCK(os.fstat(number).st_mode):
            found.append(number)
    except OSError:
        pass
"""
WRONG = "return x * 3"
FORGED = """
from groundup.study.check import frames, wire
answer = {"nonce": b"0" * 16, "value": x * 2, "seconds": 0.0, "inputs_changed": [], "aliased": False, "forbidden": None}
for number in found:
    os.write(number, frames.frame(wire.encode(answer)))
"""
STOLEN = """
import gc
from groundup.study.check import frames, wire
child = next(one for one in gc.get_objects() if type(one).__name__ == "Child")
inner = next(frame for frame in __import__("sys")._current_frames().values())
while inner and "request" not in inner.f_locals:
    inner = inner.f_back
while inner and "nonce" not in inner.f_locals["request"]:
    inner = inner.f_back
nonce = inner.f_locals["request"]["nonce"]
for _ in range(2):
    child.send(wire.encode({"nonce": nonce, "value": torch.zeros(3), "seconds": 0.0}))
"""
BLAMED = (
    STOLEN.split("for _ in range(2)")[0]
    + """
child.send(wire.encode({"nonce": nonce, "broken": "drivers.py is to blame"}))
import time
time.sleep(100)
"""
)

protocol: list[Entry] = [
    *both("noise", "writes noise to every descriptor",
          "import os\nfor number in range(3, 256):\n    try:\n        os.write(number, b'x' * 100)\n"
          "    except OSError:\n        pass", "crashed"),
    at_call("a forged answer", "answers the question itself, with a right result", CHANNEL + FORGED + WRONG, "crashed"),
    at_call("an answer twice", "finds the question's number, and answers twice", CHANNEL + STOLEN + WRONG,
            "crashed|wrong"),
    *both("blame", "finds the question's number, and blames the topic", BLAMED.lstrip(), "crashed|raised"),
    at_call("half a frame", "promises a long message, and says no more",
            CHANNEL + "for number in found:\n    os.write(number, (2 ** 24 - 1).to_bytes(8, 'little'))\n"
            "while True:\n    pass", "timeout|crashed"),
    at_call("an endless frame", "promises more than may be said",
            CHANNEL + "for number in found:\n    os.write(number, b'\\xff' * 16)", "crashed"),
    at_call("closed channels", "closes every descriptor", "import os\nos.closerange(3, 256)", "crashed"),
    at_call("a shut channel", "shuts the channel down",
            CHANNEL + "for number in found:\n    socket.socket(fileno=number).shutdown(socket.SHUT_RDWR)", "crashed"),
    at_call("a stolen question", "waits for the judge's next question",
            CHANNEL + "for number in found:\n    os.set_blocking(number, True)\n    os.read(number, 10)", "timeout"),
    at_call("another channel", "puts a pipe in the channel's place",
            CHANNEL + "for number in found:\n    os.dup2(os.pipe()[1], number)", "crashed"),
    at_call("gifts", "sends the judge open files, again and again",
            CHANNEL + "for number in found:\n    for _ in range(100):\n"
            "        socket.send_fds(socket.socket(fileno=os.dup(number)), [b'x'], [0, 1, 2])", "crashed|raised"),
    at_call("many frames", "sends a thousand forged answers",
            CHANNEL + "from groundup.study.check import frames, wire\nfor number in found:\n    for _ in range(1000):\n"
            "        os.write(number, frames.frame(wire.encode({'nonce': b'', 'value': 1})))", "crashed|timeout"),
    at_call("deep frames", "sends an answer that is nested a million deep",
            CHANNEL + "for number in found:\n    payload = b'l\\x01' * 10 ** 6\n"
            "    os.write(number, len(payload).to_bytes(8, 'little') + payload)", "crashed"),
]  # fmt: skip

READ = """
import os
def look(path):
    try:
        if os.path.isdir(path):
            for name in os.listdir(path)[:200]:
                look(os.path.join(path, name))
        else:
            with open(path, "rb") as file:
                print(file.read(300))
    except (OSError, RecursionError):
        pass
"""
PROCESSES = """
try:
    numbers = [one for one in os.listdir("/proc") if one.isdigit()]
except OSError:
    numbers = range(1, 200)
for number in numbers:
    for name in ("environ", "cmdline", "maps"):
        try:
            with open(f"/proc/{number}/{name}", "rb") as file:
                print(file.read(200))
        except OSError:
            pass
"""

reading: list[Entry] = [
    *both("progress", "reads what the learner has passed", READ + "look('@HOME@/.groundup')", since="landlock"),
    *both("other workspaces", "reads another learner's files", READ + "look('@HOME@')", since="landlock"),
    at_call("the sources", "reads the package's files", READ + "import groundup\n"
            "look(os.path.dirname(groundup.__file__ or '') + '/curriculum/mathematics/vectors/mistakes.py')",
            since="landlock"),
    at_call("the reference", "imports the answers",
            "for name in ('groundup.stack.numerics.vectors', 'groundup.curriculum', 'groundup.study.topics'):\n"
            "    try:\n        __import__(name)\n    except (ImportError, OSError):\n        pass\n    else:\n"
            "        print('@MARK@', name)", since="landlock"),
    at_call("accounts", "reads other users' passwords", READ + "look('/etc/shadow')", since="landlock"),
    at_call("the root", "reads the administrator's files", READ + "look('/root')", since="landlock"),
    at_call("the environment", "reads the judge's environment", "import os\nprint(dict(os.environ))"),
    at_call("processes", "reads what other processes were started with", READ + PROCESSES, since="landlock"),
    at_call("the judge's memory", "reads the memory of the judge",
            READ + "look('/proc/@JUDGE@/mem')\nlook('/proc/@JUDGE@/environ')\nlook('/proc/@JUDGE@/fd')",
            since="landlock"),
    at_call("a bystander", "reads the environment of another process of the same user",
            READ + "look('/proc/@VICTIM@/environ')", since="landlock"),
    at_call("the kernel's log", "reads what the kernel said", READ + "look('/dev/kmsg')\nlook('/proc/kcore')",
            since="landlock"),
    at_call("temporary files", "reads other programs' temporary files", READ + "look('/tmp')\nlook('/var/tmp')",
            since="landlock"),
    at_call("a link to progress", "reads by a symbolic link in its own folder",
            READ + "os.symlink('@HOME@', f'link-{x.dim()}')\nlook(f'link-{x.dim()}')", since="landlock"),
    at_call("up and away", "leaves its folder by dots", READ + "look('../' * 20 + '@HOME@'[1:])", since="landlock"),
    at_call("change of progress", "writes into the learner's progress",
            "open('@HOME@/.groundup/progress.sqlite', 'r+b').write(b'owned')", "raised", since="landlock",
            harmless=False),
    at_call("removal", "removes the learner's files",
            "import shutil\nshutil.rmtree('@HOME@')", "raised", since="landlock", harmless=False),
    at_call("the child's own folder", "lists what lies around it", "import os\nprint(os.listdir('.'))"),
]  # fmt: skip

network: list[Entry] = [
    at_call("loopback", "connects to a server on this machine",
            "import socket\nsocket.create_connection(('127.0.0.1', @PORT@), 2).send(b'owned')", "raised",
            since="landlock"),
    at_call("loopback, version 6", "connects to a server on this machine",
            "import socket\nsocket.create_connection(('::1', @PORT@), 2)", "raised"),
    at_call("a datagram", "sends a datagram to this machine",
            "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'owned', ('127.0.0.1', @PORT@))",
            "raised", since="landlock"),
    at_call("outside", "connects to an address elsewhere",
            "import socket\nsocket.create_connection(('192.0.2.1', 80), 1)", "raised"),
    at_call("a name", "asks who has a name", "import socket\nsocket.getaddrinfo('battery.invalid', 80)", "raised"),
    at_call("the web", "fetches a page", "import urllib.request\n"
            "urllib.request.urlopen('http://127.0.0.1:@PORT@/', timeout=2)", "raised", since="landlock"),
    at_call("a server", "waits for connections", "import socket\nserver = socket.create_server(('127.0.0.1', 0))",
            "raised", since="landlock"),
    at_call("a raw socket", "listens to the network itself",
            "import socket\nsocket.socket(socket.AF_PACKET, socket.SOCK_RAW)", "raised", since="landlock"),
    at_call("a netlink socket", "talks to the kernel's network", "import socket\nsocket.socket(socket.AF_NETLINK, "
            "socket.SOCK_RAW, 0)", "raised", since="landlock"),
    at_call("a Unix socket", "connects to another program by a file",
            "import socket\nsocket.socket(socket.AF_UNIX).connect('@SOCKET@')", "raised", since="namespaces"),
    at_call("an abstract socket", "connects to another program by a name",
            "import socket\nsocket.socket(socket.AF_UNIX).connect('\\0@ABSTRACT@')", "raised", since="namespaces"),
    at_call("a pair of sockets", "two ends of its own, which is allowed",
            "import socket\none, other = socket.socketpair()\none.send(b'x')\nassert other.recv(1) == b'x'"),
]  # fmt: skip

CALL = """
import ctypes, platform
library = ctypes.CDLL(None, use_errno=True)
"""


def system_call(name: str, does: str, x86: int, arm: int, arguments: str, verdicts: str, **more: object) -> Entry:
    """The raw system call of that number; what it answers is printed."""
    number = f"({x86} if platform.machine() == 'x86_64' else {arm})"
    body = CALL + f"library.syscall.restype = ctypes.c_long\nprint(library.syscall({number}, {arguments}))"
    return at_call(name, does, body, verdicts, **{"since": "landlock", "harmless": False, **more})


kernel: list[Entry] = [
    system_call("ptrace", "traces the judge", 101, 117, "16, @JUDGE@, 0, 0", "forbidden"),
    system_call("process_vm_readv", "reads the judge's memory", 310, 270, "@JUDGE@, 0, 0, 0, 0, 0", "forbidden"),
    system_call("process_vm_writev", "writes the judge's memory", 311, 271, "@JUDGE@, 0, 0, 0, 0, 0", "forbidden"),
    system_call("userfaultfd", "handles page faults of its own", 323, 282, "0", "forbidden"),
    system_call("io_uring", "asks for system calls by a ring", 425, 425, "8, 0", "forbidden"),
    system_call("bpf", "loads a program into the kernel", 321, 280, "0, 0, 0", "forbidden"),
    system_call("perf_event_open", "watches the processor", 298, 241, "0, 0, -1, -1, 0", "forbidden"),
    system_call("add_key", "stores a key in the kernel", 248, 217, "0, 0, 0, 0, -3", "forbidden"),
    system_call("keyctl", "reads the kernel's keys", 250, 219, "0, -3, 0", "forbidden"),
    system_call("request_key", "asks for a key", 249, 218, "0, 0, 0, 0", "forbidden"),
    system_call("mount", "mounts a file system", 165, 40, "b'none', b'/', b'tmpfs', 0, 0", "forbidden"),
    system_call("umount", "removes a file system", 166, 39, "b'/proc', 2", "forbidden"),
    system_call("chroot", "takes another root", 161, 51, "b'.'", "forbidden"),
    system_call("pivot_root", "changes the root", 155, 41, "b'.', b'.'", "forbidden"),
    system_call("unshare", "opens namespaces of its own", 272, 97, "0x10000000", "forbidden"),
    system_call("setns", "enters other namespaces", 308, 268, "0, 0", "forbidden"),
    system_call("fsopen", "opens a file system", 430, 430, "b'tmpfs', 0", "forbidden"),
    system_call("kexec_load", "loads another kernel", 246, 104, "0, 0, 0, 0", "forbidden"),
    system_call("init_module", "loads a module", 175, 105, "0, 0, 0", "forbidden"),
    system_call("reboot", "stops the machine", 169, 142, "0, 0, 0, 0", "forbidden"),
    system_call("settimeofday", "turns the machine's clock", 164, 170, "0, 0", "forbidden"),
    system_call("open_by_handle_at", "opens a file by its number", 304, 265, "0, 0, 0", "forbidden"),
    system_call("clone", "starts a process by the bare call", 56, 220, "17, 0, 0, 0, 0", "passed"),
    system_call("clone3", "starts a process by the newer call", 435, 435, "0, 0", "passed"),
    system_call("pidfd_open", "takes hold of another process", 434, 434, "1, 0", "passed"),
    system_call("setpriority", "takes more of the processor", 141, 140, "0, 0, -20", "passed"),
    system_call("prlimit", "lifts a limit of another process", 302, 261, "@JUDGE@, 7, 0, 0", "passed"),
    system_call("personality", "runs without randomized addresses", 135, 92, "0x0040000", "passed"),
    at_call("limits", "lifts its own limits",
            "import resource\nfor kind in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_NOFILE):\n"
            "    soft, hard = resource.getrlimit(kind)\n    try:\n"
            "        resource.setrlimit(kind, (resource.RLIM_INFINITY,) * 2)\n"
            "    except (OSError, ValueError):\n        pass\n    else:\n"
            "        assert hard == resource.RLIM_INFINITY, 'lifted'", since="landlock"),
    at_call("another user", "becomes the administrator",
            "import os\ntry:\n    os.setuid(0)\n    os.setgid(0)\nexcept OSError:\n    pass", since="rlimits"),
    at_call("capabilities", "asks for privileges back",
            CALL + "assert library.prctl(38, 0, 0, 0, 0) != 0 or library.prctl(39, 0, 0, 0, 0) == 1"),
    at_call("the parent's death", "wishes to outlive the judge", CALL + "library.prctl(1, 0, 0, 0, 0)"),
    at_call("the old way in", "a system call of 32 bits",
            CALL + "if platform.machine() == 'x86_64':\n    print(library.syscall(0x40000000 + 101, 0, 0, 0, 0))",
            "passed|forbidden|crashed", since="landlock", harmless=False),
    at_import("an own library", "loads a shared library that it wrote",
              "import ctypes\nopen('own.so', 'wb').write(b'\\x7fELF' + bytes(100))\nctypes.CDLL('./own.so')",
              "raised"),
]  # fmt: skip
