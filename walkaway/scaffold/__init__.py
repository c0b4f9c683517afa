"""Files that a project needs to use walkaway as a library; `init` shows and writes them.

Must not know runs or Invoke: the task names and help texts are arguments.
"""
