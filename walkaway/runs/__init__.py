"""The life of a run: command, start, status, verdict, stop. Must not import Invoke or print."""
