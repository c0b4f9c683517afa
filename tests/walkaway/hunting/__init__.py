"""The hunt for flaky tests: order, statistics, comparison, driver."""
