"""Files that never end, or take all memory, disk or output there is."""

from __future__ import annotations

from battery.entry import Entry, at_call, at_import, both

SWALLOW = """
import time
while True:
    try:
        while True:
            time.sleep(0.01)
    except BaseException:
        pass
"""
SIGNALS = """
import signal
for one in signal.valid_signals():
    try:
        signal.signal(one, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
while True:
    pass
"""
TIMERS = """
import signal
for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
    signal.setitimer(timer, 0)
signal.alarm(0)
while True:
    pass
"""
THREADS = """
import threading
def busy():
    while True:
        pass
for _ in range(4):
    threading.Thread(target=busy).start()
busy()
"""

endless: list[Entry] = [
    *both("a loop", "loops for ever in Python", "while True:\n    pass", "timeout"),
    *both("a loop that swallows", "catches whatever is raised, and goes on", SWALLOW, "timeout"),
    *both("deaf to signals", "ignores and blocks every signal, then loops", SIGNALS, "timeout"),
    *both("no timers", "cancels every timer, then loops", TIMERS, "timeout"),
    *both("busy threads", "loops in five threads", THREADS, "timeout"),
    *both("a long sleep", "sleeps for eleven days", "import time\ntime.sleep(1e6)", "timeout"),
    at_call("one torch call", "one call into torch that takes minutes",
            "torch.ones(1).expand(10 ** 13).sum()", "timeout"),
    at_call("a pattern", "a regular expression that takes for ever",
            "import re\nre.match('(a+)+$', 'a' * 64 + 'b')", "timeout"),
    at_call("a power tower", "one number with 370 million digits", "9 ** 9 ** 9", "timeout|out of memory"),
    at_call("a long sum", "one call into Python that takes hours", "sum(range(10 ** 13))", "timeout"),
    at_call("a lock", "waits for a lock that it holds",
            "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()", "timeout"),
    at_call("a read", "waits for input on a pipe of its own", "import os\nos.read(os.pipe()[0], 1)", "timeout"),
    at_call("a select", "waits for nothing", "import select\nselect.select([], [], [])", "timeout"),
    at_call("a generator without an end", "exhausts what cannot be exhausted",
            "import collections, itertools\ncollections.deque(itertools.count(), maxlen=0)", "timeout"),
    at_call("recursion", "calls itself for ever", "return double(x)", "raised"),
    at_call("recursion without a limit", "calls itself for ever, with the limit lifted",
            "import sys\nsys.setrecursionlimit(10 ** 9)\nreturn double(x)", "crashed|raised|out of memory|timeout"),
]  # fmt: skip

memory: list[Entry] = [
    *both("a list", "a list that grows for ever", "kept = []\nwhile True:\n    kept.append([0] * 10 ** 6)",
          "out of memory"),
    *both("bytes", "a hundred gigabytes at once", "kept = bytearray(10 ** 11)", "out of memory"),
    at_call("a tensor", "a tensor of 400 GB", "torch.empty(10 ** 11)", "out of memory"),
    at_call("tensors", "tensors until none fits", "kept = []\nwhile True:\n    kept.append(torch.ones(10 ** 6))",
            "out of memory"),
    at_call("an array", "a NumPy array of 8 TB", "import numpy\nnumpy.zeros(10 ** 12)", "out of memory"),
    at_call("small objects", "a dictionary that grows for ever",
            "kept = {}\nwhile True:\n    kept[len(kept)] = str(len(kept)) * 2000", "out of memory"),
    at_call("a string", "a string that doubles", "text = 'a'\nwhile True:\n    text += text", "out of memory"),
    at_call("a map", "maps memory that belongs to no file",
            "import mmap\nkept = []\nwhile True:\n    kept.append(mmap.mmap(-1, 2 ** 28))", "out of memory|raised"),
    at_call("shared memory", "asks for memory that outlives the process",
            "from multiprocessing import shared_memory\nshared_memory.SharedMemory(create=True, size=10 ** 6)",
            "raised", since="landlock"),
    at_call("a memory file", "a file that lies in memory and in no folder",
            "import os\nos.write(os.memfd_create('kept'), b'x')", "raised", since="landlock"),
    at_call("System V memory", "shared memory as in 1983",
            "import ctypes\nassert ctypes.CDLL(None).shmget(0, 4096, 0o1600) == -1", "passed", since="landlock",
            harmless=False),
    at_call("memory that is swallowed", "catches the lack of memory, and goes on",
            "kept = []\nwhile True:\n    try:\n        kept.append(bytearray(10 ** 7))\n"
            "    except MemoryError:\n        pass", "timeout|out of memory"),
]  # fmt: skip

