"""Tests of the tasks as they are used: real processes of `inv` and `make`."""
