"""Runs: labs at work. Each is a process of its own, behind walls, with a folder of its own that says all about it.

``records`` reads that folder, ``control`` starts, stops and resumes, ``process`` is what runs, ``walls`` is its
isolation, ``machine`` what there is to compute with. A run outlives the page, the terminal and the server that began
it: nothing about it is kept but in its folder, and whether it lives is asked of the kernel (a lock), not of a pid.
"""