disk: list[Entry] = [
    at_call("a large file", "writes a gigabyte into its folder",
            "with open('large', 'wb') as file:\n    for _ in range(1024):\n        file.write(b'x' * 2 ** 20)", "raised"),
    at_call("many large files", "writes large files until none fits",
            "for number in range(100):\n    with open(f'large-{number}', 'wb') as file:\n"
            "        file.write(b'x' * 2 ** 20)", "raised", since="namespaces", harmless=False),
    at_call("many files", "makes ten thousand files",
            "for number in range(10_000):\n    open(f'file-{number}', 'w').close()", "raised", since="namespaces"),
    at_call("a sparse file", "a file of a terabyte that takes no room",
            "with open('sparse', 'wb') as file:\n    file.truncate(10 ** 12)", "raised"),
    at_call("deep folders", "a hundred folders in each other",
            "import os\nfor _ in range(100):\n    os.mkdir('deeper')\n    os.chdir('deeper')"),
    at_call("a locked folder", "makes its folder unreadable",
            "import os\nname = f'locked-{x.dim()}'\nos.mkdir(name)\nopen(name + '/file', 'w').close()\n"
            "try:\n    os.chmod(name, 0)\nexcept OSError:\n    pass"),
    at_call("a link out", "a symbolic link to another folder, written through",
            "import os\nos.symlink('/usr', 'out')\nopen('out/groundup-battery', 'w')", "raised", since="landlock",
            harmless=False),
    at_call("a pipe with a name", "a FIFO that nobody reads",
            "import os\nos.mkfifo('pipe')\nopen('pipe', 'w')", "raised", since="landlock", harmless=False),
    at_call("a device", "makes a device of its own", "import os\nos.mknod('disk', 0o60600, os.makedev(8, 0))",
            "raised", since="landlock", harmless=False),
    at_call("odd names", "files whose names are no text",
            "for name in (b'\\xff\\xfe', b'new\\nline', b'-rf', b' '):\n    open(name, 'w').close()"),
    at_call("descriptors", "opens files until none can be opened",
            "kept = []\nwhile True:\n    kept.append(open('/dev/null'))", "raised"),
    *both("elsewhere", "writes where it may not",
          "open('/usr/groundup-battery', 'w')", "raised", since="landlock", harmless=False),
]  # fmt: skip

FLOOD_C = """
import ctypes
puts = ctypes.CDLL(None).puts
while True:
    puts(b"y" * 1000)
"""
FLOOD_CAUGHT = """
while True:
    try:
        print("x" * 10 ** 5)
    except BaseException:
        pass
"""
EVIL = r"\x1b[2J\x1b]0;owned\x07\x9b31m\u202e\u2066\x00 <script>alert(1)</script> <img src=x onerror=alert(1)>"

output: list[Entry] = [
    *both("a flood", "prints for ever", "while True:\n    print('x' * 1000)", "too much output"),
    at_call("a flood without lines", "prints for ever, with no newline",
            "import sys\nwhile True:\n    sys.stdout.write('x' * 1000)\n    sys.stdout.flush()", "too much output"),
    at_call("a flood of errors", "writes to the error stream for ever",
            "import sys\nwhile True:\n    print('x' * 1000, file=sys.stderr)", "too much output"),
    at_call("a flood beneath Python", "writes to descriptor 1 for ever",
            "import os\nwhile True:\n    os.write(1, b'x' * 1000)", "too much output"),
    at_call("a flood from C", "the C library's own output", FLOOD_C, "too much output"),
    at_call("a flood that swallows", "prints for ever, whatever is raised", FLOOD_CAUGHT, "too much output"),
    at_call("no text", "prints bytes that are no UTF-8",
            "import sys\nsys.stdout.buffer.write(bytes(range(128, 256)) * 4)"),
    *both("escapes and markup", "prints terminal escapes, direction marks and a script", f"print('{EVIL}')"),
    at_call("escapes raised", "the same in an exception's text", f"raise ValueError('{EVIL}')", "raised"),
    at_import("escapes in a syntax error", "the same in the source's own line", f"def '{EVIL}'", "raised"),
    at_call("a long exception", "an exception whose text has ten million characters",
            "raise ValueError('x' * 10 ** 7)", "raised"),
    at_call("an exception that raises", "an exception whose text cannot be made",
            "class Bad(Exception):\n    def __str__(self):\n        raise self\n    __repr__ = __str__\nraise Bad",
            "raised"),
    at_call("an exception that hangs", "an exception whose text is never finished",
            "class Bad(Exception):\n    def __str__(self):\n        while True:\n            pass\n"
            "    __repr__ = __str__\nraise Bad", "timeout|raised"),
    at_call("an exception with a long name", "a class whose name is a megabyte of markup",
            "raise type('<b>' * 10 ** 6, (Exception,), {})('here')", "raised"),
    at_call("an exception about itself", "a chain of exceptions that closes on itself",
            "one, other = ValueError(1), ValueError(2)\none.__cause__, other.__cause__ = other, one\nraise one",
            "raised"),
    at_call("a deep traceback", "raises out of eight hundred calls",
            "def dig(depth):\n    return dig(depth - 1) if depth else 1 / 0\ndig(800)", "raised"),
    at_call("a group of exceptions", "raises a tree of exceptions",
            "tree = ValueError('leaf')\nfor _ in range(50):\n    tree = ExceptionGroup('group', [tree, tree])\n"
            "raise tree", "raised"),
    at_call("closed streams", "closes its output", "import sys\nsys.stdout.close()\nsys.stderr.close()"),
    at_call("closed descriptors", "closes descriptors 0, 1 and 2", "import os\nos.closerange(0, 3)"),
    at_call("another stream", "puts an object that raises in the output's place",
            "import sys\nclass Bad:\n    def __getattr__(self, name):\n        raise RuntimeError(name)\n"
            "sys.stdout = sys.stderr = Bad()"),
]  # fmt: skip
