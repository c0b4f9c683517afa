"""Faults in the isolation library: databases, Redis, leaks, logs, memory, spreading."""

from __future__ import annotations

from planted.fault import Fault

FAULTS = (
    Fault(
        name="child-repeats-names",
        room="isolation/factories",
        file="walkaway/isolation/factories.py",
        old='        child = "" if pid == self._pid else f"p{pid}"',
        new='        child = ""',
        harm="A child process that a test forks makes the same unique names as its parent.",
        first=("isolation/factories",),
    ),
    Fault(
        name="clean-up-first-in-first-out",
        room="isolation/factories",
        file="walkaway/isolation/factories.py",
        old=(
            "            call, args, kwargs = self._calls.pop()\n"
            "            try:\n"
            "                _refuse_awaitable("
        ),
        new=(
            "            call, args, kwargs = self._calls.pop(0)\n"
            "            try:\n"
            "                _refuse_awaitable("
        ),
        harm="A user is deleted before the documents that refer to it, and the clean-up fails.",
        first=("isolation/factories",),
    ),
    Fault(
        name="live-databases-dropped",
        room="isolation/databases",
        file="walkaway/isolation/databases/postgres/leftovers.py",
        old="        if not spared(name, note) and owner.try_lock(name):",
        new="        if not spared(name, note):",
        harm="A run that starts drops the databases of a run that is at work.",
        first=(
            "isolation/databases/test_killed.py::test_leftovers_of_a_killed_run_go_and_a_live_one_is_untouched",
        ),
    ),
    Fault(
        name="commit-not-seen",
        room="isolation/databases",
        file="walkaway/isolation/databases/restore.py",
        old="        if self._known == pristine and not self._probe.committed():",
        new="        if self._known == pristine:",
        harm="Rows that a thread commits late stay for the next test.",
        first=("isolation/databases/test_commits.py",),
    ),
    Fault(
        name="only-direct-references",
        room="isolation/databases",
        file="walkaway/isolation/databases/snapshot.py",
        old="more = {name for table in more for name in links.referring.get(table, ())} - found",
        new="more = {name for table in tables for name in links.referring.get(table, ())} - found",
        harm="A table that refers indirectly to an emptied one stops the clean-up with an error.",
        first=("isolation/databases/test_snapshot.py",),
    ),
    Fault(
        name="half-built-template-used",
        room="isolation/databases",
        file="walkaway/isolation/databases/sqlite/folder.py",
        old='        building = target.with_name(f"{target.name}.building")',
        new="        building = target",
        harm="A run killed while it makes the SQLite template leaves a half-built one in use.",
        first=("isolation/databases/test_killed.py::test_killed_while_the_template_is_made",),
    ),
    Fault(
        name="working-folder-not-restored",
        room="isolation/leaks",
        file="walkaway/isolation/leaks/environment.py",
        old="        if old.cwd != new.cwd and old.cwd:",
        new="        if old.cwd == new.cwd and old.cwd:",
        harm="After a test that changes the working folder all later tests run in it.",
        first=(
            "isolation/leaks/test_leaks.py::test_who_leaves_something_is_named_and_nobody_else",
        ),
    ),
    Fault(
        name="wider-fixtures-accused",
        room="isolation/leaks",
        file="walkaway/isolation/leaks/check.py",
        old="        if earlier:\n            check.widened(earlier)\n",
        new="",
        harm="The first test that uses a session's server is accused of leaking it.",
        first=("isolation/leaks/test_leaks.py", "isolation/leaks/test_owners.py"),
    ),
    Fault(
        name="rerun-has-the-same-key",
        room="isolation/logs",
        file="walkaway/isolation/logs/current_test.py",
        old="        attempt = max(before + 1, self._setups)",
        new="        attempt = before + 1",
        harm="`inv log` mixes the lines of a test's first attempt with those of its second.",
        first=("isolation/logs/test_current_test.py",),
    ),
    Fault(
        name="log-turned-over-twice",
        room="isolation/logs",
        file="walkaway/isolation/logs/files.py",
        old="            if self._is_ours():\n                path = ",
        new="            if self._file.opened():\n                path = ",
        harm="Two workers rotate a full log one after the other: what was in it is lost.",
        first=("isolation/logs/test_files.py::test_many_processes_turn_one_file_over",),
    ),
    Fault(
        name="passwords-in-urls-logged",
        room="isolation/logs",
        file="walkaway/isolation/logs/masking.py",
        old=r'_IN_URL = re.compile(r"(://[^/\s:@]*:)[^/\s@]+(?=@)")',
        new=r'_IN_URL = re.compile(r"(://[^/\s:@]+:)[^/\s@]+(?=@)")',
        harm="The password of redis://:secret@host is written to the logs.",
        first=("isolation/logs/test_secrets.py",),
    ),
    Fault(
        name="earlier-memory-counts",
        room="isolation/memory",
        file="walkaway/isolation/memory/per_test.py",
        old="    peak = process_memory.peak_bytes() - before\n",
        new="    peak = process_memory.peak_bytes()\n",
        harm="A test with limit_memory fails for what was in memory before it began.",
        first=(
            "isolation/memory/test_memory.py::test_a_test_above_its_limit_fails_with_its_peak_and_the_others_do_not",
        ),
    ),
    Fault(
        name="foreign-keys-flushed",
        room="isolation/redis",
        file="walkaway/isolation/redis/leases.py",
        old="    return str(number) in recorded or connection.dbsize() == 0",
        new="    return str(number) in recorded or connection.dbsize() >= 0",
        harm="A test run empties a Redis database that holds a developer's data.",
        first=(
            "isolation/redis/test_redis.py::test_the_services_keys_and_foreign_ones_are_never_touched",
        ),
    ),
    Fault(
        name="number-leased-twice",
        room="isolation/redis",
        file="walkaway/isolation/redis/leases.py",
        old="    return sum(holder.number == number for holder in _read(clients)) == 1",
        new="    return sum(holder.number == number for holder in _read(clients)) >= 1",
        harm="Two workers get the same Redis database and delete each other's keys.",
        first=(
            "isolation/redis/test_redis.py::test_no_number_is_leased_twice_and_a_full_server_is_refused",
        ),
    ),
    Fault(
        name="serial-beside-another",
        room="isolation/spreading",
        file="walkaway/isolation/spreading/serial.py",
        old="        return all(post.down for post in self._posts.values() if post is not kept)",
        new=(
            "        return all("
            "post.down or post.closed for post in self._posts.values() if post is not kept)"
        ),
        harm="A serial test runs beside the last parallel test of another worker.",
        first=("isolation/spreading/test_serial.py::test_serial_tests_are_last_and_alone",),
    ),
    Fault(
        name="group-of-a-serial-test-split",
        room="isolation/spreading",
        file="walkaway/isolation/spreading/index_map.py",
        old="        if not serial.isdisjoint(members):",
        new="        if serial.issuperset(members):",
        harm="A group with one serial test is torn apart: its order no longer holds.",
        first=("isolation/spreading/test_plan.py",),
    ),
    Fault(
        name="forked-workers-have-one-name",
        room="isolation",
        file="walkaway/isolation/identity.py",
        old="    if found is None or (worker is not None and not found.parallel):",
        new="    if found is None:",
        harm="Forked workers share one database and one Redis number.",
        first=("tasks/test_forks.py::test_each_worker_is_somebody_to_the_isolation_plugins",),
    ),
    Fault(
        name="leftover-in-a-group-expected",
        room="isolation",
        file="walkaway/isolation/xfail_leftovers.py",
        old="any(map(_is_left, error.exceptions))",
        new="all(map(_is_left, error.exceptions))",
        harm="An xfail hides a leak when another fixture's teardown fails, too.",
        first=(
            "isolation/leaks/test_expected_failures.py::test_it_is_an_error_beside_the_result_whatever_the_mark_says",
        ),
    ),
    Fault(
        name="subfolders-have-no-marker",
        room="isolation",
        file="walkaway/isolation/markers.py",
        old="            chain = [folder, *folder.parents][::-1]",
        new="            chain = [folder]",
        harm="`-m integration` leaves out the tests in folders below tests/integration.",
        first=("isolation/test_markers.py",),
    ),
)
