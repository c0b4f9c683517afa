"""The kinds of lines that the recorder writes into `events.jsonl` and `failures.jsonl`.

A kind is the value of a line's key `e`. docs/guide/reference.md ("Events") says when each is
written, and with which fields. The recorder cannot import this and has a copy of these names in its
own `event_kinds.py`. tests/walkaway/model/test_event_kinds.py compares all three with the code.
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
