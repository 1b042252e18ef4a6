"""What a build can return, and what a file can hold: odd values, odd definitions, odd sources."""

from __future__ import annotations

from battery.entry import RIGHT, Entry, at_call, whole

SUBCLASS = """
class Agreeable(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        name = getattr(function, "__name__", "")
        if name in ("eq", "equal", "allclose", "__eq__", "isclose"):
            return torch.tensor(True)
        return super().__torch_function__(function, types, args, kwargs or {})
return (x * 3).as_subclass(Agreeable)
"""
EQUAL = """
class Equal:
    shape, dtype, device = x.shape, x.dtype, x.device
    def __eq__(self, other):
        return True
    __hash__ = None
    def __getattr__(self, name):
        return lambda *a, **k: True
return Equal()
"""
LAZY = """
class Lazy:
    def __array__(self, *a, **k):
        while True:
            pass
    __float__ = __len__ = __iter__ = __index__ = __repr__ = __str__ = __bool__ = __array__
return Lazy()
"""
PICKLED = """
class Pickled:
    def __reduce__(self):
        return print, ("unpickled",)
return Pickled()
"""
MAPPING = """
class Odd(dict):
    def items(self):
        while True:
            yield "a", 1
    __iter__ = keys = __len__ = items
return Odd(a=1)
"""

values: list[Entry] = [
    at_call("a tensor that agrees", "a tensor subclass that equals everything", SUBCLASS, "wrong"),
    at_call("an object that agrees", "an object that equals everything", EQUAL, "wrong"),
    at_call("a lazy object", "an object that hangs when it is looked at", LAZY, "wrong|timeout"),
    at_call("a pickle", "an object that runs code where it is unpickled", PICKLED, "wrong"),
    at_call("an odd mapping", "a dict subclass whose items have no end", MAPPING, "wrong|timeout|out of memory"),
    at_call("a repr that raises", "an object that cannot be shown",
            "class Bad:\n    def __repr__(self):\n        raise RuntimeError\n    __str__ = __repr__\nreturn Bad()", "wrong"),
    at_call("a huge tensor", "80 MB of numbers", "return torch.zeros(2 * 10 ** 7)", "wrong"),
    at_call("a huge shape", "one number, expanded to a trillion", "return torch.zeros(1).expand(10 ** 12)", "wrong"),
    at_call("huge text", "text of 40 MB", "return 'x' * (4 * 10 ** 7)", "wrong"),
    at_call("a huge number", "a whole number of ten thousand digits", "return 10 ** 10_000", "wrong"),
    at_call("half a character", "text that is no text", "return '\\ud800'", "wrong"),
    at_call("a list in itself", "a list that holds itself", "one = []\none.append(one)\nreturn one", "wrong"),
    at_call("a deep list", "lists in lists, a hundred thousand deep",
            "one = []\nfor _ in range(10 ** 5):\n    one = [one]\nreturn one", "wrong"),
    at_call("a wide list", "a list of three million numbers", "return list(range(3 * 10 ** 6))", "wrong"),
    at_call("not a number", "NaN everywhere", "return x * float('nan')", "wrong"),
    at_call("infinity", "infinity everywhere", "return x * float('inf')", "wrong"),
    at_call("another dtype", "float64 where float32 was given", "return x.double() * 2", "wrong"),
    at_call("half precision", "float16 where float32 was given", "return (x * 2).half()", "wrong"),
    at_call("no memory", "a tensor without data", "return torch.empty_like(x, device='meta')", "wrong"),
    at_call("freed memory", "a tensor whose memory was given back",
            "y = x * 2\ny.untyped_storage().resize_(0)\nreturn y", "wrong|crashed|raised"),
    at_call("foreign memory", "an array over address 4096",
            "import ctypes\nplace = (ctypes.c_float * 6).from_address(4096)\n"
            "return torch.frombuffer(place, dtype=torch.float32)", "crashed|wrong|raised"),
    at_call("a sparse tensor", "the right numbers, stored sparsely", "return (x * 2).to_sparse()", "wrong"),
    at_call("a complex tensor", "the right numbers with an imaginary part of 0", "return (x * 2).to(torch.complex64)",
            "wrong"),
    at_call("a quantized tensor", "numbers in eight bits",
            "return torch.fake_quantize_per_tensor_affine(x * 2, 0.1, 0, 0, 255)", "wrong"),
    at_call("a parameter", "the right numbers as a parameter", "return torch.nn.Parameter(x * 2)", "passed"),
    at_call("a result with a graph", "the right numbers, with their history",
            "return x.detach().clone().requires_grad_() * 2", "passed"),
    at_call("a result out of order", "the right numbers, in column order",
            "return (x * 2).t().contiguous().t() if x.dim() == 2 else x * 2", "passed"),
    at_call("a buffer used again", "always the same memory",
            "global kept\nkept = torch.empty_like(x)\nreturn torch.mul(x, 2, out=kept)", "passed"),
    at_call("changed in place", "changes what it was given", "return x.mul_(2)", "wrong"),
    at_call("changed and changed back", "changes what it was given, and undoes it",
            "x.mul_(2)\ny = x.clone()\nx.div_(2)\nreturn y", "passed|wrong"),
    at_call("the input itself", "returns what it was given", "return x", "wrong"),
    at_call("a view", "returns a view of what it was given", "return x[:]", "wrong"),
    at_call("an array", "the right numbers in another library", "return (x * 2).numpy()", "wrong|passed"),
    at_call("a list", "the right numbers in a list", "return (x * 2).tolist()", "wrong"),
    at_call("nothing", "prints, and returns nothing", "print(x * 2)\nreturn None", "wrong"),
    at_call("a class", "returns a class", "return torch.Tensor", "wrong"),
    at_call("a module", "returns a module", "import sys\nreturn sys", "wrong"),
    at_call("a verdict", "returns what it would like to hear",
            "return {'kind': 'passed', 'passed': True, 'value': x * 2}", "wrong"),
    at_call("an exception", "returns an exception", "return ValueError('here')", "wrong|raised"),
    at_call("not implemented", "returns NotImplemented", "return NotImplemented", "wrong"),
    at_call("a file", "returns an open file", "return open('file', 'w')", "wrong"),
]  # fmt: skip

