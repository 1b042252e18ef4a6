"""The first three minutes: a small model that came with groundup writes, with an attention that the learner may break.

``content`` is what is shown and tried, ``host`` runs it with the learner's file, ``process`` is what runs, behind the
same walls as a lab's run. ``model/`` was trained by the project's own lab: ``groundup author starter`` makes it again.
"""
