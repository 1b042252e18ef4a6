"""Chat: models of the shelf at work. Each is a process of its own behind the walls of runs, spoken to by JSON lines.

``settings`` is what a learner may turn, ``words`` reads what the process says and believes none of it, ``host`` starts,
asks and ends processes, ``process`` is what runs in one: parts swapped, model loaded, tokens drawn.
"""
