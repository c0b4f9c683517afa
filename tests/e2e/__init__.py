"""Tests that do what people do, in a browser, on the pages of the whole platform."""
