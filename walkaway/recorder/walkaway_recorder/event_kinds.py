"""The kinds of lines in `events.jsonl` and `failures.jsonl`, as in walkaway/model/event_kinds.py.

The values stand once more in the hot path of `ledger.py`, as bytes.
"""

# In events.jsonl, about the session
LOADED = "loaded"
CONFIGURED = "configured"
COLLECTED = "collected"
COLLECTION_ERROR = "ce"
COLLECTION_SKIPPED = "cs"
RUN_LOOP = "loop"
STOPPING_EARLY = "stopping"
INTERRUPTED = "ki"
INTERNAL_ERROR = "ie"
WARNING = "wn"
SESSION_FINISHED = "finish"
THRESHOLDS_MISSED = "missed"
CHECKPOINT = "k"
END = "end"

# In events.jsonl, about tests
TEST_STARTED = "s"
TEST_FINISHED = "f"
SUBTEST_FAILED = "sub"
ATTEMPT_RERUN = "rr"
RESULT_UNKNOWN = "unknown"

# In events.jsonl, about workers
WORKER_UP = "wup"
WORKER_DOWN = "wdown"
DRAINING = "drain"
DRAINED = "drained"

# In events.jsonl, about what disturbed the recorder
RECORDER_ERROR = "re"
FILES_CLOSED = "closed"
FILE_SIZE_LIMITED = "limit"

# In failures.jsonl
FAILURE = "x"
ATTEMPT_FAILURE = "a"
RETRACTED = "back"