DEEP = "(" * 5000 + ")" * 5000
sources: list[Entry] = [
    whole("nothing", "an empty file", b"", "missing"),
    whole("only space", "a file of blank lines", b"\n \n\t\n", "missing"),
    whole("only a comment", "a file of one comment", b"# nothing\n", "missing"),
    whole("five megabytes", "a right answer under five megabytes of comment",
          b"#" + b"x" * 5 * 10**6 + b"\n" + RIGHT.encode(), "passed|raised"),
    whole("a long line", "a literal of a million characters", b"text = '" + b"x" * 10**6 + b"'\n" + RIGHT.encode(),
          "passed"),
    whole("no UTF-8", "bytes that are no text", b"\xff\xfe\x00" + RIGHT.encode(), "raised"),
    whole("Latin-1", "another encoding, declared", "# -*- coding: latin-1 -*-\nname = 'é'\n".encode("latin-1")
          + RIGHT.encode(), "passed"),
    whole("Latin-1, not declared", "another encoding", "name = 'é'\n".encode("latin-1") + RIGHT.encode(), "raised"),
    whole("an unknown encoding", "an encoding that there is not", b"# coding: battery\n" + RIGHT.encode(), "raised"),
    whole("a byte order mark", "a right answer after a byte order mark", b"\xef\xbb\xbf" + RIGHT.encode(), "passed"),
    whole("null bytes", "zeros in the text", b"x = 1\x00\n" + RIGHT.encode(), "raised"),
    whole("Windows", "a right answer with the line ends of Windows", RIGHT.replace("\n", "\r\n").encode(), "passed"),
    whole("old Macintosh", "a right answer with the line ends of 1990", RIGHT.replace("\n", "\r").encode(), "passed"),
    whole("tabs and spaces", "both in one block", "def double(x):\n\ty = x\n        return y * 2\n", "raised"),
    whole("a syntax error", "a bracket that is never closed", "def double(x:\n    return x * 2\n", "raised"),
    whole("deep brackets", "brackets in brackets, five thousand deep", f"x = {DEEP}\n" + RIGHT, "raised|crashed"),
    whole("deep minus", "a hundred thousand minus signs", "x = " + "-" * 10**5 + "1\n" + RIGHT,
          "raised|crashed|out of memory|passed"),
    whole("a large literal", "a whole number of a hundred thousand digits", f"x = {'9' * 10**5}\n" + RIGHT, "raised"),
    whole("other digits", "digits of another script in a name", "x٣ = 1\n" + RIGHT, "passed"),
    whole("no such function", "another function", "def triple(x):\n    return x * 3\n", "missing"),
    whole("misspelt", "a name with a capital", "def Double(x):\n    return x * 2\n", "missing"),
    whole("unwritten", "the stub", "def double(x):\n    raise NotImplementedError\n", "missing"),
    whole("a number for a function", "the name holds a number", "double = 2\n", "raised|missing|wrong"),
    whole("a class for a function", "the name holds a class",
          "class double:\n    def __init__(self, x):\n        self.x = x * 2\n", "wrong"),
    whole("too few arguments", "a function of none", "def double():\n    return 2\n", "raised"),
    whole("too many arguments", "a function of three", "def double(x, y, z):\n    return x * 2\n", "raised"),
    whole("by keyword only", "an argument that must be named", "def double(*, x):\n    return x * 2\n", "raised"),
    whole("a coroutine", "async def", "async def double(x):\n    return x * 2\n", "wrong"),
    whole("a generator", "yields what it should return", "def double(x):\n    yield x * 2\n", "wrong"),
    whole("a lambda", "the right answer as a lambda", "double = lambda x: x * 2\n", "passed"),
    whole("a partial", "the right answer as a partial function",
          "import functools, operator\ndouble = functools.partial(operator.mul, 2)\n", "passed"),
    whole("a callable object", "the right answer as an object",
          "class Doubler:\n    def __call__(self, x):\n        return x * 2\ndouble = Doubler()\n", "passed"),
    whole("a decorated function", "the right answer under a decorator",
          "import functools\n@functools.cache\ndef factor():\n    return 2\n"
          "def double(x):\n    return x * factor()\n", "passed"),
    whole("a library", "an import of what is not there", "import tensorflow_of_the_battery\n" + RIGHT, "raised"),
    whole("an answer", "an import of the reference", "from groundup.stack.numerics.vectors import dot\n" + RIGHT,
          "raised", since="landlock"),
    whole("the future", "a statement that Python refuses", "from __future__ import braces\n", "raised"),
    whole("a script", "asks for input, as a script does", "number = input('number? ')\n" + RIGHT, "raised"),
    whole("a name at module level", "uses what is not defined", "answer = double(torch.ones(3))\n" + RIGHT, "raised"),
    whole("a module that knows everything", "has every name there is",
          "def __getattr__(name):\n    return lambda x: x * 2\n", "passed|missing"),
    whole("deleted", "defines, and deletes", RIGHT + "del double\n", "missing"),
    whole("module style", "the right answer by a layer",
          "import torch\nclass Double(torch.nn.Module):\n    def forward(self, x):\n        return x * 2\n"
          "double = Double()\n", "passed"),
]  # fmt: skip
