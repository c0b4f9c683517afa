"""The kinds of lines in a run's `supervisor.jsonl` and a hunt's `attempts.jsonl`.

A kind is the value of a line's key `e`. docs/guide/reference.md ("Events") says when each is
written, and with which fields.
"""

# In supervisor.jsonl
SUPERVISOR_STARTED = "supervisor"
PREPARING = "preparing"
ENVIRONMENT_LEASED = "lease"
SERVICES_CLEANED = "cleaned"
SPAWNED = "spawn"
PHASE = "phase"
SOURCE_TREE = "tree"
SILENT = "silent"
LINGERING = "linger"
LIMIT_REACHED = "limit"
STOP_REQUESTED = "stop"
SIGNAL_SENT = "signal"
PROCESSES_LEFT = "left"
EXITED = "exit"
ENGINE_ANSWERS = "engine"
FAULT = "fault"

# In attempts.jsonl
ATTEMPT_ENDED = "attempt"
