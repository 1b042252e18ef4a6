"""What keeps a learner's code from the rest of the machine, layer by layer, through system calls by ctypes.

``rlimits`` works everywhere; ``landlock``, ``seccomp`` and ``namespaces`` on Linux. ``layers`` puts them together and
says which the kernel grants. No layer is a guarantee: a hole in the kernel opens all of them. For strangers on the open
internet put a virtual machine or gVisor around the whole.
"""
