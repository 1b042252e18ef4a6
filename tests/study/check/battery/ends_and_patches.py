"""Files that end their process, leave others behind, or change the libraries that the checker stands on."""

from __future__ import annotations

from battery.entry import Entry, at_call, at_import, both

BOMB = """
import os
while True:
    os.fork()
"""
DOUBLE_FORK = """
import os, time
try:
    if os.fork() == 0:
        if os.fork() == 0:
            time.sleep(1000)
        os._exit(0)
except OSError:
    pass
"""
DAEMON = """
import threading, time
def late():
    while True:
        time.sleep(0.001)
threading.Thread(target=late, daemon=True).start()
threading.Thread(target=late).start()
"""
DELETER = """
class Late:
    def __del__(self):
        while True:
            pass
import builtins
builtins.kept_of_the_battery = Late()
"""

ends: list[Entry] = [
    *both("exit", "leaves as a program does", "import sys\nsys.exit(0)", "raised"),
    *both("exit at once", "leaves with the code of success", "import os\nos._exit(0)", "crashed"),
    *both("abort", "ends itself by SIGABRT", "import os\nos.abort()", "crashed"),
    *both("a segmentation fault", "reads address 0", "import ctypes\nctypes.string_at(0)", "crashed"),
    at_call("a kill", "kills itself (the first process of a pid namespace cannot)", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
            "crashed|passed"),
    at_call("a stop", "stops itself (the first process of a pid namespace cannot)", "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
            "timeout|passed"),
    at_call("a forged cause", "ends itself by the signal of a forbidden call",
            "import os, signal\nos.kill(os.getpid(), signal.SIGSYS)\nraise ValueError", "raised", since="landlock",
            harmless=False),
    at_call("a stop of the parent", "stops the process that started it",
            "import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)", "raised", since="landlock", harmless=False),
    at_call("a kill of the parent", "kills the process that started it",
            "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)", "raised", since="landlock", harmless=False),
    at_call("a kill of all", "kills every process that it may",
            "import os, signal\nos.kill(-1, signal.SIGKILL)", "raised", since="landlock", harmless=False),
    at_call("a kill of the group", "kills its process group", "import os, signal\nos.killpg(0, signal.SIGKILL)",
            "raised", since="landlock"),
    at_call("an interrupt", "raises what Ctrl+C raises", "raise KeyboardInterrupt", "raised"),
    at_call("a generator's end", "raises GeneratorExit", "raise GeneratorExit", "raised"),
    at_call("no memory, it says", "raises MemoryError without using any", "raise MemoryError", "raised|out of memory"),
    at_call("not written, it says", "raises NotImplementedError", "raise NotImplementedError", "missing"),
    *both("last words", "asks to loop when the process ends",
          "import atexit\ndef last():\n    while True:\n        print('late')\natexit.register(last)"),
    *both("a deleter that hangs", "leaves an object that loops when it goes", DELETER, "passed|timeout"),
    *both("another program", "becomes a shell", "import os\nos.execv('/bin/sh', ['sh', '-c', 'echo owned'])", "raised",
          since="landlock", harmless=False),
    *both("a shell", "starts a shell", "import subprocess\nsubprocess.run(['sh', '-c', 'sleep 100 & echo owned'])",
          "raised", since="landlock", harmless=False),
    at_call("a spawn", "starts a program without a fork of Python's",
            "import os\nos.posix_spawn('/bin/sleep', ['sleep', '100'], {})", "raised", since="landlock",
            harmless=False),
    *both("threads left running", "leaves two threads behind", DAEMON),
    *both("a double fork", "leaves a grandchild that holds the pipe", DOUBLE_FORK, since="landlock", harmless=False),
    *both("a fork bomb", "doubles itself for ever", BOMB, "raised", since="landlock", harmless=False),
    at_call("a pool", "computes in processes of its own",
            "import multiprocessing\nmultiprocessing.get_context('fork').Pool(2)", "raised", since="landlock",
            harmless=False),
    at_call("workers of a loader", "loads data in two processes",
            "from torch.utils.data import DataLoader\nlist(DataLoader([1, 2, 3], num_workers=2))", "raised",
            since="landlock", harmless=False),
    at_call("thread after thread", "starts threads until none can be started",
            "import threading, time\nwhile True:\n"
            "    threading.Thread(target=time.sleep, args=(1e6,), daemon=True).start()", "raised|out of memory|timeout"),
]  # fmt: skip

