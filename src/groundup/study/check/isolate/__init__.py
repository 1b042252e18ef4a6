"""What keeps a learner's code from the rest of the machine, layer by layer, through system calls by ctypes.

``rlimits`` works everywhere; ``landlock``, ``seccomp`` and ``namespaces`` on Linux. ``layers`` puts them together and
says which the kernel grants. No layer is a guarantee: a hole in the kernel opens all of them. For strangers on the open
internet put a virtual machine or gVisor around the whole.

Not protected against, by platform:

- everywhere: holes in the kernel, the processor's side channels, use of the processor up to the time limit;
- Linux where user namespaces are granted: nothing that the battery (``tests/study/check/battery``) tries;
- Linux without them (some containers, hardened distributions): other processes can be seen though not touched, sockets
  that lie in folders can be connected to, one child may make many small files until its folder is removed;
- Linux without Landlock (before 5.13) and without namespaces: files of the user can be read and changed;
- macOS: only ``rlimits``. Files, the network, processes and signals are open, memory is not bounded. Check only code
  that you would run anyway.
"""