# All of these return a wrong result and try to have it taken for a right one.
WRONG = "return x * 3"
patches: list[Entry] = [
    at_call("equality", "makes every comparison true",
            "torch.Tensor.__eq__ = torch.equal = torch.allclose = torch.isclose = lambda *a, **k: True\n" + WRONG,
            "wrong"),
    at_call("testing", "empties torch.testing",
            f"import torch.testing\ntorch.testing.assert_close = lambda *a, **k: None\n{WRONG}", "wrong"),
    at_call("NumPy", "makes NumPy agree with everything",
            f"import numpy\nnumpy.allclose = numpy.array_equal = lambda *a, **k: True\n{WRONG}", "wrong"),
    at_call("assertions", "empties the exceptions", f"import builtins\nbuiltins.AssertionError = Warning\n{WRONG}",
            "wrong"),
    *both("length", "breaks len for everybody",
          "import builtins\nold = builtins.len\nbuiltins.len = lambda one: 0", "passed|crashed|raised|wrong"),
    at_import("types", "makes isinstance true for everybody",
              "import builtins\nbuiltins.isinstance = lambda one, kind: True", "passed|crashed|raised|wrong"),
    at_import("imports", "breaks the import statement for everybody",
              "import torch, builtins\ndef none(*a, **k):\n    raise ImportError\nbuiltins.__import__ = none",
              "raised|crashed"),
    at_call("modules", "empties the table of modules", "import sys\nsys.modules.clear()",
            "passed|crashed|raised|wrong"),
    at_call("JSON", "replaces JSON, struct and hashlib",
            "import sys\nfor name in ('json', 'struct', 'hashlib', 'random'):\n    sys.modules[name] = None\n" + WRONG,
            "wrong"),
    at_import("the drivers", "replaces the drivers by its own",
              "import sys, torch\ndrivers = sys.modules['groundup_drivers']\n"
              "for name in [one for one in vars(drivers) if one.startswith('doubled')]:\n"
              "    setattr(drivers, name, lambda my, rng: torch.zeros(3))", "wrong|passed"),
    at_call("the random source", "makes every draw the same",
            "import sys\nfor module in list(sys.modules.values()):\n    rng = getattr(module, 'Rng', None)\n"
            f"    if rng:\n        rng.normal = lambda self, *shape, **k: torch.zeros(shape)\n{WRONG}", "wrong"),
    at_call("the seeds", "fixes the seeds of all libraries",
            f"import random, numpy\ntorch.manual_seed(0)\nnumpy.random.seed(0)\nrandom.seed(0)\n{WRONG}", "wrong"),
    at_call("the reader", "replaces what encodes results",
            "from groundup.study.check import wire\nold = wire.encode\n"
            f"wire.encode = lambda value, **more: old({{**value, 'passed': True, 'kind': 'passed'}}, **more)\n{WRONG}",
            "wrong"),
    at_call("the watch", "replaces what notes changed inputs, and changes them",
            "import sys\nlearner = sys.modules['groundup.study.check.learner']\n"
            "learner.Notes = lambda: None\nx.mul_(2)\nreturn x.clone()", "wrong|passed|crashed"),
    at_call("the clock", "turns the clock back",
            "import time\ntime.perf_counter = time.monotonic = time.time = lambda: -1e9"),
    at_call("traces", "follows every line that is run",
            "import sys\nsys.settrace(lambda *a: None)\nsys.setprofile(lambda *a: None)"),
    at_call("a trace that raises", "raises at every line that is run",
            "import sys\ndef trace(*a):\n    raise RuntimeError('traced')\nsys.settrace(trace)", "passed|raised|crashed"),
    at_call("the collector", "turns the garbage collector off", "import gc\ngc.disable()\ngc.freeze()"),
    at_call("the switch interval", "keeps other threads from running", "import sys\nsys.setswitchinterval(1e9)"),
    at_call("the default dtype", "changes what torch makes by default",
            "torch.set_default_dtype(torch.float64)\ntorch.set_grad_enabled(False)\ntorch.set_num_threads(4)"),
    at_call("the default device", "makes every tensor on a device without memory",
            "torch.set_default_device('meta')", "passed|wrong|raised"),
    at_import("frames", "looks for an expected value in the calling frames",
              "import sys\nframe = sys._getframe()\nwhile frame:\n    found = [n for n in frame.f_locals if "
              "'expected' in n or 'reference' in n]\n    assert not found, found\n    frame = frame.f_back"),
    at_call("the heap", "looks for a reference among all objects",
            "import gc, types\nfound = [one for one in gc.get_objects() if isinstance(one, types.FunctionType)\n"
            "         and (one.__module__ or '').startswith(('groundup.stack', 'groundup.curriculum'))]\n"
            "assert not found, found"),
    at_call("calling frames", "looks for the answer in the frames of whoever called",
            "import sys\nframe = sys._getframe(1)\nwhile frame:\n    for one in frame.f_locals.values():\n"
            "        if isinstance(one, torch.Tensor) and one is not x and one.shape == x.shape:\n"
            "            assert not torch.equal(one, x * 2), frame\n    frame = frame.f_back"),
    at_call("the heap's job", "changes the job that the child holds",
            "import gc\nfor one in gc.get_objects():\n    if type(one).__name__ == 'Child':\n"
            "        one.job['seed'] = 0\n        one.rngs.clear()\n" + WRONG, "wrong|crashed"),
    at_import("another module", "puts an object in its module's place",
              "import sys, torch\nclass Anything:\n    def __getattr__(self, name):\n"
              "        return lambda x: x * 2\nsys.modules[__name__] = Anything()", "passed|raised|missing"),
    at_import("itself", "imports itself", "import importlib\nassert importlib.import_module(__name__)"),
    at_import("hooks", "puts a finder before all others",
              "import sys\nclass Finder:\n    def find_spec(self, name, path=None, target=None):\n"
              "        raise ImportError('no ' + name)\nsys.meta_path.insert(0, Finder())", "passed|raised"),
    at_call("warnings", "makes every warning an error, and warns",
            "import warnings\nwarnings.simplefilter('error')\nwarnings.warn('here')", "raised"),
]  # fmt: skip
